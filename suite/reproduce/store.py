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
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from suite.reproduce.rows import COLUMNS
from suite.results import (
    UNREADABLE,
    UnreadableRun,
    holding,
    read_each,
    read_info,
    read_table,
)

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
    info = read_info(folder, SCHEMA_VERSION)
    try:
        claims = read_table(folder / CLAIMS, COLUMNS, ("digits", "exact", "mean", "sd"))
        numbers = read_table(folder / NUMBERS, NUMBER_COLUMNS, ("value",))
    except UNREADABLE as error:
        raise UnreadableRun(f"{folder}: {error}") from error
    return ReproduceRun(info, claims, numbers, folder)


def read_all(root: Path) -> tuple[list[ReproduceRun], list[UnreadableRun]]:
    """Every such run below a results folder, oldest first, and what could not be read."""
    return read_each(holding(root, NUMBERS), read)


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
