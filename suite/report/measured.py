"""One run as the report wants it: one row per cell, every metric a column, its size beside it.

A run's `cells.csv` is tidy, one row per cell and metric. A cell without any metric (it crashed, it
was never supported) is a row there and stays a row here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from suite import results

KEY = list(results.CELL)
UNTIMED_KEY = [name for name in KEY if name != "clock"]
TEXT = [*KEY, "status", "reason", "metric"]
PASSES = ("forward", "forward+backward")
METRICS = [
    "value_error",
    "gradient_error",
    "time",
    "time_iqr",
    "yardstick_copy",
    "yardstick_sort",
    "normalised_sort",
    "normalised_histogram",
    "throughput",
    "bandwidth",
    "roofline_share",
    "too_fast",
    "compile_time",
    "peak_memory",
    "graphs",
    "graph_breaks",
    "kernels",
    "flops",
    "bytes_accessed",
    "temp_memory",
    "threads",
    "digest",
    "yardstick_histogram",
    "undisturbed",
    "undisturbed_noise",
    "undisturbed_copy",
    "undisturbed_sort",
    "undisturbed_histogram",
]
# Axes whose extent is a parameter of the operator (bins, edges) and not a number of samples.
PARAMETER_AXES = frozenset({"B", "E"})


@dataclass(frozen=True)
class Measured:
    """A run of one machine.

    name: the run's folder name. cells: one row per cell: its identity, status, reason, every metric
    of `METRICS` (NaN where it was not measured) and elements (samples processed).
    cases: operator -> case -> {sizes, dtype, options, representative, ...}.
    info: the rest of the run's record.
    """

    name: str
    cells: pd.DataFrame
    cases: Mapping[str, Mapping[str, Mapping[str, Any]]]
    info: Mapping[str, Any]

    @property
    def operators(self) -> list[str]:
        """Names of the operators that have a cell, sorted."""
        return sorted(self.cells["operator"].unique())

    def of(self, operator: str) -> pd.DataFrame:
        """The cells of one operator."""
        return self.cells[self.cells["operator"] == operator]

    def views(self, operator: str) -> list[tuple[str, str]]:
        """The (device, clock) pairs that were timed: what may be compared among itself."""
        timed = self.of(operator).dropna(subset=["time"])
        pairs = timed[["device", "clock"]].drop_duplicates().itertuples(index=False, name=None)
        return sorted(pairs)


def from_folder(folder: Path | str) -> Measured:
    """Read a run's folder; raises `suite.results.UnreadableRun` saying what is wrong with it."""
    return from_run(results.read(Path(folder)))


def from_run(run: results.Run) -> Measured:
    """Turn a stored run into what the report needs."""
    cases = run.info.get("cases", {})
    cells = wide(run.cells)
    cells["elements"] = _elements(cells, cases)
    name = run.folder.name if run.folder else "run"
    return Measured(name, cells, cases, {k: v for k, v in run.info.items() if k != "cases"})


def wide(tidy: pd.DataFrame) -> pd.DataFrame:
    """One row per cell, one column per metric.

    Rows that name no clock (peak memory, from a process of its own) belong to every clock of their
    cell; where such a process failed and the timing did not, that becomes the cell's reason.
    """
    tidy = tidy.reindex(columns=[*TEXT, "value"])
    tidy[TEXT] = tidy[TEXT].astype(object).fillna("").astype(str)
    tidy["value"] = pd.to_numeric(tidy["value"])
    tidy = _give_every_clock(tidy)
    worst_first = tidy.assign(fine=tidy["status"] == "ok").sort_values(
        ["untimed", "fine"], kind="stable"
    )
    cells = worst_first.drop_duplicates(KEY)[[*KEY, "status", "reason", "untimed"]]
    cells = _remark_on_memory(cells, tidy)
    numbers = tidy[tidy["metric"].isin(METRICS) & tidy["value"].notna()]
    columns = numbers.pivot_table(index=KEY, columns="metric", values="value", aggfunc="last")
    columns = columns.reindex(columns=METRICS).astype(float).reset_index()
    return cells.merge(columns, on=KEY, how="left").sort_values(KEY, ignore_index=True)


def _give_every_clock(tidy: pd.DataFrame) -> pd.DataFrame:
    """Repeat rows without a clock for every clock that their cell has; `untimed` marks them."""
    clocks = tidy.loc[tidy["clock"] != "", KEY].drop_duplicates()
    untimed = tidy[tidy["clock"] == ""].drop(columns="clock")
    untimed = untimed.merge(clocks, on=UNTIMED_KEY, how="left")
    untimed["clock"] = untimed["clock"].astype(object).fillna("").astype(str)
    timed = tidy[tidy["clock"] != ""]
    return pd.concat([timed.assign(untimed=False), untimed.assign(untimed=True)])


def _remark_on_memory(cells: pd.DataFrame, tidy: pd.DataFrame) -> pd.DataFrame:
    """Say in an ok cell's reason that measuring its memory failed."""
    failed = tidy[tidy["untimed"] & (tidy["status"] != "ok")].drop_duplicates(KEY)
    failed = failed.assign(memory="peak memory: " + failed["status"] + ", " + failed["reason"])
    cells = cells.merge(failed[[*KEY, "memory"]], on=KEY, how="left")
    remark = (cells["status"] == "ok") & (cells["reason"] == "") & cells["memory"].notna()
    cells.loc[remark, "reason"] = cells.loc[remark, "memory"]
    return cells.drop(columns=["memory", "untimed"])


def _elements(cells: pd.DataFrame, cases: Mapping[str, Any]) -> list[float]:
    """Samples processed: throughput times time where the case was timed, else from its sizes."""
    timed = cells.assign(elements=cells["throughput"] * cells["time"]).dropna(subset="elements")
    known = timed.groupby(["operator", "case"])["elements"].median().round()
    found = []
    for key in zip(cells["operator"], cells["case"], strict=True):
        sizes = cases.get(key[0], {}).get(key[1], {}).get("sizes", {})
        samples = [extent for axis, extent in sizes.items() if axis not in PARAMETER_AXES]
        found.append(float(known.get(key, prod(samples) if samples else np.nan)))
    return found


def quantity(value: float, unit: str) -> str:
    """A number with three digits, an SI prefix and its unit: 0.00123, "s" -> "1.23 ms"."""
    if value is None or not np.isfinite(value):
        return "-" if value is None or np.isnan(value) else ("inf" if value > 0 else "-inf")
    if value == 0:
        return f"0 {unit}".strip()
    value = float(f"{value:.3g}")
    power = int(np.clip(np.floor(np.log10(abs(value)) / 3 + 1e-9), -4, 4))
    scaled = value / 1000.0**power
    digits = int(np.clip(2 - np.floor(np.log10(abs(scaled)) + 1e-9), 0, 2))
    return f"{scaled:.{digits}f} {'pnµm kMGT'[power + 4].strip()}{unit}".strip()
