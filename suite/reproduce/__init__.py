"""What was published, run again: a file a source, with its experiments and its claims.

Every file of this folder that says ``SOURCE = Source(...)`` is one source, and obeys
``suite.reproduce.claims``. Published values are in ``published.csv``, and nowhere else.
"""

from __future__ import annotations

import functools
import importlib
from pathlib import Path

from suite.reproduce.claims import Source
from suite.reproduce.published import published

__all__ = ["get", "names", "source_file"]

FOLDER = Path(__path__[0])


@functools.cache
def names() -> tuple[str, ...]:
    """Names of all sources, without importing one."""
    files = sorted(FOLDER.glob("*.py"))
    return tuple(f.stem for f in files if "\nSOURCE = " in f.read_text(encoding="utf-8"))


def get(name: str) -> Source:
    """The source of that name; KeyError lists the names.

    Raises ValueError where its claims are not those of ``published.csv``, or name an experiment
    that it does not have.
    """
    if name not in names():
        raise KeyError(f"source {name!r}: expected one of {', '.join(names())}")
    source: Source = importlib.import_module(f"{__name__}.{name}").SOURCE
    stated = set(published(name))
    claimed = {claim.name for claim in source.claims}
    if stated != claimed:
        raise ValueError(
            f"{name}: published.csv and its claims differ in {sorted(stated ^ claimed)}"
        )
    experiments = {experiment.name for experiment in source.experiments}
    if unknown := {claim.experiment for claim in source.claims} - experiments:
        raise ValueError(f"{name}: claims about experiments that are not there: {sorted(unknown)}")
    return source


def source_file(name: str) -> Path:
    """The file that states a source."""
    return FOLDER / f"{name}.py"
