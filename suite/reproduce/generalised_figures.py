"""The picture of rows with learned priors: some rows' CDFs, loss so far, means and hyperprior."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy import special, stats

from suite.report.drawing import COLOURS, bare_figure, plain
from suite.reproduce.batch_figures import loss_curve
from suite.reproduce.claims import LOOKS, Record

SHOWN = 4
"""Rows that are drawn."""
WIDTH, HEIGHT = 9.0, 4.8  # inches
PRIOR, DATA = COLOURS[0], COLOURS[1]


def picture(record: Record, look: int) -> Figure:
    """All at a look of the training's record."""
    curves, step = record.curves, int(record.curves[LOOKS][look])
    means, temperatures = curves["means"][look], curves["temperatures"][look]
    figure = bare_figure(WIDTH, HEIGHT)
    grid = figure.add_gridspec(2, SHOWN, hspace=0.5, wspace=0.3, left=0.07, right=0.985, top=0.86,
                               bottom=0.11)  # fmt: skip
    rows = special.expit(curves["logits"][look].reshape(SHOWN, -1))
    for k, x in enumerate(rows):
        ax = figure.add_subplot(grid[0, k])
        _cdfs(ax, np.sort(x), means[k], temperatures[k])
        if k == 0:
            ax.set_ylabel("CDF", fontsize=9)
    loss_curve(figure.add_subplot(grid[1, :2]), curves["losses"], step)
    _means(figure.add_subplot(grid[1, 2:]), means)
    text = f"{len(means)} rows with learned priors, the first {SHOWN} above: step {step}"
    figure.text(0.07, 0.95, text, fontsize=10)
    figure.text(0.985, 0.95, "black: prior   blue: points", fontsize=9, ha="right")
    return figure


def _cdfs(ax: Axes, x: np.ndarray, mean: float, temperature: float) -> None:
    z = np.linspace(-12, 12, 400)
    prior = special.expit(temperature * z - special.logit(mean))
    ax.step(x, np.arange(1, len(x) + 1) / len(x), where="post", color=DATA, linewidth=1.4)
    # Mass nearer to the ends is a vertical line there.
    grid, cdf = np.r_[0, special.expit(z), 1], np.r_[0, prior, 1]
    ax.plot(grid, cdf, color=PRIOR, linestyle=(0, (4, 2)), linewidth=1.4)
    ax.set_xlim(-0.03, 1.03)
    ax.set_ylim(-0.03, 1.05)
    ax.set_title(f"mean {mean:.2f}, temperature {temperature:.2f}", fontsize=8)
    ax.set_xlabel("x", fontsize=9)
    plain(ax)


def _means(ax: Axes, means: np.ndarray) -> None:
    grid = np.linspace(0, 1, 300)
    ax.hist(means, bins=np.linspace(0, 1, 21).tolist(), density=True, color=DATA, alpha=0.45,
            rwidth=0.9, label="learned means")  # fmt: skip
    ax.plot(grid, stats.beta.pdf(grid, 3, 7), color=PRIOR, linewidth=1.4, label="Beta(3, 7)")
    ax.set_xlabel("mean of a row's prior", fontsize=9)
    ax.set_ylabel("density", fontsize=9)
    ax.legend(fontsize=8, frameon=False)
    plain(ax)
