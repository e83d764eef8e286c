"""What a cell costs beside its time: memory, compilation, and what compilers say of their code.

Counts are exact, and any change of one is told. Peak memory of a CPU is read in pages of resident
memory and compile time from one first call, so theirs must exceed what chance does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from suite.compare.budgets import EXACT, LEAST
from suite.report.measured import quantity
from suite.timing.metrics import UNITS

COSTS = (*LEAST, *EXACT, "threads")


@dataclass(frozen=True)
class CostChange:
    """A cost of a cell that has changed. allowed: the share by which it may grow."""

    metric: str
    before: float
    after: float
    allowed: float = 0.0

    @property
    def worse(self) -> bool:
        """Whether it has grown beyond what is allowed, or cannot be measured any more; of threads
        nobody can say."""
        within = self.after <= self.before * (1 + self.allowed)
        return not within and self.metric != "threads"

    def __str__(self) -> str:
        unit = UNITS[self.metric]
        short = {"bytes": "B"}.get(unit, unit)
        name = self.metric.replace("_", " ")
        return f"{name} {_told(self.before, short)} -> {_told(self.after, short)}"


def cost_changes(
    before: Mapping[str, float], after: Mapping[str, float], budget: Callable[[str], float]
) -> tuple[CostChange, ...]:
    """Costs that both sides have and that differ, by more than chance where they are not exact.

    And memory that could be measured before, and cannot be now. budget: the share by which a cost
    may grow, by metric.
    """
    found = []
    for metric in COSTS:
        allowed = 0.0 if metric == "threads" else budget(metric)
        a, b = float(before[metric]), float(after[metric])
        lost = metric == "peak_memory" and np.isfinite(a) and np.isnan(b)
        told = np.isfinite(a) and np.isfinite(b) and a != b and not _chance(metric, a, b, allowed)
        if lost or told:
            found.append(CostChange(metric, a, b, allowed))
    return tuple(found)


def _chance(metric: str, a: float, b: float, allowed: float) -> bool:
    """Whether a difference may be nothing."""
    if metric not in LEAST:
        return False
    return max(a, b) <= (1 + allowed) * min(a, b) or abs(a - b) <= LEAST[metric]


def _told(value: float, unit: str) -> str:
    return quantity(value, unit) if unit else f"{value:,.0f}"
