"""What a cell costs beside its time: memory, compilation, and what compilers say of their code.

Counts are exact, and any change of one is told. Peak memory of a CPU is read in pages of resident
memory and compile time from one first call, so theirs must exceed what chance does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from suite.report.measured import quantity
from suite.timing.metrics import UNITS

COUNTS = ("graphs", "graph_breaks", "kernels", "flops", "bytes_accessed", "temp_memory", "threads")

MARGINS = {"peak_memory": (1.1, 1 << 20), "compile_time": (2.0, 1.0)}
"""Of what is not exact: the ratio and the difference, in bytes or seconds, that are both exceeded
by what is told."""


@dataclass(frozen=True)
class CostChange:
    """A cost of a cell that has changed."""

    metric: str
    before: float
    after: float

    @property
    def worse(self) -> bool:
        """Whether it has grown, or cannot be measured any more; of threads nobody can say."""
        return not self.after <= self.before and self.metric != "threads"

    def __str__(self) -> str:
        unit = UNITS[self.metric]
        short = {"bytes": "B"}.get(unit, unit)
        name = self.metric.replace("_", " ")
        return f"{name} {_told(self.before, short)} -> {_told(self.after, short)}"


def cost_changes(before: Mapping[str, float], after: Mapping[str, float]) -> tuple[CostChange, ...]:
    """Costs that both sides have and that differ, by more than their margin where they have one.

    And memory that could be measured before, and cannot be now.
    """
    found = []
    for metric in (*MARGINS, *COUNTS):
        a, b = float(before[metric]), float(after[metric])
        lost = metric == "peak_memory" and np.isfinite(a) and np.isnan(b)
        told = np.isfinite(a) and np.isfinite(b) and a != b and not _chance(metric, a, b)
        if lost or told:
            found.append(CostChange(metric, a, b))
    return tuple(found)


def _chance(metric: str, a: float, b: float) -> bool:
    """Whether a difference may be nothing."""
    if metric not in MARGINS:
        return False
    ratio, difference = MARGINS[metric]
    return max(a, b) <= ratio * min(a, b) or abs(a - b) <= difference


def _told(value: float, unit: str) -> str:
    return quantity(value, unit) if unit else f"{value:,.0f}"
