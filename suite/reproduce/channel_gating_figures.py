"""Pictures of gates: how their activations are spread, and accuracy against conditional gates."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy import special

from suite.report.drawing import COLOURS, MARKERS, bare_figure, plain
from suite.reproduce.claims import LOOKS, Record

BINS = np.linspace(0, 1, 21)
PRIOR = (0.6, 0.4)
NAMES = {"none": "no regulariser", "l0": "L0 alone", "shaped": "batch shaping, then L0"}
STYLE = dict(zip(NAMES, zip(COLOURS, MARKERS, strict=False), strict=False))


def gates(record: Record, look: int) -> Figure:
    """At a look: a column a method, activations above, open shares below; right, the end."""
    figure = bare_figure(11.5, 5.2)
    figure.subplots_adjust(left=0.06, right=0.985, top=0.86, bottom=0.1, wspace=0.3, hspace=0.42)
    step = int(record.curves[LOOKS][look])
    figure.suptitle(f"gates on held-out digits after step {step}", fontsize=10)
    grid = figure.add_gridspec(2, 4, width_ratios=(1, 1, 1, 1.35))
    for column, method in enumerate(NAMES):
        above, below = (figure.add_subplot(grid[row, column]) for row in range(2))
        _activations(above, record, method, look)
        _open_shares(below, record, method, look)
        if column == 0:
            above.set_ylabel("share of gates x samples", fontsize=8)
            below.set_ylabel("gates", fontsize=8)
    _accuracy(figure.add_subplot(grid[:, 3]), record)
    return figure


def _activations(ax: Axes, record: Record, method: str, look: int) -> None:
    shares = record.curves[f"activations {method}/look"][look]
    ax.stairs(shares, BINS, fill=True, color=STYLE[method][0], alpha=0.6)
    prior = np.diff(special.betainc(*PRIOR, BINS))
    ax.stairs(prior, BINS, color=COLOURS[3], linewidth=1.2)
    ax.set_title(NAMES[method], fontsize=9)
    ax.set_xlabel("activation (green: Beta(0.6, 0.4))", fontsize=8)
    ax.set_ylim(0, 0.7)
    plain(ax)


def _open_shares(ax: Axes, record: Record, method: str, look: int) -> None:
    counts = record.curves[f"open shares {method}/look"][look]
    ax.stairs(counts, BINS, fill=True, color=STYLE[method][0], alpha=0.6)
    ax.set_xlabel("share of samples a gate is open for", fontsize=8)
    ax.set_ylim(0, counts.sum())
    plain(ax)


def _accuracy(ax: Axes, record: Record) -> None:
    """At the end, of every weight of L0 that was tried."""
    numbers = record.numbers
    for method, name in NAMES.items():
        at = {
            key.partition("/")[2]
            for key in numbers
            if key.startswith("accuracy/") and key.partition("/")[2].split()[0] == method
        }
        points = np.array([(numbers[f"conditional/{k}"], numbers[f"accuracy/{k}"]) for k in at])
        colour, marker = STYLE[method]
        ax.plot(*(100 * points.T), marker, color=colour, markersize=7, fillstyle="none", label=name)
    ax.set_title("at the end, a point for every weight of L0", fontsize=9)
    ax.set_xlabel("conditional gates (%)", fontsize=8)
    ax.set_ylabel("held-out digits right (%)", fontsize=8)
    ax.margins(0.15)
    ax.legend(fontsize=8, frameon=False)
    plain(ax)
