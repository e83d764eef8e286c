"""Proofs are run, verdicts follow from their evidence, and both are kept beside the versions used.

A verdict is ``wrong`` when some evidence disagrees, ``holds`` when all of it agrees; an entry whose
package is missing keeps the verdict and evidence that were recorded when it was there, and is ``not
run`` where there are none; a proof that raises has ``failed``. An entry is as declared when a fault
shows, or when "none" was declared and holds.
"""

from __future__ import annotations

import dataclasses
import importlib.metadata
import importlib.util
import json
import math
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from suite.errata.entry import Erratum, Evidence

Verdict = Literal["wrong", "holds", "not run", "failed"]
SCHEMA_VERSION = 1


@dataclass(frozen=True)
class Proved:
    """An entry with what its proof found.

    recorded: the evidence is an earlier run's. reason: why it was not run, or how it failed.
    """

    entry: Erratum
    verdict: Verdict
    evidence: tuple[Evidence, ...] = ()
    versions: Mapping[str, str] = field(default_factory=dict)
    reason: str = ""
    recorded: bool = False

    @property
    def as_declared(self) -> bool:
        """Whether the proof shows what the entry declares; nothing is held against one not run."""
        declared = "holds" if self.entry.fault == "none" else "wrong"
        return self.verdict in (declared, "not run")

    @property
    def telling(self) -> tuple[Evidence, ...]:
        """The evidence that the verdict rests on: what disagrees, or all of it."""
        return tuple(e for e in self.evidence if not e.agrees) or self.evidence


def verdict_of(evidence: Iterable[Evidence]) -> Verdict:
    """``holds`` when all evidence agrees (and there is some), else ``wrong``."""
    found = tuple(evidence)
    return "holds" if found and all(item.agrees for item in found) else "wrong"


def prove(entry: Erratum) -> Proved:
    """Run an entry's proof where its packages are there; never raises."""
    # Read by jax when it is imported; float64 evidence needs it.
    os.environ.setdefault("JAX_ENABLE_X64", "1")
    if missing := [name for name in entry.needs if importlib.util.find_spec(name) is None]:
        return Proved(entry, "not run", reason=f"{', '.join(missing)} not installed")
    versions = {name: _version(name) for name in entry.needs}
    try:
        evidence = tuple(entry.proof())
    except Exception as error:  # a proof is somebody's code: its failure is an outcome
        reason = f"{type(error).__name__}: {error}".splitlines()[0]
        return Proved(entry, "failed", versions=versions, reason=reason)
    return Proved(entry, verdict_of(evidence), evidence, versions)


def _version(package: str) -> str:
    """Of the distribution that a package is imported from; POT's package is ot."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return importlib.metadata.version(importlib.metadata.packages_distributions()[package][0])


def with_recorded(found: Iterable[Proved], file: Path) -> tuple[Proved, ...]:
    """Entries that could not be run get the evidence of the file, if it has any."""
    stored = json.loads(file.read_text(encoding="utf-8"))["entries"] if file.is_file() else {}
    result = []
    for item in found:
        if item.verdict == "not run" and item.entry.name in stored:
            item = _from_record(item, stored[item.entry.name])
        result.append(item)
    return tuple(result)


def record(found: Iterable[Proved], file: Path) -> None:
    """Write the evidence of every entry that has any, with the versions it was made with."""
    entries = {item.entry.name: _to_record(item) for item in found if item.evidence}
    text = json.dumps({"schema_version": SCHEMA_VERSION, "entries": entries}, indent=1)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text + "\n", encoding="utf-8")


def _to_record(item: Proved) -> dict:
    evidence = [
        {
            "quantity": e.quantity,
            "published": _plain(e.published),
            "right": _plain(e.right),
            "tolerance": e.tolerance,
            "unit": e.unit,
        }
        for e in item.evidence
    ]
    return {"versions": dict(item.versions), "evidence": evidence}


def _from_record(item: Proved, stored: dict) -> Proved:
    evidence = tuple(_evidence(e) for e in stored["evidence"])
    found = evidence, stored["versions"], item.reason
    return Proved(item.entry, verdict_of(evidence), *found, recorded=True)


def _evidence(stored: dict) -> Evidence:
    """As recorded, in six digits: what agreed before it was rounded still does."""
    numbers = {name: float(stored[name]) for name in ("published", "right")}
    found = Evidence(**{**stored, **numbers})
    if not found.agrees and all(map(math.isfinite, numbers.values())) and found.tolerance:
        rounded = 1e-5 * max(map(abs, numbers.values()))
        wider = dataclasses.replace(found, tolerance=found.tolerance + rounded)
        return wider if wider.agrees else found
    return found


def _plain(value: float) -> float | str:
    """Six digits, since the last ones differ from machine to machine; NaN and inf as words."""
    return float(f"{value:.6g}") if math.isfinite(value) else str(float(value))
