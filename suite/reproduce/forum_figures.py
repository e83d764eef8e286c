"""Pictures of the forum's experiments: maps on their way, and units on theirs."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from suite.report.drawing import COLOURS, DASHES, bare_figure, plain
from suite.reproduce.claims import LOOKS, Record
from suite.reproduce.forum_entropy import UNITS, WAYS
from suite.reproduce.forum_network import DIRECTIONS, DRAWS, GRID

TRUE, OWN = COLOURS[1], COLOURS[2]


def maps(record: Record, look: int) -> Figure:
    """Outputs over inputs at a look, and the distances of the ECDFs so far, by direction."""
    curves = record.curves
    look = range(len(curves[LOOKS]))[look]
    figure = bare_figure(7.2, 5.6)
    axes = figure.subplots(2, 2, sharey="row")
    for k, direction in enumerate(DIRECTIONS):
        mine = slice(k * DRAWS, (k + 1) * DRAWS)
        _maps(axes[0, k], curves["maps"], look, mine)
        axes[0, k].set_title(f"{direction} at the start", fontsize=9)
        for name, colour, label in (("distance", TRUE, "true ranks"), ("own", OWN, "its own")):
            _distances(axes[1, k], curves[LOOKS], curves[name][:, mine], look, colour, label)
    axes[0, 0].set_ylabel("output, standardised", fontsize=9)
    axes[1, 0].set_ylabel("distance of the ECDFs", fontsize=9)
    axes[1, 0].legend(fontsize=8, frameon=False)
    figure.suptitle(f"{DRAWS} draws of weights: step {curves[LOOKS][look]:g}", fontsize=10, x=0.02,
                    ha="left")  # fmt: skip
    figure.tight_layout()
    return figure


def _maps(ax: Axes, seen: np.ndarray, look: int, mine: slice) -> None:
    inner = np.abs(GRID) < 2
    for at, style in ((0, {"color": "0.7", "linestyle": (0, (3, 2))}), (look, {"color": TRUE})):
        for y in seen[at].reshape(-1, len(GRID))[mine]:
            # Seen at the scale of the middle, since only the order of outputs counts.
            ax.plot(GRID, (y - y[inner].mean()) / y[inner].std(), linewidth=1.3, **style)
    ax.set_xlabel("input (grey: untrained)", fontsize=9)
    plain(ax)


def _distances(
    ax: Axes, steps: np.ndarray, values: np.ndarray, look: int, colour: str, label: str
) -> None:
    for k, line in enumerate(values.T):
        ax.plot(steps[: look + 1], line[: look + 1], color=colour, linewidth=1.2,
                label=label if k == 0 else None)  # fmt: skip
    ax.set_xlim(0, steps[-1])
    ax.set_ylim(-0.01, 0.36)
    ax.set_xlabel("step", fontsize=9)
    ax.grid(True, color="0.92", linewidth=0.6)
    plain(ax)


def units(record: Record, look: int) -> Figure:
    """P(on) of every unit by every way, up to a look."""
    steps = record.curves[LOOKS]
    end = range(len(steps))[look] + 1
    figure = bare_figure(9.4, 5.6)
    axes = figure.subplots(2, 2, sharex=True, sharey=True)
    for k, (ax, unit) in enumerate(zip(axes.ravel(), UNITS, strict=True)):
        ax.axhline(0.5, color="0.6", linewidth=0.8)
        names = []
        for look_of, way in enumerate(WAYS):
            on = record.curves[f"on/{way.name}"][:end, k]
            lost = np.isnan(on[-1])
            ax.plot(steps[:end], on, color=COLOURS[look_of], linewidth=1.5,
                    linestyle=DASHES[look_of % len(DASHES)], label=way.name)  # fmt: skip
            if lost:
                names.append(way.name)
                last = int(np.isfinite(on).sum()) - 1
                ax.plot(steps[last], on[last], "x", color=COLOURS[look_of], markersize=7,
                        clip_on=False)  # fmt: skip
        if names:
            ax.text(0.98, 0.98, "NaN:\n" + "\n".join(names), transform=ax.transAxes, fontsize=8,
                    ha="right", va="top")  # fmt: skip
        ax.set_title(unit.name, fontsize=9)
        ax.set_xlim(0, steps[-1])
        ax.set_ylim(-0.02, 1.02)
        plain(ax)
    for ax in axes[1]:
        ax.set_xlabel("step", fontsize=9)
    for ax in axes[:, 0]:
        ax.set_ylabel("P(on)", fontsize=9)
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.suptitle(f"state of a ReLU unit whose entropy grows: step {steps[end - 1]:g}; "
                    "a cross is a NaN", fontsize=10, x=0.02, ha="left")  # fmt: skip
    figure.tight_layout(rect=(0, 0, 0.76, 1))
    figure.legend(handles, labels, loc="center left", bbox_to_anchor=(0.765, 0.5), fontsize=8,
                  frameon=False)  # fmt: skip
    return figure
