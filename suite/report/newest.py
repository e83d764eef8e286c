"""Which runs a reader is shown: of every machine the newest that leave nothing out."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from suite.results import Run


def by_machine(runs: Iterable[Run]) -> dict[str, list[Run]]:
    """Timed, stored runs by their machine's folder, oldest first."""
    found: dict[str, list[Run]] = {}
    for run in runs:
        if run.folder is not None and run.info.get("mode", "time") == "time":
            found.setdefault(run.folder.parent.name, []).append(run)
    return {
        machine: sorted(theirs, key=lambda run: str(run.info.get("finished", "")))
        for machine, theirs in sorted(found.items())
    }


def for_report(runs: list[Run]) -> Path:
    """The folder of one machine's newest run among those that cover most operators."""
    best = max(runs, key=_breadth)
    chosen = [run for run in runs if _breadth(run) == _breadth(best)][-1]
    assert chosen.folder is not None
    return chosen.folder


def sweeps(runs: list[Run]) -> Path | None:
    """The folder of one machine's newest run of the full profile, where there is one."""
    full = [run for run in runs if run.info.get("profile") == "full" and _whole(run)]
    return full[-1].folder if full else None


def by_operator(runs: list[Run]) -> dict[str, Run]:
    """One machine's newest run of every operator; one of chosen cases where none is whole."""
    found: dict[str, Run] = {}
    for whole in (False, True):
        for run in runs:
            if _whole(run) == whole:
                found |= dict.fromkeys(run.info.get("cases", {}), run)
    return dict(sorted(found.items()))


def _whole(run: Run) -> bool:
    return bool(run.info.get("whole", True))


def _breadth(run: Run) -> tuple[bool, int]:
    return _whole(run), len(run.info.get("cases", {}))
