"""The log times of the cells that both sides got right, and how much they vary by chance.

Where all processes of both sides know for how long they waited for a core, that is left out of
their times: what else a shared machine did is not theirs.
"""

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
class Names:
    """Columns that have a cell's time, its noise, and with a name behind it a yardstick's time."""

    time: str
    noise: str
    yardstick: str


WALL = Names("time", "noise", "yardstick")
UNDISTURBED = Names("undisturbed", "undisturbed_noise", "undisturbed")


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
                names = UNDISTURBED if _all_have(sides, UNDISTURBED.time) else WALL
                yardstick = _yardstick(sides, names)
                logs = [np.log(side[names.time] / _unit(side, names, yardstick)) for side in sides]
                noise = np.concatenate([side[names.noise] for side in sides])
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


def _yardstick(sides: tuple[Processes, ...], names: Names) -> str:
    """The first that every process has, or ""."""
    there = (y for y in YARDSTICKS if _all_have(sides, f"{names.yardstick}_{y}"))
    return next(there, "")


def _all_have(sides: tuple[Processes, ...], metric: str) -> bool:
    return all((side[metric] > 0).all() for side in sides)


def _unit(side: Processes, names: Names, yardstick: str) -> np.ndarray | float:
    return side[f"{names.yardstick}_{yardstick}"] if yardstick else 1.0
