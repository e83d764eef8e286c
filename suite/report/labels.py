"""Direct labels at the ends of lines, or above marks, placed so that none covers another."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.transforms import ScaledTranslation

POINTS = 8.0
LINE_HEIGHT = 1.35


@dataclass(frozen=True)
class End:
    """A label's text and colour, and the data point where its line ends, or its mark is."""

    text: str
    x: float
    y: float
    colour: str


def label_ends(ax: Axes, ends: list[End]) -> None:
    """Write every label right of the axes, as level as may be with the end of its line.

    A thin leader joins the two. The axes' limits are fixed from here on.
    """
    if not ends:
        return
    ax.set_xlim(ax.get_xlim())
    ax.set_ylim(ax.get_ylim())
    heights = np.array([ax.transData.transform((end.x, end.y))[1] for end in ends])
    pixels = POINTS * LINE_HEIGHT * ax.figure.dpi / 72
    to_axes = ax.transAxes.inverted()
    for end, height in zip(ends, spread(heights, pixels), strict=True):
        ax.annotate(
            end.text,
            xy=(end.x, end.y),
            xycoords="data",
            xytext=(1.03, to_axes.transform((0, height))[1]),
            textcoords="axes fraction",
            fontsize=POINTS,
            color=end.colour,
            va="center",
            annotation_clip=False,
            arrowprops={"arrowstyle": "-", "color": "0.75", "linewidth": 0.6, "shrinkB": 4},
        )


def label_above(ax: Axes, ends: list[End], step: float) -> None:
    """Write every label above the axes, right of its mark, the leftmost highest.

    So no leader, which goes straight down to the mark, crosses a label. step: points a line.
    """
    for line, end in enumerate(sorted(ends, key=lambda end: -end.x)):
        ax.annotate(
            end.text,
            xy=(end.x, end.y),
            xycoords="data",
            xytext=(end.x, 1.0),
            textcoords=ax.get_xaxis_transform()
            + ScaledTranslation(-2 / 72, step * (line + 0.6) / 72, ax.figure.dpi_scale_trans),
            fontsize=POINTS,
            color=end.colour,
            va="center",
            annotation_clip=False,
            arrowprops={"arrowstyle": "-", "color": "0.75", "linewidth": 0.6, "shrinkB": 4,
                        "relpos": (0, 0)},
        )  # fmt: skip


def spread(heights: np.ndarray, gap: float) -> np.ndarray:
    """Move the heights as little as need be so that neighbours are at least `gap` apart.

    Least squares under an order: isotonic regression of height - rank * gap, by pooling.
    """
    order = np.argsort(heights, kind="stable")
    pools: list[list[float]] = []
    for rank, height in enumerate(heights[order]):
        pools.append([height - rank * gap])
        while len(pools) > 1 and np.mean(pools[-2]) >= np.mean(pools[-1]):
            last = pools.pop()
            pools[-1] += last
    level = np.concatenate([[np.mean(pool)] * len(pool) for pool in pools])
    placed = np.empty_like(heights)
    placed[order] = level + gap * np.arange(len(heights))
    return placed
