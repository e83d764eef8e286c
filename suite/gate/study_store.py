"""The store of a study of the gate: a run is one folder of plain text.

    results/<machine>/<time>-gate-study-<pid>/run.json    machine, versions, command
                                              gates.csv   a row a gate and cell

Nothing is pickled; reading a run executes nothing.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from suite.results import UNREADABLE, UnreadableRun, holding, read_each, read_info, read_table

SCHEMA_VERSION = 1
GATES = "gates.csv"
GATE = ("factor", "number", "slowed")
NUMBERS = ("factor", "number", "exit", "again", "gate_seconds", "ratio", "low", "high")
COLUMNS = (
    *GATE, "gate", "exit", "again", "gate_seconds", "operator", "implementation", "case", "pass",
    "verdict", "outcome", "ratio", "low", "high", "why",
)  # fmt: skip


@dataclass(frozen=True)
class Study:
    """info: run.json. gates: a frame with the columns above.

    factor: what the implementation ``slowed`` was slowed by, 1 for none. gate: the whole gate's
    outcome. again: cells measured twice. verdict, outcome, ratio and its interval: of a cell.
    """

    info: dict
    gates: pd.DataFrame
    folder: Path


def write(info: dict, rows: Sequence[dict], folder: Path) -> Study:
    """Write a run to a new folder; FileExistsError when there is one of that name."""
    if folder.exists():
        raise FileExistsError(f"{folder} exists: runs are never overwritten")
    aside = folder.with_name(f".{folder.name}.{os.getpid()}")
    aside.mkdir(parents=True)
    told = {"schema_version": SCHEMA_VERSION, "mode": "gate-study", **info}
    (aside / "run.json").write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    frame = pd.DataFrame(rows, columns=list(COLUMNS))
    frame.to_csv(aside / GATES, index=False, float_format="%.6g")
    aside.rename(folder)
    return read(folder)


def read(folder: Path) -> Study:
    """Read one run; UnreadableRun says what is wrong with it."""
    info = read_info(folder, SCHEMA_VERSION)
    try:
        gates = read_table(folder / GATES, COLUMNS, NUMBERS)
    except UNREADABLE as error:
        raise UnreadableRun(f"{folder}: {error}") from error
    return Study(info, gates, folder)


def read_all(root: Path) -> tuple[list[Study], list[UnreadableRun]]:
    """Every study below a results folder, oldest first, and what could not be read."""
    return read_each(holding(root, GATES), read)
