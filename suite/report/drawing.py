"""What all pictures share: the look of every implementation, the quantities, bare figures.

Every implementation keeps one marker, dash and shade through a whole report, so that a picture can
be read in greyscale.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from suite.report.measured import Measured

Style = dict[str, dict[str, Any]]

MARKERS = "osD^vPX<>h*p"
DASHES = ["-", (0, (5, 1.5)), (0, (1.5, 1.5)), (0, (6, 1.5, 1.5, 1.5)), (0, (9, 2)), (0, (3, 3))]
# After Okabe and Ito, neighbours far apart in lightness.
COLOURS = ["#000000", "#0072b2", "#d55e00", "#009e73", "#7a3f73", "#cc79a7", "#8c6d00", "#2b9fd9"]
FAILED = ("wrong", "nan", "flagged", "error", "oom", "timeout", "crashed")
YARDSTICK = "0.45"


@dataclass(frozen=True)
class Quantity:
    """What an axis shows: the metric, its label with unit, and the yardsticks drawn with it."""

    metric: str
    label: str
    unit: str
    yardsticks: tuple[str, ...] = ()


TIME = Quantity("time", "time per pass (s)", "s", ("sort", "copy"))
THROUGHPUT = Quantity("throughput", "throughput (samples/s)", "/s")
MEMORY = Quantity("peak_memory", "peak memory beyond the input (B)", "B")


def styles(run: Measured) -> Style:
    """The marker, dash and colour of every implementation of the run."""
    names = sorted(run.cells["implementation"].unique())
    return {
        name: {
            "marker": MARKERS[i % len(MARKERS)],
            "linestyle": DASHES[i % len(DASHES)],
            "color": COLOURS[i % len(COLOURS)],
        }
        for i, name in enumerate(names)
    }


def bare_figure(width: float, height: float) -> Figure:
    """A figure of that many inches, drawn without a display and without global state."""
    figure = Figure(figsize=(width, height), dpi=110)
    FigureCanvasAgg(figure)
    return figure


def plain(ax: Axes) -> None:
    """Two spines, small ticks, everything above the grid."""
    ax.set_axisbelow(True)
    ax.spines[["top", "right"]].set_visible(False)
    ax.tick_params(which="both", labelsize=8)
