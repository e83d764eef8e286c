"""The store: a run is one folder of plain text, written aside and renamed, never overwritten.

    results/<machine>/<run>/run.json        machine, versions, command, cases (schema_version)
                            cells.csv       tidy: one row a cell and metric
                            samples.csv.gz  one row a timed round
                            answers.npz     where they were kept: suite.answers

Nothing is pickled; reading a run executes nothing.
"""

from __future__ import annotations

import contextlib
import json
import os
import zlib
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

import pandas as pd

SCHEMA_VERSION = 1

CELL = ("operator", "implementation", "framework", "case", "pass", "device", "dtype", "clock")
"""Columns that identify a cell (with its framework and dtype)."""

CELL_COLUMNS = (*CELL, "status", "reason", "metric", "value", "unit")
SAMPLE_COLUMNS = ("operator", "implementation", "case", "pass", "clock", "round", "seconds")
STATUSES = ("ok", "wrong", "nan", "flagged", "unsupported", "error", "oom", "timeout", "crashed")
"""What became of a cell; ``flagged`` is a right answer that was got by foul means."""

_OTHERS = ("quality.csv.gz", "energies.csv.gz", "numbers.csv.gz", "gates.csv")
"""Files of runs of other kinds: of suite.quality, suite.reproduce.store, suite.gate.study_store."""

FAILURES = ("wrong", "nan", "flagged", "error", "oom", "timeout", "crashed")
"""Statuses that make a run's command fail; a known error's own does not."""


@dataclass(frozen=True)
class Run:
    """One run. info: the content of run.json. cells, samples: frames with the columns above.

    ``status`` stands in every row of a cell; a cell without numbers has one row whose metric is
    empty. Peak memory has its own status: it is measured in a process of its own, which can fail
    alone. ``digest`` is a hash of the values of round 0, to compare runs bit for bit.
    """

    info: dict
    cells: pd.DataFrame
    samples: pd.DataFrame
    folder: Path | None = None

    @property
    def statuses(self) -> pd.DataFrame:
        """One row a cell: its identity, status and reason."""
        timed = self.cells[self.cells["metric"] != "peak_memory"]
        return timed[[*CELL, "status", "reason"]].drop_duplicates(ignore_index=True)

    def metric(self, name: str) -> pd.DataFrame:
        """One row a cell that has the metric: identity, status and value."""
        rows = self.cells[self.cells["metric"] == name]
        return rows[[*CELL, "status", "value"]].reset_index(drop=True)


class UnreadableRun(ValueError):
    """A run's folder that is truncated, malformed, or written by a newer version."""


UNREADABLE = (OSError, EOFError, ValueError, zlib.error)
"""What reading a damaged table raises; pandas' own errors are ValueErrors."""


class _Stored(Protocol):
    @property
    def info(self) -> dict: ...


_R = TypeVar("_R", bound=_Stored)


def write(run: Run, folder: Path, beside: Callable[[Path], object] | None = None) -> Path:
    """Write a run to a new folder; FileExistsError when there is one of that name.

    beside: writes more files of the run, into the folder that it is given.
    """
    if folder.exists():
        raise FileExistsError(f"{folder} exists: runs are never overwritten")
    aside = folder.with_name(f".{folder.name}.{os.getpid()}")
    aside.mkdir(parents=True)
    info = {"schema_version": SCHEMA_VERSION, **run.info}
    (aside / "run.json").write_text(json.dumps(info, indent=1) + "\n", encoding="utf-8")
    run.cells.to_csv(aside / "cells.csv", index=False)
    packed = {"method": "gzip", "mtime": 1}
    run.samples.to_csv(aside / "samples.csv.gz", index=False, compression=packed)
    if beside is not None:
        beside(aside)
    aside.rename(folder)
    return folder


def from_records(records: Iterable[dict], info: dict, units: Mapping[str, str]) -> Run:
    """The frames of a run from the runner's records, one record a cell (memory apart)."""
    rows, samples = [], []
    for record in records:
        cell = {name: record[name] for name in CELL}
        state = {"status": record["status"], "reason": record["reason"]}
        blank = {"peak_memory" if record["mode"] == "memory" else "": float("nan")}
        for name, value in (record["metrics"] or blank).items():
            rows.append({**cell, **state, "metric": name, "value": value,
                         "unit": units.get(name, "")})  # fmt: skip
        timed = {name: record[name] for name in SAMPLE_COLUMNS[:-2]}
        for number, seconds in enumerate(record["samples"]):
            samples.append({**timed, "round": number, "seconds": seconds})
    return Run(
        info,
        pd.DataFrame(rows, columns=list(CELL_COLUMNS)),
        pd.DataFrame(samples, columns=list(SAMPLE_COLUMNS)),
    )


def read(folder: Path) -> Run:
    """Read one run; UnreadableRun says what is wrong with it."""
    info = read_info(folder, SCHEMA_VERSION)
    for name in ("machine", "versions", "cases"):
        if not isinstance(info.get(name, {}), dict):
            raise UnreadableRun(f"{folder}: run.json: {name!r} is {info[name]!r}, not an object")
    try:
        _require_whole(folder / "cells.csv")
        text = {name: "string" for name in CELL_COLUMNS if name != "value"}
        cells = pd.read_csv(folder / "cells.csv", dtype=text, keep_default_na=False,
                            na_values={"value": ["", "nan"]})  # fmt: skip
        samples = pd.read_csv(folder / "samples.csv.gz")
    except UNREADABLE as error:
        raise UnreadableRun(f"{folder}: {error}") from error
    for name, frame, columns, number in (
        ("cells.csv", cells, CELL_COLUMNS, "value"),
        ("samples.csv.gz", samples, SAMPLE_COLUMNS, "seconds"),
    ):
        if tuple(frame.columns) != columns:
            raise UnreadableRun(f"{folder}/{name}: columns {list(frame.columns)}, not {columns}")
        if len(frame) and not pd.api.types.is_numeric_dtype(frame[number]):
            raise UnreadableRun(f"{folder}/{name}: column {number!r} holds what is no number")
    return Run(info, cells, samples, folder)


def read_info(folder: Path, schema_version: int) -> dict:
    """run.json, of this version: what follows it may be laid out otherwise in another."""
    try:
        info = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise UnreadableRun(f"{folder}: run.json: {error}") from error
    version = info.get("schema_version") if isinstance(info, dict) else None
    if version != schema_version:
        newer = isinstance(version, int) and version > schema_version
        raise UnreadableRun(
            f"{folder}: schema_version={version!r}; this version reads {schema_version}"
            + (": a newer cdfbench wrote it" if newer else "")
        )
    return info


def read_table(path: Path, columns: tuple[str, ...], numbers: Collection[str]) -> pd.DataFrame:
    """A run's table: text but for ``numbers``, where an empty field is NaN.

    Raises one of ``UNREADABLE`` for a file that is missing, damaged, or of other columns.
    """
    text: dict = {name: "string" for name in columns if name not in numbers}
    frame = pd.read_csv(path, dtype=text, keep_default_na=False,
                        na_values={name: ["", "nan"] for name in numbers})  # fmt: skip
    if tuple(frame.columns) != columns:
        raise ValueError(f"{path.name}: columns {list(frame.columns)}, not {columns}")
    return frame


def read_each(
    folders: Iterable[Path], read: Callable[[Path], _R]
) -> tuple[list[_R], list[UnreadableRun]]:
    """The runs of some folders, oldest first, and what could not be read."""
    runs, errors = [], []
    for folder in folders:
        try:
            runs.append(read(folder))
        except UnreadableRun as error:
            errors.append(error)
    return sorted(runs, key=lambda run: str(run.info.get("finished", ""))), errors


def holding(root: Path, name: str) -> list[Path]:
    """Folders of finished runs below a results folder that hold a file of that name."""
    found = sorted(root.glob(f"*/*/{name}"))
    return [path.parent for path in found if not path.parent.name.startswith(".")]


def _require_whole(path: Path) -> None:
    """Raise ValueError for a file whose last line was cut off."""
    with path.open("rb") as stream:
        if stream.seek(0, os.SEEK_END) == 0:
            raise ValueError(f"{path.name} is empty")
        stream.seek(-1, os.SEEK_END)
        if stream.read() != b"\n":
            raise ValueError(f"{path.name} is cut off in its last line")


def files(root: Path) -> dict[str, tuple[int, ...]]:
    """Every file of the finished runs below a results folder, and what changes when it does.

    Inode, size and times; the time of the last change of status cannot be set.
    """
    found: dict[str, tuple[int, ...]] = {}
    for run in root.glob("*/*/run.json"):
        for path in run.parent.iterdir():
            with contextlib.suppress(FileNotFoundError):
                now = path.stat()
                state = (now.st_ino, now.st_size, now.st_mtime_ns, now.st_ctime_ns)
                found[str(path.relative_to(root))] = state
    return found


def read_all(root: Path) -> tuple[list[Run], list[UnreadableRun]]:
    """Every run below a results folder, oldest first, and what could not be read."""
    return read_each(filter(is_timed, _holding_any(root)), read)


def is_timed(folder: Path) -> bool:
    """Whether a run's folder is of this kind."""
    return not any((folder / name).exists() for name in _OTHERS)


def _holding_any(root: Path) -> list[Path]:
    """Folders with a run's record, or with its cells: one of them may be lost."""
    return sorted({*holding(root, "run.json"), *holding(root, "cells.csv")})
