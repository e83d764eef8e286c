"""Pictures of neos in miniature: data space, histograms hard and soft, significance, bandwidths."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter
from scipy import special

from suite.report.drawing import COLOURS, bare_figure, plain
from suite.report.labels import End, label_ends
from suite.reproduce.claims import LOOKS, Record

SIGNAL, BACKGROUND = COLOURS[2], COLOURS[1]
NAMES = {"neos": "trained for Z", "cross_entropy": "cross-entropy"}
GRID = 61


def training(record: Record, look: int) -> Figure:
    """At a look, of the first fold: what the network makes of data space, and its histograms."""
    figure = bare_figure(9.6, 6.4)
    figure.subplots_adjust(left=0.07, right=0.84, top=0.93, bottom=0.08, wspace=0.25, hspace=0.4)
    (space, steps), below = figure.subplots(2, 2)
    _data_space(space, record, look)
    _over_steps(steps, record, look)
    for ax, method in zip(below, NAMES, strict=True):
        _histogram(ax, record, method, look)
    top = max(ax.get_ylim()[1] for ax in below)
    for ax in below:
        ax.set_ylim(0, top)
    below[0].legend(fontsize=8, frameon=False)
    return figure


def _data_space(ax: Axes, record: Record, look: int) -> None:
    curves = record.curves
    points = {kind: curves[f"{kind} samples"] for kind in ("background", "signal")}
    both = np.concatenate(list(points.values()))
    low, high = both.min(axis=0) - 0.3, both.max(axis=0) + 0.3
    x, y = np.meshgrid(*(np.linspace(low[i], high[i], GRID) for i in range(2)))
    score = _score(record, "neos", look, np.stack([x.ravel(), y.ravel()], axis=1))
    shades = ax.contourf(x, y, score.reshape(x.shape), [0, 0.25, 0.5, 0.75, 1], cmap="Greys",
                         alpha=0.45, vmin=-0.2, vmax=1.4)  # fmt: skip
    shades.set_edgecolor("face")
    for (kind, where), colour, marker in zip(
        points.items(), (BACKGROUND, SIGNAL), "o^", strict=True
    ):
        ax.plot(*where.T, marker, color=colour, markersize=3.5, label=kind)
    ax.set_title("held-out samples, bins of the score trained for Z", fontsize=9)
    ax.set_xlabel("mean radius, standardised", fontsize=8)
    ax.set_ylabel("mean texture, standardised", fontsize=8)
    ax.legend(fontsize=8, frameon=False, loc="upper left")
    plain(ax)


def _score(record: Record, method: str, look: int, x: np.ndarray) -> np.ndarray:
    """The first fold's network at samples (n, 2)."""
    w1, b1, w2, b2 = (record.curves[f"{n} {method}/look"][look] for n in ("w1", "b1", "w2", "b2"))
    hidden = np.maximum(x @ w1.reshape(x.shape[1], -1) + b1, 0)
    return special.expit(hidden @ w2 + b2)


def _over_steps(ax: Axes, record: Record, look: int) -> None:
    looks, ends = record.curves[LOOKS], []
    lines = {
        "for Z, hard": ("hard z/neos", COLOURS[0], "-"),
        "for Z, soft": ("soft z/neos", COLOURS[0], ":"),
        "cross-entropy, hard": ("hard z/cross_entropy", COLOURS[3], "-"),
    }
    for label, (name, colour, dash) in lines.items():
        values = record.curves[name]
        ax.plot(looks, values, dash, color=colour, linewidth=1.3)
        ends.append(End(label, looks[-1], values[-1], colour))
    ax.axvline(looks[look], color="0.8", linewidth=0.8)
    ax.set_title("significance of held-out samples, mean of five folds", fontsize=9)
    ax.set_xlabel("step", fontsize=8)
    ax.set_ylabel("Z", fontsize=8)
    plain(ax)
    label_ends(ax, ends)


def _histogram(ax: Axes, record: Record, method: str, look: int) -> None:
    edges = np.linspace(0, 1, 5)
    for kind, colour, side in (("background", BACKGROUND, 0.05), ("signal", SIGNAL, 0.5)):
        hard, soft = (record.curves[f"{h} {kind} {method}/look"][look] for h in ("hard", "soft"))
        left = edges[:-1] + side * 0.25
        ax.bar(left, hard, 0.45 * 0.25, align="edge", color=colour, alpha=0.55,
               label=f"{kind}, hard")  # fmt: skip
        ax.hlines(soft, left, left + 0.45 * 0.25, color=colour, linewidth=2, label=f"{kind}, soft")
    z = " and ".join(f"{record.curves[f'{h} z/{method}'][look]:.2f} {h}" for h in ("hard", "soft"))
    ax.set_title(f"{NAMES[method]}: Z {z}", fontsize=9)
    ax.set_xlabel("score (first fold)", fontsize=8)
    ax.set_ylabel("events", fontsize=8)
    ax.set_xticks(edges)
    plain(ax)


def bandwidths(record: Record, look: int) -> Figure:
    """Left: how far soft is from hard. Right: what training at a bandwidth gives."""
    figure = bare_figure(9.0, 3.4)
    figure.subplots_adjust(left=0.08, right=0.88, top=0.88, bottom=0.15, wspace=0.55)
    gaps, trained = figure.subplots(1, 2)
    gaps.set_yscale("log")
    drawn = (("gap drop", "dropped", "-"), ("gap reflect", "reflected", "--"))
    _lines(gaps, record, drawn, "bins off by, of all events")
    gaps.set_title("a network trained at 0.1, seen at other bandwidths", fontsize=9)
    _lines(trained, record, (("hard z", "hard", "-"), ("soft z", "soft", ":")), "Z")
    trained.set_title("significance after training at a bandwidth", fontsize=9)
    return figure


def _lines(ax: Axes, record: Record, drawn: tuple[tuple[str, str, str], ...], unit: str) -> None:
    ends, ticks = [], set()
    ax.set_xscale("log")
    for name, label, dash in drawn:
        at = sorted(
            (float(key.partition("/")[2]), value)
            for key, value in record.numbers.items()
            if key.startswith(f"{name}/")
        )
        x, y = np.array([point for point in at if point[1] > 0]).T
        ticks |= set(x)
        ax.plot(x, y, dash, color=COLOURS[0], marker="o", markersize=3, linewidth=1.3)
        ends.append(End(label, x[-1], y[-1], COLOURS[0]))
    ax.set_xticks(sorted(ticks), [f"{tick:g}" for tick in sorted(ticks)])
    ax.xaxis.set_minor_formatter(NullFormatter())
    ax.set_xlabel("bandwidth (units of the score)", fontsize=8)
    ax.set_ylabel(unit, fontsize=8)
    plain(ax)
    label_ends(ax, ends)
