"""What published formulas get wrong, and where they hold: each entry with a proof anyone can run.

Every file of this folder that says ``ENTRIES = (...)`` is one source and gives its entries. They
import nothing that their proofs need: a missing package costs its own entries only.
"""

from __future__ import annotations

import functools
import importlib
from pathlib import Path

from suite.errata.entry import Erratum, Evidence, Fault

__all__ = ["Erratum", "Evidence", "Fault", "entries", "get"]


@functools.cache
def entries() -> tuple[Erratum, ...]:
    """All entries, file by file in alphabetical order; ValueError when two have one name."""
    files = sorted(Path(__path__[0]).glob("*.py"))
    sources = [f.stem for f in files if "\nENTRIES" in f.read_text(encoding="utf-8")]
    found: dict[str, Erratum] = {}
    for source in sources:
        for entry in importlib.import_module(f"{__name__}.{source}").ENTRIES:
            if entry.name in found:
                raise ValueError(f"errata entry {entry.name!r} of {source}: the name is taken")
            found[entry.name] = entry
    return tuple(found.values())


def get(name: str) -> Erratum:
    """The entry of that name; KeyError lists the names."""
    for entry in entries():
        if entry.name == name:
            return entry
    raise KeyError(f"errata entry {name!r}: expected one of {', '.join(e.name for e in entries())}")
