"""The log times of the cells that both sides got right, and how much they vary by chance."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from suite.compare.cells import Cell
from suite.compare.measurements import YARDSTICKS, Processes
from suite.compare.statistics import Prior, Ratio, prior_of, ratio_of, with_own

Cells = Mapping[tuple, Processes]
"""A side's processes by cell."""


@dataclass(frozen=True)
class Timed:
    """A cell's log times, process by process, of A and of B; their noise, and their yardstick."""

    a: np.ndarray
    b: np.ndarray
    noise: np.ndarray
    yardstick: str

    def ratio(self, prior: Prior, comparisons: int) -> Ratio:
        """B over A, sure for so many comparisons at once. prior: how processes differ."""
        return ratio_of(self.a, self.b, with_own(prior, self.noise), comparisons)


def timed_cells(cells: Iterable[tuple], a: Cells, b: Cells) -> dict[tuple, Timed]:
    """The cells of the same definition that both sides got right in every process."""
    found = {}
    for cell in cells:
        if cell in a and cell in b and a[cell].definition == b[cell].definition:
            sides = a[cell], b[cell]
            known = all(np.isfinite(side["time"]).all() for side in sides)
            if known and all(side.status == "ok" for side in sides):
                yardstick = _yardstick(sides)
                logs = [np.log(side["time"] / _unit(side, yardstick)) for side in sides]
                noise = np.concatenate([side["noise"] for side in sides])
                found[cell] = Timed(logs[0], logs[1], noise, yardstick)
    return found


def priors_of(timed: Mapping[tuple, Timed]) -> dict[str, Prior]:
    """How much processes differ, by device."""
    devices = dict.fromkeys(Cell(*cell).device for cell in timed)
    return {
        device: prior_of(
            [(t.a, t.b) for cell, t in timed.items() if Cell(*cell).device == device], device
        )
        for device in devices
    }


def _yardstick(sides: tuple[Processes, ...]) -> str:
    """The first that every process has, or ""."""
    for name in YARDSTICKS:
        if all((side[f"yardstick_{name}"] > 0).all() for side in sides):
            return name
    return ""


def _unit(side: Processes, yardstick: str) -> np.ndarray | float:
    return side[f"yardstick_{yardstick}"] if yardstick else 1.0
