"""The log times of the cells that both sides got right, and how much they vary by chance."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from suite.compare.measurements import YARDSTICKS
from suite.compare.rows import Cell
from suite.compare.statistics import Ratio, between_processes, ratio_of, with_own

Frames = Mapping[tuple, pd.DataFrame]
"""A side's rows by cell."""


@dataclass(frozen=True)
class Timed:
    """A cell's log times, process by process, of A and of B; their noise, and their yardstick."""

    a: np.ndarray
    b: np.ndarray
    noise: np.ndarray
    yardstick: str

    def ratio(self, between: float, comparisons: int) -> Ratio:
        """B over A, sure for so many comparisons at once. between: as processes differ."""
        return ratio_of(self.a, self.b, with_own(between, self.noise), comparisons)


def timed_cells(cells: Iterable[tuple], a: Frames, b: Frames) -> dict[tuple, Timed]:
    """The cells of the same definition that both sides got right in every process."""
    found = {}
    for cell in cells:
        if cell in a and cell in b and same_definition(a[cell], b[cell]):
            both = pd.concat([a[cell], b[cell]])
            if (both["status"] == "ok").all() and both["time"].notna().all():
                yardstick = _yardstick(both)
                unit = both[f"yardstick_{yardstick}"] if yardstick else 1.0
                logs, count = np.log((both["time"] / unit).to_numpy()), len(a[cell])
                noise = both["noise"].to_numpy()
                found[cell] = Timed(logs[:count], logs[count:], noise, yardstick)
    return found


def noises_of(timed: Mapping[tuple, Timed]) -> dict[str, float]:
    """How much processes differ, by device."""
    devices = dict.fromkeys(Cell(*cell).device for cell in timed)
    return {
        device: between_processes(
            [(t.a, t.b) for cell, t in timed.items() if Cell(*cell).device == device], device
        )
        for device in devices
    }


def _yardstick(both: pd.DataFrame) -> str:
    complete = (name for name in YARDSTICKS if (both[f"yardstick_{name}"] > 0).all())
    return next(complete, "")


def same_definition(a: pd.DataFrame, b: pd.DataFrame) -> bool:
    return a["definition"].iloc[-1] == b["definition"].iloc[-1]
