"""A side of a comparison: runs, by machine, in which each process is one measurement."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from suite import results
from suite.results import Run, UnreadableRun


@dataclass(frozen=True)
class Side:
    """Timed runs under one name, oldest first. errors: what could not be read."""

    label: str
    runs: tuple[Run, ...]
    errors: tuple[UnreadableRun, ...] = ()

    @property
    def machines(self) -> dict[str, tuple[Run, ...]]:
        """The runs of every machine."""
        found: dict[str, tuple[Run, ...]] = {}
        for run in self.runs:
            found[machine_of(run)] = (*found.get(machine_of(run), ()), run)
        return found


def of_path(path: Path) -> Side:
    """The side of a run's folder or a file in it, a machine's folder, or a folder of results.

    Raises ValueError when there is no timed run that can be read.
    """
    if path.is_file() and not (path.parent / "run.json").is_file():
        raise ValueError(f"{path}: no timed run: a run is a folder with run.json and cells.csv")
    folder = path.parent if path.is_file() else path
    if (folder / "run.json").is_file():
        runs, errors = _read([folder])
    elif found := sorted(file.parent for file in folder.glob("*/run.json")):
        runs, errors = _read(found)
    else:
        runs, errors = results.read_all(folder)
    timed = [run for run in runs if run.info.get("mode", "time") == "time"]
    if not timed:
        why = "; ".join(map(str, errors)) or "a run is a folder with run.json and cells.csv"
        raise ValueError(f"{path}: no timed run: {why}")
    return Side(str(path), tuple(timed), tuple(errors))


def machine_of(run: Run) -> str:
    """The fingerprint of the machine that a run was measured on."""
    known = run.info.get("machine", {}).get("fingerprint")
    return known or (run.folder.parent.name if run.folder else "this machine")


def _read(folders: list[Path]) -> tuple[list[Run], list[UnreadableRun]]:
    runs, errors = [], []
    for folder in folders:
        if folder.name.startswith(".") or not results.is_timed(folder):
            continue
        try:
            runs.append(results.read(folder))
        except UnreadableRun as error:
            errors.append(error)
    return sorted(runs, key=lambda run: str(run.info.get("finished", ""))), errors
