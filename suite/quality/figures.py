"""Pictures of gradients: bias and spread against the knob, cosine against the batch size.

Lines are an operator's sweeps, each with one marker, dash and shade in all pictures; bands are
95% bootstrap intervals. A row of panels is a statistic, a column a population.
"""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, NullFormatter, ScalarFormatter

from suite.quality.choices import options_of, whole
from suite.quality.store import QualityRun
from suite.report.drawing import COLOURS, DASHES, MARKERS, bare_figure, plain
from suite.report.labels import End, label_ends

PANEL, HEIGHT, LEFT, RIGHT, ABOVE, BELOW = 2.7, 2.1, 0.9, 1.7, 0.95, 0.6  # inches
STATISTICS = {
    "relative_bias": "relative bias |E e - g| / |g|",
    "relative_spread": "relative spread of one batch",
    "cosine": "mean cosine of one batch\nwith the true gradient",
}
UNITS = {"bandwidth": "units of x", "scale": "units of x", "temperature": "units of z"}
ABREAST = 3
"""Populations in one picture."""
FLOOR = 3e-3
"""Where a bias that cannot be told from zero is drawn on a logarithmic axis."""


def figures(run: QualityRun, operator: str) -> Iterator[tuple[str, Figure]]:
    """Every picture of an operator, with its name."""
    table = whole(run, operator)
    if not len(table):
        return
    flat = table.reset_index()
    knobs = [knob for knob in flat["knob"].unique() if knob != "samples"]
    for knob in knobs:
        mine = table[table.index.get_level_values("knob") == knob]
        if mine.index.get_level_values("value").map(_number).isna().any():
            continue
        for samples in sorted(mine.index.get_level_values("samples").unique()):
            at = mine[mine.index.get_level_values("samples") == samples]
            yield from _pictures(run, operator, at, f"{knob}-{samples}")
    sizes = table[table.index.get_level_values("knob") == "samples"]
    yield from _pictures(run, operator, sizes, "samples")


def _pictures(
    run: QualityRun, operator: str, table: pd.DataFrame, name: str
) -> Iterator[tuple[str, Figure]]:
    """One picture for every few populations."""
    populations = list(dict.fromkeys(table.index.get_level_values("population")))
    for start in range(0, len(populations), ABREAST):
        some = populations[start : start + ABREAST]
        part = table[table.index.get_level_values("population").isin(some)]
        suffix = f"-{start // ABREAST + 1}" if len(populations) > ABREAST else ""
        yield f"{name}{suffix}", _picture(run, operator, part, some)


def _number(text: str) -> float:
    return float(pd.to_numeric(text, errors="coerce"))


def _picture(run: QualityRun, operator: str, table: pd.DataFrame, populations: list[str]) -> Figure:
    knob = str(table.index.get_level_values("knob")[0])
    samples = int(table.index.get_level_values("samples")[0])
    looks = _looks(run, operator)
    width = max(LEFT + len(populations) * PANEL + RIGHT, 6.4)
    height = ABOVE + len(STATISTICS) * HEIGHT + BELOW
    figure = bare_figure(width, height)
    figure.subplots_adjust(left=LEFT / width, right=1 - RIGHT / width, wspace=0.12, hspace=0.14,
                           top=1 - ABOVE / height, bottom=BELOW / height)  # fmt: skip
    axes = figure.subplots(len(STATISTICS), len(populations), sharex=True, sharey="row",
                           squeeze=False)  # fmt: skip
    sweeps = list(dict.fromkeys(table.index.get_level_values("sweep")))
    ends: dict[tuple[int, int], list[End]] = {}
    for column, population in enumerate(populations):
        here = table[table.index.get_level_values("population") == population]
        for row, metric in enumerate(STATISTICS):
            ax = axes[row, column]
            _dress(ax, metric, knob)
            if metric == "cosine" and table["cosine"]["low"].min() < 0.5:
                ax.axhline(0, color="0.6", linewidth=0.8)
            ends[row, column] = [
                _line(ax, group[metric], looks.index(label), label)
                for sweep in sweeps
                for label in [_label(run, operator, population, sweep)]
                if len(group := here[here.index.get_level_values("sweep") == sweep])
            ]
        axes[0, column].set_title(population, fontsize=9, loc="left")
        unit = "samples a batch, N" if knob == "samples" else f"{knob} ({UNITS.get(knob, '')})"
        axes[-1, column].set_xlabel(unit, fontsize=9)
    for row, text in enumerate(STATISTICS.values()):
        axes[row, 0].set_ylabel(text, fontsize=8)
        label_ends(axes[row, -1], ends[row, len(populations) - 1])
    what = "the batch size" if knob == "samples" else f"{knob}, {samples:,} samples a batch"
    title = f"{operator}: gradient quality against {what}"
    note = (
        "bands: 95% bootstrap intervals; grey line: as large as the true gradient, or no help\n"
        "a bias that cannot be told from 0 lies on the floor"
    )
    figure.text(0.1 / width, 1 - 0.1 / height, f"{title}\n{note}", fontsize=9, va="top")
    return figure


def _looks(run: QualityRun, operator: str) -> list[str]:
    """Labels of all sweeps of an operator; a label's place decides its look in every picture."""
    stated = run.info["populations"][operator]
    labels = {_label(run, operator, p, sweep) for p, said in stated.items()
              for sweep in said["sweeps"]}  # fmt: skip
    return sorted(labels)


def _dress(ax: Axes, metric: str, knob: str) -> None:
    ax.set_xscale("log")
    ax.xaxis.set_minor_formatter(NullFormatter())
    ax.xaxis.set_major_formatter(EngFormatter(sep="") if knob == "samples" else ScalarFormatter())
    if metric == "cosine":
        ax.margins(y=0.08)
    else:
        ax.set_yscale("log")
        ax.yaxis.set_minor_formatter(NullFormatter())
        ax.axhline(1, color="0.6", linewidth=0.8)
    ax.grid(True, which="major", color="0.92", linewidth=0.6)
    plain(ax)


def _line(ax: Axes, numbers: pd.DataFrame, look: int, label: str) -> End:
    """A sweep's curve with its band; where it ends."""
    values = numbers.index.get_level_values("value").map(_number)
    numbers = numbers.set_axis(values).sort_index()
    if ax.get_yscale() == "log":
        numbers = numbers.clip(lower=FLOOR)
    colour = COLOURS[look % len(COLOURS)]
    ax.fill_between(numbers.index, numbers["low"], numbers["high"], color=colour, alpha=0.15,
                    linewidth=0)  # fmt: skip
    ax.plot(numbers.index, numbers["estimate"], color=colour, linewidth=1.3, markersize=3.8,
            marker=MARKERS[look % len(MARKERS)], linestyle=DASHES[look % len(DASHES)])  # fmt: skip
    last = numbers.iloc[-1]
    return End(label, float(numbers.index[-1]), float(last["estimate"]), colour)


def _label(run: QualityRun, operator: str, population: str, sweep: str) -> str:
    """What is particular to a sweep: its name without the knob's."""
    knob, _, rest = sweep.partition("-")
    options = options_of(run, operator, population, sweep)
    if rest.replace(".", "").isdigit():
        names = [name for name, value in options.items() if value == rest]
        return f"{names[0]} {rest}" if names else rest
    return rest or knob
