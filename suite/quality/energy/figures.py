"""Pictures of losses of energies: gradients against knobs and sizes, and what was fitted."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from suite.quality.energy.fits import SEEDS
from suite.quality.energy.run import EnergyRun, grid_energy
from suite.quality.energy.targets import POINTS, REACH, TARGETS, grid
from suite.report.drawing import COLOURS, DASHES, MARKERS, bare_figure, plain

KNOBS = {
    "k": "Langevin steps k", "sigma": "noise sigma", "projections": "projections a sample",
    "noise": "noise scale",
}  # fmt: skip
ROWS = (
    ("own", "relative_spread", "spread of one batch\nover its own gradient"),
    ("own", "cosine", "cosine of one batch\nwith its own gradient"),
    ("likelihood", "cosine", "cosine of one batch\nwith the likelihood's"),
    ("likelihood", "cosine_of_mean", "cosine of the mean\nwith the likelihood's"),
)
SIZES = (("gaussian-16", "samples"), ("ring", "samples"), ("gaussian", "dimension"))


def figures(run: EnergyRun) -> Iterator[tuple[str, Figure]]:
    """Every picture with its name."""
    table = run.tables["gradients"]
    for population in ("gaussian-16", "ring"):
        mine = table[table["population"] == population]
        columns = [(label, mine[mine["knob"] == knob]) for knob, label in KNOBS.items()]
        yield f"knobs-{population}", _panels(f"{population}: N = 1024", columns)
    columns = [
        (
            f"{population}: " + ("N" if knob == "samples" else "d, N = 256"),
            table[table["population"].str.startswith(population) & (table["knob"] == knob)],
        )
        for population, knob in SIZES
    ]
    yield "sizes", _panels("against batch size and dimension", columns)
    for target in TARGETS:
        yield target.replace(" ", "-"), _fitted(run, target)


def _panels(title: str, columns: list[tuple[str, pd.DataFrame]]) -> Figure:
    """A row a statistic, a column a knob; a legend below each column."""
    figure = bare_figure(2.9 * len(columns) + 0.6, 2.0 * len(ROWS) + 1.7)
    axes = figure.subplots(len(ROWS), len(columns), squeeze=False, sharex="col", sharey="row")
    for column, (label, table) in enumerate(columns):
        lines = list(dict.fromkeys(table["line"]))
        for ax, (against, metric, text) in zip(axes[:, column], ROWS, strict=True):
            mine = table[(table["against"] == against) & (table["metric"] == metric)]
            for look, line in enumerate(lines):
                _line(ax, mine[mine["line"] == line], look, line)
            _dress(ax, metric, sorted(table["value"].unique()))
            if column == 0:
                ax.set_ylabel(text, fontsize=8)
        axes[-1, column].set_xlabel(label, fontsize=9)
        axes[-1, column].legend(loc="upper center", bbox_to_anchor=(0.5, -0.32), fontsize=7,
                                frameon=False)  # fmt: skip
    figure.suptitle(f"{title}\nbands: 95% bootstrap intervals", fontsize=9, x=0.02, ha="left")
    figure.tight_layout(rect=(0, 0, 1, 0.99))
    return figure


def _line(ax: Axes, rows: pd.DataFrame, look: int, label: str) -> None:
    rows = rows.sort_values("value")
    colour = COLOURS[look % len(COLOURS)]
    ax.fill_between(rows["value"], rows["low"], rows["high"], color=colour, alpha=0.15, linewidth=0)
    ax.plot(rows["value"], rows["estimate"], color=colour, linewidth=1.3, markersize=3.8,
            marker=MARKERS[look % len(MARKERS)], linestyle=DASHES[look % len(DASHES)],
            label=label)  # fmt: skip


def _dress(ax: Axes, metric: str, values: list[float]) -> None:
    ax.set_xscale("log")
    ax.xaxis.set_major_locator(FixedLocator(values))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    if metric == "relative_spread":
        ax.set_yscale("log")
    else:
        ax.axhline(1, color="0.6", linewidth=0.8)
        ax.axhline(0, color="0.6", linewidth=0.8)
    ax.grid(True, which="major", color="0.92", linewidth=0.6)
    plain(ax)


def _fitted(run: EnergyRun, target: str) -> Figure:
    """The density of the target, then of the first seed's fits, on one logarithmic scale."""
    _, cell = grid()
    fits = run.tables["fits"]
    fits = fits[(fits["target"] == target) & (fits["seed"] == SEEDS[0])]
    shown = {"the data's density": TARGETS[target].on_grid}
    for way, lost in zip(fits["way"], fits["lost"], strict=True):
        energy = grid_energy(run, target, way)
        normalised = np.exp(-energy - np.logaddexp.reduce(-energy)) / cell
        shown[f"{way}\n{lost:.3f} nats lost"] = normalised
    top = shown["the data's density"].max()
    figure = bare_figure(10.4, 5.9)
    axes = figure.subplots(2, 4, sharex=True, sharey=True)
    for ax, (label, density) in zip(axes.ravel(), shown.items(), strict=True):
        logs = np.log10(np.maximum(density, 1e-30)).reshape(POINTS, POINTS).T
        picture = ax.imshow(logs, origin="lower", extent=(-REACH, REACH, -REACH, REACH),
                            vmin=np.log10(top) - 4, vmax=np.log10(top), cmap="viridis")  # fmt: skip
        ax.set_title(label, fontsize=8)
        ax.tick_params(labelsize=7)
    figure.subplots_adjust(left=0.04, right=0.9, top=0.86, bottom=0.05, wspace=0.08, hspace=0.22)
    bar = figure.colorbar(picture, cax=figure.add_axes((0.92, 0.1, 0.012, 0.7)))
    bar.set_label("log10 of the density", fontsize=8)
    bar.ax.tick_params(labelsize=7)
    figure.suptitle(f"{target}: -E, normalised, of energies fitted by each loss", fontsize=9,
                    x=0.02, ha="left")  # fmt: skip
    return figure
