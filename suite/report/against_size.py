"""A quantity against the number of samples: a log-log panel per pass, labels at the lines' ends.

Lines hold ok cells only; where a cell is not ok, a cross stands in the line's place.
"""

from __future__ import annotations

import textwrap

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, LogLocator, NullLocator

from suite.report.drawing import FAILED, YARDSTICK, Quantity, Style, bare_figure, plain
from suite.report.labels import End, label_ends
from suite.report.measured import PASSES
from suite.report.sweeps import Sweep

PANEL, LABELS, LEFT = 3.6, 1.7, 0.8  # inches


def against_size(sweep: Sweep, quantity: Quantity, style: Style) -> Figure | None:
    """Draw one sweep; None where the quantity is not known at two sizes at least."""
    fine = sweep.cells[(sweep.cells["status"] == "ok") & (sweep.cells[quantity.metric] > 0)]
    sizes = fine.groupby("pass")["elements"].nunique()
    passes = [pass_ for pass_ in PASSES if sizes.get(pass_, 0) >= 2]
    if not passes:
        return None
    width = LEFT + len(passes) * (PANEL + LABELS)
    figure = bare_figure(width, 4.0)
    figure.subplots_adjust(
        left=LEFT / width, right=1 - LABELS / width, wspace=LABELS / PANEL, top=0.8, bottom=0.13
    )
    axes = figure.subplots(1, len(passes), sharey=True, squeeze=False)[0]
    ends = []
    for ax, pass_ in zip(axes, passes, strict=True):
        _log_axes(ax, quantity)
        ax.set_title(pass_, fontsize=9, loc="left")
        ends.append(_panel(ax, sweep.cells[sweep.cells["pass"] == pass_], quantity, style))
    axes[0].set_ylabel(quantity.label, fontsize=9)
    heading = f"{sweep.operator}: {quantity.label}, {sweep.device}, {sweep.clock} clock"
    title = textwrap.shorten(sweep.title, int(14 * width), placeholder=" ...")
    figure.text(0.1 / width, 0.985, f"{heading}\n{title}", fontsize=9, va="top")
    low, high = axes[0].get_ylim()
    few_decades = high / low < 300
    for ax, labels in zip(axes, ends, strict=True):
        ax.yaxis.set_minor_locator(LogLocator(subs=(2, 5)) if few_decades else NullLocator())
        ax.yaxis.set_minor_formatter(EngFormatter(unit=quantity.unit))
        label_ends(ax, labels)
    return figure


def _log_axes(ax: Axes, quantity: Quantity) -> None:
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_xlabel("size (samples: rows x samples a row)", fontsize=9)
    ax.xaxis.set_major_formatter(EngFormatter(sep=""))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.yaxis.set_major_formatter(EngFormatter(unit=quantity.unit))
    ax.grid(True, which="major", color="0.9", linewidth=0.6)
    plain(ax)


def _panel(ax: Axes, cells: pd.DataFrame, quantity: Quantity, style: Style) -> list[End]:
    ends = [end for name in quantity.yardsticks if (end := _yardstick(ax, cells, name))]
    for name, group in cells.groupby("implementation"):
        look = style[str(name)]
        fine = group[(group["status"] == "ok") & (group[quantity.metric] > 0)]
        line = fine.groupby("elements")[quantity.metric].median()
        sizes, heights = line.index.to_numpy(float), line.to_numpy(float)
        if len(line):
            ax.plot(sizes, heights, markersize=4.5, linewidth=1.4, **look)
        points = [(x, y, str(name)) for x, y in zip(sizes, heights, strict=True)]
        for x, y, status in _crosses(group, sizes, heights, quantity.metric):
            ax.plot([x], [y], "x", color=look["color"], markersize=8, markeredgewidth=1.8)
            points.append((x, y, f"{name} ({status})"))
        if points:
            x, y, text = max(points)
            ends.append(End(text, x, y, look["color"]))
    return ends


def _yardstick(ax: Axes, cells: pd.DataFrame, name: str) -> End | None:
    """The median over the workers, each of which timed its own framework's."""
    times = cells[cells[f"yardstick_{name}"] > 0]
    if not len(times):
        return None
    medians = times.groupby("elements")[f"yardstick_{name}"].median()
    sizes, middle = medians.index.to_numpy(float), medians.to_numpy(float)
    ax.plot(sizes, middle, color="0.6", linestyle=(0, (1, 1)), linewidth=1.2, zorder=1.5)
    return End(f"{name} (yardstick)", sizes[-1], middle[-1], YARDSTICK)


def _crosses(
    cells: pd.DataFrame, sizes: np.ndarray, heights: np.ndarray, metric: str
) -> list[tuple[float, float, str]]:
    """Where cells are not ok: at their own value, else level with the nearest ok one."""
    failed = cells[cells["status"].isin(FAILED) & ~cells["elements"].isin(sizes)]
    points = []
    for _, cell in failed.drop_duplicates("elements").sort_values("elements").iterrows():
        size, own = float(cell["elements"]), float(cell[metric])
        if own > 0:
            points.append((size, own, str(cell["status"])))
        elif len(sizes):
            nearest = np.abs(np.log(sizes / size)).argmin()
            points.append((size, float(heights[nearest]), str(cell["status"])))
    return points
