"""Pictures of relaxed's notebook: hard and soft histograms, and the shift."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from suite.report.drawing import COLOURS, bare_figure, plain
from suite.reproduce.claims import LOOKS, Record
from suite.reproduce.relaxed_histogram import BANDWIDTHS, CENTRES
from suite.reproduce.relaxed_shift import BANDWIDTH, STEPS, TARGET

HARD, SOFT, SOFTER = COLOURS[0], COLOURS[1], COLOURS[2]
REACH = (-5, 7)


def histograms(record: Record, look: int) -> Figure:
    """Hard counts and those of two bandwidths."""
    figure = bare_figure(6.4, 4.0)
    ax = figure.subplots()
    curves = record.curves
    ax.plot(CENTRES, curves["expected"], "o", color="0.6", markersize=4,
            label="expected of N(1, 1)")  # fmt: skip
    ax.step(CENTRES, curves["hard"], where="mid", color=HARD, linewidth=1.6, label="hard")
    for h, colour, dash in zip(BANDWIDTHS, (SOFT, SOFTER), ("-", (0, (5, 1.5))), strict=True):
        ax.step(CENTRES, curves[f"soft/{h:g}"], where="mid", color=colour, linewidth=1.6,
                linestyle=dash, label=f"bandwidth {h:g}")  # fmt: skip
    ax.set_xlim(-5, 5)
    ax.set_ylim(0)
    ax.set_xlabel("x", fontsize=9)
    ax.set_ylabel("count", fontsize=9)
    ax.legend(fontsize=8, frameon=False)
    plain(ax)
    figure.tight_layout()
    return figure


def shift(record: Record, look: int) -> Figure:
    """The histogram at a look, and how far the means are from the target, to the end."""
    curves = record.curves
    step = int(curves[LOOKS][look])
    figure = bare_figure(8.6, 3.7)
    left, right = figure.subplots(1, 2)
    left.step(CENTRES, curves["hard"][look], where="mid", color=HARD, linewidth=1.4, label="hard")
    left.step(CENTRES, curves["soft"][look], where="mid", color=SOFT, linewidth=1.4,
              label=f"bandwidth {BANDWIDTH:g}")  # fmt: skip
    hard_mean = curves["hard mean"][list(curves["steps"]).index(step)]
    left.axvline(hard_mean, color=SOFTER, linewidth=1.4, label=f"hard mean {hard_mean:.3f}")
    left.axvline(TARGET, color="0.45", linewidth=1.4, linestyle=(0, (2, 2)), label="target")
    left.set_xlim(*REACH)
    left.set_ylim(0, 200)
    left.set_xlabel("x + shift", fontsize=9)
    left.set_ylabel("count", fontsize=9)
    left.set_title(f"step {step}", fontsize=9)
    left.legend(fontsize=8, frameon=False, loc="upper left")
    plain(left)
    _errors(right, curves, step)
    figure.tight_layout()
    return figure


def _errors(ax: Axes, curves: dict[str, np.ndarray], step: int) -> None:
    steps = curves["steps"]
    for name, colour, dash in (("hard mean", HARD, (0, (5, 1.5))), ("soft mean", SOFT, "-")):
        off = np.abs(curves[f"{name} off"])
        ax.plot(steps[1:], np.maximum(off[1:], 1e-8), color=colour, linestyle=dash, linewidth=1.4,
                label=name)  # fmt: skip
    # Wide and below all, so that it is seen beside the look's own line.
    ax.axvline(STEPS, color="0.85", linewidth=5, zorder=0)
    ax.axvline(max(step, 1), color=SOFTER, linewidth=1)
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_xlabel("step (grey: the source's last)", fontsize=9)
    ax.set_ylabel("distance from the target", fontsize=9)
    ax.grid(True, which="major", color="0.92", linewidth=0.6)
    ax.legend(fontsize=8, frameon=False)
    plain(ax)
