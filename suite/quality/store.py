"""The store of gradient quality: a run is one folder of plain text, never overwritten.

    results/<machine>/<time>-quality-<profile>-<pid>/run.json         machine, versions, command
                                                     quality.csv.gz   a row a setting and statistic
                                                     descents.csv.gz  a row a descent, look, metric

Nothing is pickled; reading a run executes nothing.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from suite.results import (
    UNREADABLE,
    UnreadableRun,
    holding,
    read_each,
    read_info,
    read_table,
)

SCHEMA_VERSION = 1
QUALITY, DESCENTS = "quality.csv.gz", "descents.csv.gz"

WHO = ("operator", "implementation", "framework", "device", "dtype")
SETTING = ("population", "sweep", "knob", "value", "samples")
GOAL = ("objective", "setting", "target", "start", "samples")
NUMBERS = ("estimate", "low", "high")
COUNTS = ("samples", "batches", "non_finite", "rows", "step")
QUALITY_COLUMNS = (
    *WHO, *SETTING, "batches", "non_finite", "component", "status", "reason", "metric", *NUMBERS
)  # fmt: skip
DESCENT_COLUMNS = (*WHO, *GOAL, "rows", "step", "status", "reason", "metric", *NUMBERS)
FAILURES = ("error", "crashed", "oom", "timeout")


@dataclass(frozen=True)
class QualityRun:
    """info: run.json. quality, descents: frames with the columns above.

    A setting without numbers has one row, whose metric is empty and whose reason says why.
    ``component`` is a component of the objective and a parameter ("bin3/mu"), or "all".
    """

    info: dict
    quality: pd.DataFrame
    descents: pd.DataFrame
    folder: Path | None = None

    @property
    def statuses(self) -> pd.DataFrame:
        """One row a setting or descent: who, what, status and reason."""
        columns = ["operator", "implementation", "what", "status", "reason"]
        parts = [
            frame.assign(what=frame[list(names)].astype(str).agg("/".join, axis=1))[columns]
            for frame, names in ((self.quality, SETTING), (self.descents, GOAL))
            if len(frame)
        ]
        found = pd.concat(parts) if parts else pd.DataFrame(columns=columns)
        return found.drop_duplicates(ignore_index=True)


def write(run: QualityRun, folder: Path) -> Path:
    """Write a run to a new folder; FileExistsError when there is one of that name."""
    if folder.exists():
        raise FileExistsError(f"{folder} exists: runs are never overwritten")
    aside = folder.with_name(f".{folder.name}.{os.getpid()}")
    aside.mkdir(parents=True)
    info = {"schema_version": SCHEMA_VERSION, "mode": "quality", **run.info}
    (aside / "run.json").write_text(json.dumps(info, indent=1) + "\n", encoding="utf-8")
    run.quality.to_csv(aside / QUALITY, index=False, float_format="%.6g")
    run.descents.to_csv(aside / DESCENTS, index=False, float_format="%.6g")
    return aside.rename(folder)


def read(folder: Path) -> QualityRun:
    """Read one run; UnreadableRun says what is wrong with it."""
    info = read_info(folder, SCHEMA_VERSION)
    try:
        quality, descents = (
            read_table(folder / name, columns, {*COUNTS, *NUMBERS} & set(columns))
            for name, columns in ((QUALITY, QUALITY_COLUMNS), (DESCENTS, DESCENT_COLUMNS))
        )
    except UNREADABLE as error:
        raise UnreadableRun(f"{folder}: {error}") from error
    return QualityRun(info, quality, descents, folder)


def read_all(root: Path) -> tuple[list[QualityRun], list[UnreadableRun]]:
    """Every run of gradient quality below a results folder, oldest first, and what failed."""
    return read_each(holding(root, QUALITY), read)
