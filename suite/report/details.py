"""Beside the times: throughput, share of the roofline, and what a compiler made."""

from __future__ import annotations

import pandas as pd

from suite.report.contents import Table
from suite.report.measured import Measured, quantity
from suite.report.ranking import representative

COUNTS = ("graphs", "graph_breaks", "kernels")


def details(run: Measured, operator: str) -> Table:
    """One row per ok, timed cell of the representative cases, fastest first.

    The roofline's share is the bandwidth of the bytes that the operator must move over that of a
    copy in the same process. Graphs, breaks and kernels are counted for compilers that tell.
    """
    cells = run.of(operator)
    cells = cells[cells["case"].isin(representative(run, operator))]
    cells = cells[(cells["status"] == "ok") & cells["time"].notna()]
    cells = cells.sort_values(["case", "device", "clock", "pass", "time"])
    return Table(
        f"{operator}: throughput, bandwidth and compiled graphs",
        ("implementation", "case", "pass", "clock", "elements", "bytes", "of a copy", "graphs",
         "breaks", "kernels"),
        tuple(_row(cell) for _, cell in cells.iterrows()),
    )  # fmt: skip


def _row(cell: pd.Series) -> tuple[str, ...]:
    share = cell["roofline_share"]
    return (
        str(cell["implementation"]),
        str(cell["case"]),
        str(cell["pass"]),
        f"{cell['device']} {cell['clock']}",
        quantity(cell["throughput"], "/s"),
        quantity(cell["bandwidth"], "B/s"),
        "-" if pd.isna(share) else f"{share:.2%}" if share < 0.1 else f"{share:.0%}",
        *("-" if pd.isna(cell[name]) else f"{cell[name]:.0f}" for name in COUNTS),
    )
