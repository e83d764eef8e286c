"""Normalised time, error and memory of one case over the runs, a line an implementation."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter

from suite.history.table import Story, short_commit
from suite.report.drawing import COLOURS, DASHES, MARKERS, bare_figure, plain
from suite.report.measured import quantity

PANELS = (
    ("normalised", "forward", "forward: time over its yardstick's"),
    ("normalised", "forward+backward", "forward+backward: time over its yardstick's"),
    ("error", "forward+backward", "worst error (tolerances)"),
    ("peak_memory", "forward+backward", "peak memory beyond the input (B)"),
)
SPAN = 3.0
"""The top of an axis over its bottom, at least."""

TICKS = 24
"""Commits that an axis names at most."""


def groups(found: Sequence[Story]) -> dict[tuple[str, ...], list[Story]]:
    """Cells that share a picture: machine, operator, case, device, dtype and clock."""
    pictures: dict[tuple[str, ...], list[Story]] = {}
    for story in found:
        machine, operator, _, _, case, _, device, dtype, clock = story.cell
        if len(story.rows["time"].dropna()) or len(story.rows["value_error"].dropna()):
            pictures.setdefault((machine, operator, case, device, dtype, clock), []).append(story)
    return pictures


def draw(name: tuple[str, ...], found: Sequence[Story]) -> Figure:
    """Four panels over one axis of runs; dotted uprights mark changes, crosses failed runs."""
    figure = bare_figure(11, 7)
    axes = figure.subplots(2, 2, sharex=True).ravel()
    runs = _runs(found)
    looks = _looks(found)
    for ax, (metric, pass_, title) in zip(axes, PANELS, strict=True):
        plain(ax)
        ax.set_title(title, fontsize=9, loc="left")
        mine = [story for story in found if story.cell[5] == pass_]
        drawn = [_line(ax, story, metric, runs, looks[story.cell[2]]) for story in mine]
        _scale(ax, metric, any(drawn))
    for ax in axes[2:]:
        _commits(ax, runs)
    machine, operator, case, device, dtype, clock = name
    figure.suptitle(
        f"{operator} {case} ({device}, {dtype}, {clock} clock) on {machine}", fontsize=10
    )
    handles = [Line2D([], [], markersize=4, label=label, **look) for label, look in looks.items()]
    handles.append(Line2D([], [], color="0.4", marker="x", linestyle="", label="failed"))
    figure.legend(handles=handles, loc="lower center", ncols=5, fontsize=8, frameon=False)
    figure.tight_layout(rect=(0, 0.03 + 0.025 * ((len(looks) + 4) // 5), 1, 1))
    return figure


def write_figures(found: Sequence[Story], folder: Path, most: int) -> list[Path]:
    """Write at most so many pictures, those of cells that changed first; their paths."""
    written = []
    for name, mine in list(groups(found).items())[:most]:
        machine, *rest = name
        path = folder / machine / ("-".join(filter(None, rest)) + ".png")
        path.parent.mkdir(parents=True, exist_ok=True)
        draw(name, mine).savefig(path)
        written.append(path)
    return written


def _runs(found: Sequence[Story]) -> pd.DataFrame:
    """The runs on the axis, in order: run, finished, commit."""
    rows = pd.concat([story.rows[["run", "finished", "commit"]] for story in found])
    return rows.drop_duplicates("run").sort_values(["finished", "run"], ignore_index=True)


def _looks(found: Sequence[Story]) -> dict[str, dict]:
    names = sorted({story.cell[2] for story in found})
    return {
        name: {
            "marker": MARKERS[k % len(MARKERS)],
            "linestyle": DASHES[k % len(DASHES)],
            "color": COLOURS[k % len(COLOURS)],
        }
        for k, name in enumerate(names)
    }


def _line(ax: Axes, story: Story, metric: str, runs: pd.DataFrame, look: dict) -> bool:
    """Draw one cell's numbers over the runs; whether there were any."""
    places = pd.Series(runs.index, index=runs["run"])
    rows = story.rows
    values = (
        np.fmax(rows["value_error"], rows["gradient_error"]) if metric == "error" else rows[metric]
    )
    known = values.notna() & np.isfinite(values)
    where = places[rows["run"]].to_numpy()
    ax.plot(where[known], values[known], markersize=4, linewidth=1, **look)
    failed = where[~rows["status"].isin(["ok", "unsupported"])]
    bottom = np.full(len(failed), 0.03)
    colour = look["color"]
    ax.plot(failed, bottom, "x", color=colour, transform=ax.get_xaxis_transform(), markersize=6)
    if metric == "normalised":
        timed = places[story.timed["run"]].to_numpy()
        for change in story.changes:
            middle = (timed[change.index - 1] + timed[change.index]) / 2
            ax.axvline(middle, color=colour, linestyle=":", linewidth=1)
            text = f"x {change.factor:.2f}"
            ax.annotate(text, (middle, 0.98), xycoords=ax.get_xaxis_transform(), fontsize=8,
                        color=colour, rotation=90, va="top", ha="right")  # fmt: skip
    return bool(known.any())


def _scale(ax: Axes, metric: str, drawn: bool) -> None:
    if not drawn:
        ax.text(0.5, 0.5, "not measured", transform=ax.transAxes, ha="center", color="0.5")
        ax.set_yticks([])
        return
    ax.set_yscale("log")
    unit = "B" if metric == "peak_memory" else ""
    shown = FuncFormatter(lambda y, _: quantity(y, unit) if unit else f"{y:g}")
    ax.yaxis.set_major_formatter(shown)
    low, high = ax.get_ylim()
    # Noise must not look like news.
    widened = max(1.0, (SPAN * low / high) ** 0.5)
    low, high = low / widened, high * widened
    ax.set_ylim(low, high)
    few = high / low < 20
    ax.yaxis.set_minor_formatter(shown if few else FuncFormatter(lambda y, _: ""))
    ax.grid(axis="y", which="both" if few else "major", color="0.92", linewidth=0.6)
    if metric == "error" and low < 1 < high:
        ax.axhline(1, color="0.4", linewidth=0.8)


def _commits(ax: Axes, runs: pd.DataFrame) -> None:
    """Every commit's name at its first run."""
    first = runs[runs["commit"] != runs["commit"].shift()]
    first = first.iloc[:: max(1, -(-len(first) // TICKS))]
    labels = [short_commit(commit) for commit in first["commit"]]
    ax.set_xticks(first.index, labels, rotation=45, ha="right", fontsize=7)
    ax.set_xlim(-0.5, len(runs) - 0.5)
    ax.set_xlabel("commit of the run, in order of time", fontsize=8)
