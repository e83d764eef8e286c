"""The picture of a batch on its way to a prior: points, CDFs, loss so far, density."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter
from scipy import special

from suite.priors import PRIORS
from suite.report.drawing import COLOURS, bare_figure, plain
from suite.reproduce.batch_shaping_example import Example
from suite.reproduce.claims import LOOKS, Record

WIDTH, HEIGHT = 7.2, 6.0  # inches
TARGET, DATA = COLOURS[0], COLOURS[1]
BINS = 20
WORDS = {
    "relaxed_bernoulli": "relaxed Bernoulli, mean {a:g}, temperature {b:g}",
    "symbeta": "Beta({a:g}, {b:g})",
    "beta": "Beta({a:g}, {b:g})",
    "normal": "normal({a:g}, {b:g})",
}


def picture(example: Example, record: Record, look: int) -> Figure:
    """The batch at a look of a training's record, as the source drew it."""
    step = int(record.curves[LOOKS][look])
    x = np.sort(special.expit(record.curves["logits"][look]))
    law = WORDS[example.prior].format(a=example.a, b=example.second)
    figure = bare_figure(WIDTH, HEIGHT)
    grid = figure.add_gridspec(2, 2, height_ratios=(1.5, 1), hspace=0.34, wspace=0.24,
                               left=0.1, right=0.97, top=0.89, bottom=0.09)  # fmt: skip
    above = figure.add_subplot(grid[0, :])
    _cdfs(above, example, x)
    loss_curve(figure.add_subplot(grid[1, 0]), record.curves["losses"], step)
    _densities(figure.add_subplot(grid[1, 1]), example, x)
    text = f"{len(x)} points to {law}, from logits in \u00b1{example.reach:g}: step {step}"
    figure.text(0.1, 0.955, text, fontsize=10)
    return figure


def _cdfs(ax: Axes, example: Example, x: np.ndarray) -> None:
    # Priors may have mass nearer to the ends than any number: there the CDF is a vertical line.
    grid = special.expit(np.linspace(-12, 12, 800))
    cdf = example.cdf(special.logit(grid))
    height = np.random.Generator(np.random.Philox(0)).permutation(len(x)) / len(x)
    ax.plot(x, height, ".", color="0.72", markersize=3, label="points (any height)")
    ax.step(x, np.arange(1, len(x) + 1) / len(x), where="post", color=DATA, linewidth=1.6,
            label="CDF of the points")  # fmt: skip
    ax.plot(np.r_[0, grid, 1], np.r_[0, cdf, 1], color=TARGET, linestyle=(0, (4, 2)),
            linewidth=1.6, label="CDF of the prior")  # fmt: skip
    ax.set_xlim(-0.02, 1.02)
    ax.set_ylim(-0.02, 1.04)
    ax.set_xlabel("x", fontsize=9)
    # Above, where no point of any step is.
    ax.legend(fontsize=8, loc="lower left", bbox_to_anchor=(-0.01, 0.99), ncol=3, frameon=False)
    plain(ax)


def loss_curve(ax: Axes, losses: np.ndarray, step: int) -> None:
    """Losses up to a step, in the axes of all; logarithmic where they span much."""
    shown = losses[: max(step, 1)]
    ax.plot(np.arange(1, len(shown) + 1), shown, color=DATA, linewidth=1.4)
    ax.set_xlim(0, len(losses))
    low, high = float(losses.min()), float(losses.max())
    if low > 0 and high > 30 * low:
        ax.set_yscale("log")
        ax.yaxis.set_minor_formatter(NullFormatter())
        ax.set_ylim(0.6 * low, 1.7 * high)
    else:
        ax.set_ylim(min(0.0, low), 1.1 * high)
    ax.set_xlabel("step", fontsize=9)
    ax.set_ylabel("loss", fontsize=9)
    ax.grid(True, which="major", color="0.92", linewidth=0.6)
    plain(ax)


def _densities(ax: Axes, example: Example, x: np.ndarray) -> None:
    grid = np.linspace(0.004, 0.996, 400)
    density = PRIORS[example.prior].pdf(grid, example.a, example.b)
    ax.hist(x, bins=np.linspace(0, 1, BINS + 1).tolist(), density=True, color=DATA, alpha=0.45,
            rwidth=0.9, label="points")  # fmt: skip
    ax.plot(grid, density, color=TARGET, linewidth=1.4, label="prior")
    ax.set_ylim(0, 1.15 * max(float(np.quantile(density, 0.98)), 1.0, _tallest(x)))
    ax.set_xlabel("x", fontsize=9)
    ax.set_ylabel("density", fontsize=9)
    ax.legend(fontsize=8, frameon=False)
    plain(ax)


def _tallest(x: np.ndarray) -> float:
    return float(np.histogram(x, BINS, (0, 1), density=True)[0].max())
