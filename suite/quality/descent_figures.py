"""Pictures of use: how the distance falls step by step, and where every objective ends."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from suite.quality.ends import DISTANCE, Goal, best_settings, ends, goals, shown
from suite.quality.problems import FRESH
from suite.quality.store import QualityRun
from suite.quality.targets import NO_TEST_TELLS
from suite.report.drawing import COLOURS, DASHES, MARKERS, bare_figure, plain
from suite.report.labels import End, label_ends

START_WORDS = {"samples": "the samples are free", "generator": "a location-scale generator"}


def descent_figures(run: QualityRun) -> Iterator[tuple[str, Figure]]:
    """Every picture with its name: paths and ends of what pulls a batch towards a target."""
    found = [goal for goal in goals(run) if goal.start in START_WORDS]
    for start in dict.fromkeys(goal.start for goal in found):
        mine = [goal for goal in found if goal.start == start]
        yield f"{start}-paths", _paths(run, mine)
        yield f"{start}-ends", _ends(run, mine)


def _threshold(goal: Goal) -> float:
    return NO_TEST_TELLS / (FRESH if goal.start == "generator" else goal.samples)


def _paths(run: QualityRun, mine: list[Goal]) -> Figure:
    """Median distance against the step: a panel a target, each objective at its best setting."""
    columns, lines = 2, -(-len(mine) // 2)
    width, height = 10.6, 0.9 + 2.9 * lines
    figure = bare_figure(width, height)
    figure.subplots_adjust(left=0.07, right=0.83, wspace=0.72, hspace=0.34, top=1 - 0.8 / height,
                           bottom=0.5 / height)  # fmt: skip
    panels = figure.subplots(lines, columns, sharex=True, sharey=True, squeeze=False).ravel()
    rows = shown(run)
    names = list(dict.fromkeys(name for goal in mine for name in goal.of(rows)["objective"]))
    labels = []
    for ax, goal in zip(panels, mine, strict=False):
        labels.append(_panel(ax, goal.of(rows), names, _threshold(goal)))
        ax.set_title(f"target: {goal.target}", fontsize=9, loc="left")
        ax.set_xlabel("Adam steps", fontsize=9)
        ax.set_ylabel("Cramer-von Mises distance", fontsize=8)
    for ax in panels[len(mine) :]:
        ax.set_visible(False)
    for ax, each in zip(panels, labels, strict=False):
        label_ends(ax, each)
    title = (
        f"Descents, {START_WORDS[mine[0].start]}, {mine[0].samples} samples a step: "
        "each objective at its best setting"
    )
    note = "medians over seeds, bands: 95% bootstrap intervals; grey line: a draw of the target"
    figure.text(0.01, 1 - 0.1 / height, f"{title}\n{note}", fontsize=9, va="top")
    return figure


def _panel(ax: Axes, rows: pd.DataFrame, names: list[str], threshold: float) -> list[End]:
    ax.set_yscale("log")
    ax.axhline(threshold, color="0.6", linewidth=1.0)
    ax.grid(True, which="major", color="0.92", linewidth=0.6)
    ax.yaxis.set_minor_formatter(NullFormatter())
    ax.tick_params(labelbottom=True, labelleft=True)
    plain(ax)
    best = best_settings(rows)
    labels = []
    for objective, group in rows[rows["metric"] == DISTANCE].groupby("objective", sort=False):
        path = group[group["setting"] == best[str(objective)]].sort_values("step")
        look = names.index(str(objective))
        colour = COLOURS[look % len(COLOURS)]
        ax.fill_between(path["step"], path["low"], path["high"], color=colour, alpha=0.12,
                        linewidth=0)  # fmt: skip
        ax.plot(path["step"], path["estimate"], color=colour, linewidth=1.3, markersize=3.5,
                marker=MARKERS[look % len(MARKERS)], markevery=6,
                linestyle=DASHES[look % len(DASHES)])  # fmt: skip
        last = path.iloc[-1]
        labels.append(End(str(objective), float(last["step"]), float(last["estimate"]), colour))
    return labels


def _ends(run: QualityRun, mine: list[Goal]) -> Figure:
    """The distance at the end: a row an objective at a setting, a column a target."""
    rows = shown(run)
    tables = [ends(goal.of(rows)) for goal in mine]
    names = list(dict.fromkeys(name for table in tables for name in table.index))
    width, height = 3.1 + 2.0 * len(mine), 1.3 + 0.27 * len(names)
    figure = bare_figure(width, height)
    figure.subplots_adjust(left=3.0 / width, right=1 - 0.15 / width, wspace=0.1,
                           top=1 - 0.8 / height, bottom=0.5 / height)  # fmt: skip
    panels = figure.subplots(1, len(mine), sharey=True, sharex=True, squeeze=False)[0]
    for ax, goal, table in zip(panels, mine, tables, strict=True):
        ax.set_xscale("log")
        ax.xaxis.set_minor_formatter(NullFormatter())
        ax.axvline(_threshold(goal), color="0.6", linewidth=1.0)
        for name, row in table.iterrows():
            y, there = names.index(str(name)), row["reached"] >= 0.5
            ax.plot([row["low"], row["high"]], [y, y], color="0.4", linewidth=1.4)
            ax.plot([row["estimate"]], [y], "o", color="black", markersize=5,
                    markerfacecolor="black" if there else "white")  # fmt: skip
        ax.grid(True, color="0.92", linewidth=0.6)
        ax.set_title(goal.target, fontsize=9, loc="left")
        ax.set_xlabel("Cramer-von Mises distance", fontsize=8)
        plain(ax)
    panels[0].set_yticks(range(len(names)), names)
    panels[0].set_ylim(len(names) - 0.4, -0.6)
    title = (
        f"Ends of descents, {START_WORDS[mine[0].start]}, {mine[0].samples} samples a step: "
        "medians and 95% intervals"
    )
    note = "grey line: 95% of draws of the target are left of it; full: half the seeds got there"
    figure.text(0.01, 1 - 0.1 / height, f"{title}\n{note}", fontsize=9, va="top")
    return figure
