"""Value and gradient errors of every cell, in units of the cell's tolerance."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from suite.report.drawing import Style, bare_figure, plain
from suite.report.measured import Measured

SMALLEST, LARGEST = 1e-4, 1e8


def errors(run: Measured, operator: str, style: Style) -> Figure | None:
    """Draw one row per implementation, everything right of 1 wrong; None if none was judged.

    Errors below 1e-4 (exact ones too) stand at 1e-4, those above 1e8 (infinite ones too) at 1e8.
    """
    cells = run.of(operator).drop_duplicates(["implementation", "case", "pass", "device"])
    names = [name for name in style if (cells["implementation"] == name).any()]
    known = cells[["value_error", "gradient_error"]].to_numpy(float).ravel()
    known = known[~pd.isna(known)]
    if not len(known):
        return None
    figure = bare_figure(7.6, 1.1 + 0.42 * len(names))
    ax = figure.subplots()
    ax.set_xscale("log")
    ax.xaxis.set_minor_locator(NullLocator())
    ax.set_xlim(SMALLEST / 2, min(max(known.max() * 3, 10), LARGEST * 2))
    ax.axvline(1, color="0.3", linewidth=1)
    ax.axvspan(1, 10 * LARGEST, color="0.94", zorder=0, linewidth=0)
    for row, name in enumerate(names):
        own = cells[cells["implementation"] == name]
        _row(ax, own, "value_error", row - 0.15, style[name], filled=True)
        _row(ax, own, "gradient_error", row + 0.15, style[name], filled=False)
    ax.set_yticks(range(len(names)), names)
    ax.set_ylim(len(names) - 0.5, -0.5)
    ax.set_ylabel("implementation (name)", fontsize=9)
    ax.set_xlabel("largest error of a cell (units of its tolerance; in grey: wrong)", fontsize=9)
    heading = f"{operator}: value (filled) and gradient (open) errors of every cell; x: not ok"
    ax.set_title(heading, fontsize=9, loc="left")
    plain(ax)
    figure.tight_layout()
    return figure


def _row(
    ax: Axes, cells: pd.DataFrame, metric: str, height: float, look: dict, *, filled: bool
) -> None:
    shown = cells[cells[metric].notna()]
    places = shown[metric].clip(lower=SMALLEST, upper=LARGEST)
    fine = shown["status"] == "ok"
    face = look["color"] if filled else "white"
    ax.plot(places[fine], [height] * fine.sum(), look["marker"], markersize=5,
            color=look["color"], markerfacecolor=face)  # fmt: skip
    ax.plot(places[~fine], [height] * (~fine).sum(), "x", markersize=6, color=look["color"])
