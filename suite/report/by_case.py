"""A quantity of every case: one row per case, one mark per implementation, the sort as a bar.

Names stand above the rows, the leftmost highest, each joined to its topmost mark.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, LogLocator, NullLocator

from suite.report.drawing import FAILED, YARDSTICK, Quantity, Style, bare_figure, plain
from suite.report.labels import End, label_above
from suite.report.measured import PASSES, Measured

ROW, LABEL, WIDTH, RIGHT = 0.26, 0.17, 10.0, 1.3  # inches


def by_case(
    run: Measured, operator: str, device: str, clock: str, quantity: Quantity, style: Style
) -> Figure | None:
    """Draw the last pass of every case, the smallest case on top; None when nothing is known."""
    cells = run.of(operator)
    cells = cells[(cells["device"] == device) & cells["clock"].isin([clock, ""])]
    cells = cells[cells[quantity.metric] > 0]
    passes = [pass_ for pass_ in PASSES if (cells["pass"] == pass_).any()]
    if not passes:
        return None
    cells = cells[cells["pass"] == passes[-1]].sort_values(["elements", "case"])
    rows = {case: row for row, case in enumerate(dict.fromkeys(cells["case"]))}
    names = cells["implementation"].nunique() + ("sort" in quantity.yardsticks)
    figure = bare_figure(WIDTH, max(2.0, 1.3 + ROW * len(rows) + LABEL * names))
    ax = figure.subplots()
    shown = [quantity.metric, *(["yardstick_sort"] if "sort" in quantity.yardsticks else [])]
    values = cells[shown].to_numpy(float)
    low, high = np.nanmin(values) / 1.6, np.nanmax(values) * 1.6
    ax.set_xscale("log")
    ax.set_xlim(low, high)
    ax.xaxis.set_major_formatter(EngFormatter(unit=quantity.unit))
    ax.xaxis.set_minor_locator(LogLocator(subs=(2, 5)) if high / low < 300 else NullLocator())
    ax.xaxis.set_minor_formatter(EngFormatter(unit=quantity.unit))
    ax.grid(True, axis="y", color="0.92", linewidth=0.6)
    ax.grid(True, axis="x", color="0.92", linewidth=0.6)
    ends = _marks(ax, cells, rows, quantity, style)
    ax.set_yticks(list(rows.values()), list(rows))
    ax.set_ylim(len(rows) - 0.4, -0.6)
    ax.set_ylabel("case (name)", fontsize=9)
    ax.set_xlabel(quantity.label, fontsize=9)
    heading = f"{operator}: {passes[-1]}, {device}, {clock} clock; smallest case on top; x: not ok"
    ax.set_title(heading, fontsize=9, loc="left", pad=72 * LABEL * (len(ends) + 0.5))
    plain(ax)
    figure.tight_layout(rect=(0, 0, 1 - RIGHT / WIDTH, 1))
    label_above(ax, ends, 72 * LABEL)
    return figure


def _marks(
    ax: Axes, cells: pd.DataFrame, rows: dict[str, int], quantity: Quantity, style: Style
) -> list[End]:
    """Draw every mark; the topmost of every name."""
    ends = []
    if "sort" in quantity.yardsticks:
        sort = cells.groupby("case")["yardstick_sort"].median().dropna()
        places = [rows[str(case)] for case in sort.index]
        ax.plot(sort.to_numpy(float), places, "|", color=YARDSTICK, markersize=11,
                markeredgewidth=2.2, zorder=1.5)  # fmt: skip
        ends += _topmost("sort (yardstick)", sort.to_numpy(float), np.array(places), YARDSTICK)
    for name, group in cells.groupby("implementation"):
        look = style[str(name)]
        heights = group["case"].map(rows).to_numpy()
        fine, failed = group["status"] == "ok", group["status"].isin(FAILED)
        values = group[quantity.metric].to_numpy(float)
        ax.plot(values[fine], heights[fine], look["marker"], color=look["color"], markersize=5.5,
                markerfacecolor="none", markeredgewidth=1.3)  # fmt: skip
        ax.plot(values[failed], heights[failed], "x", color=look["color"], markersize=6)
        label = str(name) if fine.any() else f"{name} (not ok)"
        shown = fine | failed
        ends += _topmost(label, values[shown], heights[shown], look["color"])
    return ends


def _topmost(text: str, values: np.ndarray, heights: np.ndarray, colour: str) -> list[End]:
    if not len(values):
        return []
    top = heights.argmin()
    return [End(text, float(values[top]), float(heights[top]), colour)]
