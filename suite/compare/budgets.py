"""How far a cell may move before it is worth a word, metric by metric.

Of times and costs a share: 0.25 lets them grow by a quarter. Of values and gradients, tolerances.
What compilers count, and what kernels take, may not grow at all.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from suite.compare.cells import Cell
from suite.compare.verdict import threshold_of

EXACT = ("graphs", "graph_breaks", "kernels", "flops", "bytes_accessed", "temp_memory")
"""What compilers say of a cell."""

OF_KERNELS = ("registers", "spills", "shared")
"""What a compiled kernel takes."""

USUAL = {"value": 1.0, "gradient": 1.0, "peak_memory": 0.1, "compile_time": 1.0}

METRICS = ("time", *USUAL, *EXACT, *OF_KERNELS)
"""Everything that has a budget."""

LEAST = {"peak_memory": float(1 << 18), "compile_time": 1.0}
"""Bytes or seconds that must be exceeded, too: memory of a CPU is read in pages and differs from
process to process, and a first call is timed once in each."""


class Budgets(Protocol):
    """What a cell is allowed, by metric."""

    def of(self, cell: Cell, metric: str) -> float: ...


@dataclass(frozen=True)
class Usual:
    """The same for every cell. time: else the device's."""

    time: float | None = None

    def of(self, cell: Cell, metric: str) -> float:
        """The budget of one of METRICS."""
        if metric == "time":
            return threshold_of(cell.device) if self.time is None else self.time
        return USUAL.get(metric, 0.0)
