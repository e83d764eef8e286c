"""The picture of a fit by a loss of the TorchEBM guide: data, energy, and what became of them."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from suite.quality.energy.targets import POINTS, REACH, grid
from suite.report.drawing import COLOURS, bare_figure, plain
from suite.reproduce.claims import LOOKS, Record
from suite.reproduce.torchebm_guide_fits import TARGET, Lesson, energy

DECADES = 4


def landscape(lesson: Lesson, record: Record, look: int) -> Figure:
    """log10 of densities, of the data and of the energy at a look; the loss and what it leaves."""
    curves = record.curves
    look = range(len(curves[LOOKS]))[look]
    step = int(curves[LOOKS][look])
    data, (_, cell) = TARGET.on_grid, grid()
    found = -energy(curves["theta"][look])
    density = np.exp(found - np.logaddexp.reduce(found)) / cell
    figure = bare_figure(10.6, 3.3)
    left, middle, right, scale = (
        figure.add_axes((x, 0.14, width, 0.74))
        for x, width in ((0.035, 0.23), (0.295, 0.23), (0.68, 0.25), (0.54, 0.011))
    )
    _density(left, data, data.max(), f"{TARGET.name}: the data")
    picture = _density(middle, density, data.max(), "exp(-E) / Z")
    right.set_title(f"{lesson.name}: step {step}", fontsize=9)
    bar = figure.colorbar(picture, cax=scale)
    bar.ax.tick_params(labelsize=7)
    bar.set_label("log10 of the density", fontsize=8)
    _progress(right, curves, look)
    return figure


def _density(ax: Axes, density: np.ndarray, top: float, title: str):
    logs = np.log10(np.maximum(density, 1e-30)).reshape(POINTS, POINTS).T
    ax.set_title(title, fontsize=9)
    ax.tick_params(labelsize=7)
    return ax.imshow(logs, origin="lower", extent=(-REACH, REACH, -REACH, REACH), cmap="viridis",
                     vmin=np.log10(top) - DECADES, vmax=np.log10(top))  # fmt: skip


def _progress(ax: Axes, curves: dict[str, np.ndarray], look: int) -> None:
    """The likelihood lost on the left axis, the loss's own values on the right one."""
    steps, values = curves[LOOKS], curves["values"]
    end = int(steps[look])
    own = ax.twinx()
    own.plot(values[: max(end, 1)], color="0.72", linewidth=0.8)
    own.set_ylim(*_range(values))
    own.set_ylabel("its own value (grey)", fontsize=8)
    own.spines["top"].set_visible(False)
    own.tick_params(labelsize=7)
    ax.set_zorder(own.get_zorder() + 1)
    ax.patch.set_visible(False)
    ax.plot(steps[: look + 1], curves["lost"][: look + 1], color=COLOURS[1], marker="o",
            markersize=3, linewidth=1.4)  # fmt: skip
    ax.set_xlim(0, steps[-1])
    ax.set_ylim(0, 1.1 * float(np.nanmax(curves["lost"])))
    ax.set_xlabel("step", fontsize=9)
    ax.set_ylabel("nats of likelihood lost a sample (blue)", fontsize=8)
    plain(ax)


def _range(values: np.ndarray) -> tuple[float, float]:
    """Of most values: a first step may be far above all others."""
    low, high = np.nanquantile(values, (0.005, 0.98))
    off = 0.1 * (high - low) + 1e-9
    return float(low - off), float(high + off)
