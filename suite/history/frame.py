"""All runs of a results folder as one frame."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from suite.compare.measurements import YARDSTICKS
from suite.compare.side import machine_of
from suite.report.measured import KEY, METRICS, wide
from suite.results import CELL_COLUMNS, Run

RUN = ["machine", "run", "finished", "commit"]
SERIES = ["machine", *KEY]
"""What one line over commits is of."""


def tidy(runs: Iterable[Run]) -> pd.DataFrame:
    """RUN and the columns of cells.csv: one row a run, cell and metric."""
    frames = [_told(run, run.cells) for run in runs]
    if not frames:
        return pd.DataFrame(columns=[*RUN, *CELL_COLUMNS])
    return pd.concat(frames, ignore_index=True)


def history(runs: Iterable[Run]) -> pd.DataFrame:
    """RUN, KEY, status, reason, every metric and ``normalised``: one row a run and cell.

    In the order of the runs. normalised: the time over that of the cell's yardstick, NaN where
    there is none or the answer was not right.
    """
    frames = [_told(run, wide(run.cells)) for run in runs]
    if not frames:
        return pd.DataFrame(columns=[*RUN, *KEY, "status", "reason", *METRICS, "normalised"])
    rows = pd.concat(frames, ignore_index=True)
    right = rows["time"].where(rows["status"] == "ok")
    return rows.assign(normalised=right / yardstick(rows))


def yardstick(rows: pd.DataFrame) -> pd.Series:
    """Seconds of the yardstick that every timed run of a row's cell has, else NaN."""
    found = pd.Series(np.nan, index=rows.index)
    by = [rows[name] for name in SERIES]
    for name in reversed(YARDSTICKS):
        seconds = rows[f"yardstick_{name}"]
        lacks = (seconds.isna() & rows["time"].notna()).groupby(by).transform("any")
        found = seconds.where(~lacks & seconds.notna(), found)
    return found


def _told(run: Run, rows: pd.DataFrame) -> pd.DataFrame:
    """Rows of a run that say which."""
    of_run = {
        "machine": machine_of(run),
        "run": run.folder.name if run.folder else "",
        "finished": str(run.info.get("finished", "")),
        "commit": str(run.info.get("commit") or ""),
    }
    told = pd.DataFrame(of_run, index=rows.index)
    return pd.concat([told, rows], axis=1)
