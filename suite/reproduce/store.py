"""The store of what was run again: a run is one folder of plain text and pictures.

    results/<machine>/<time>-reproduce-<profile>-<pid>/run.json         machine, versions, command
                                                       claims.csv       a row a claim and who ran it
                                                       numbers.csv.gz   a row a trial and number
                                                       curves.csv.gz    points of what is drawn
                                                       figures/         pictures, and animations

Nothing is pickled; reading a run executes nothing.
"""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from suite.reproduce.rows import COLUMNS
from suite.results import UnreadableRun

SCHEMA_VERSION = 1
CLAIMS, NUMBERS, CURVES, FIGURES = "claims.csv", "numbers.csv.gz", "curves.csv.gz", "figures"
TRIAL = ("source", "experiment", "implementation", "start")
NUMBER_COLUMNS = (*TRIAL, "status", "reason", "name", "value")
CURVE_COLUMNS = (*TRIAL, "curve", "row", "column", "value")
PACKED = {"method": "gzip", "mtime": 1}


@dataclass(frozen=True)
class ReproduceRun:
    """info: run.json. claims: the table. numbers: a trial without any has one row with a reason."""

    info: dict
    claims: pd.DataFrame
    numbers: pd.DataFrame
    folder: Path


def write(
    aside: Path, info: dict, claims: pd.DataFrame, records: list[dict], drawn: list[dict]
) -> None:
    """Write a run's tables into a folder that is not yet that of the run.

    drawn: the records whose curves are kept.
    """
    told = {"schema_version": SCHEMA_VERSION, "mode": "reproduce", **info}
    (aside / "run.json").write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    claims.to_csv(aside / CLAIMS, index=False)
    _numbers(records).to_csv(aside / NUMBERS, index=False, compression=PACKED)
    _curves(drawn).to_csv(aside / CURVES, index=False, compression=PACKED)


def read(folder: Path) -> ReproduceRun:
    """Read one run; UnreadableRun says what is wrong with it."""
    try:
        info = json.loads((folder / "run.json").read_text(encoding="utf-8"))
        claims = _read(folder / CLAIMS, COLUMNS, ("digits", "exact", "mean", "sd"))
        numbers = _read(folder / NUMBERS, NUMBER_COLUMNS, ("value",))
    except (OSError, EOFError, ValueError, zlib.error, pd.errors.ParserError) as error:
        raise UnreadableRun(f"{folder}: {error}") from error
    if (version := info.get("schema_version")) != SCHEMA_VERSION:
        raise UnreadableRun(
            f"{folder}: schema_version={version!r}; this version reads {SCHEMA_VERSION}"
        )
    return ReproduceRun(info, claims, numbers, folder)


def read_all(root: Path) -> tuple[list[ReproduceRun], list[UnreadableRun]]:
    """Every such run below a results folder, oldest first, and what could not be read."""
    runs, errors = [], []
    for path in sorted(root.glob(f"*/*/{NUMBERS}")):
        if path.parent.name.startswith("."):
            continue
        try:
            runs.append(read(path.parent))
        except UnreadableRun as error:
            errors.append(error)
    return sorted(runs, key=lambda run: str(run.info.get("finished", ""))), errors


def _read(path: Path, columns: tuple[str, ...], numbers: tuple[str, ...]) -> pd.DataFrame:
    text: dict = {name: "string" for name in columns if name not in numbers}
    frame = pd.read_csv(path, dtype=text, keep_default_na=False,
                        na_values={name: ["", "nan"] for name in numbers})  # fmt: skip
    if tuple(frame.columns) != columns:
        raise ValueError(f"{path.name}: columns {list(frame.columns)}, not {columns}")
    return frame


def _numbers(records: list[dict]) -> pd.DataFrame:
    found = []
    for record in records:
        head = {name: record[name] for name in (*TRIAL, "status", "reason")}
        values = record["numbers"] or {"": float("nan")}
        found += [{**head, "name": name, "value": value} for name, value in values.items()]
    return pd.DataFrame(found, columns=list(NUMBER_COLUMNS))


def _curves(records: list[dict]) -> pd.DataFrame:
    found = []
    for record in records:
        head = tuple(record[name] for name in TRIAL)
        for name, curve in record["curves"].items():
            lines = curve if curve and isinstance(curve[0], list) else [curve]
            found += [
                (*head, name, row, column, value)
                for row, line in enumerate(lines)
                for column, value in enumerate(line)
            ]
    return pd.DataFrame(found, columns=list(CURVE_COLUMNS))
