"""The history of every cell in one line of a table."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from suite.history.change_points import FEWEST, Change, change_points
from suite.history.frame import SERIES
from suite.report.measured import quantity

ROWS = 40
"""Cells that a table lists at most, those that changed first."""

NOTE = (
    "time: over a sort of the same data, first -> last run, and its range in between. A change is "
    "marked where random orders of the runs have one as clear in less than 1 of 100 cases; fewer "
    f"than {FEWEST} runs are too few to say. err: the last run's worst, in tolerances."
)
SHORT = {"forward": "fwd", "forward+backward": "fwd+bwd"}


@dataclass(frozen=True)
class Story:
    """One cell's runs in order, and the changes of its normalised time.

    cell: values of SERIES. rows: of the history's frame. changes: indices count timed runs.
    """

    cell: tuple[str, ...]
    rows: pd.DataFrame
    changes: tuple[Change, ...]

    @property
    def timed(self) -> pd.DataFrame:
        """The runs that have a normalised time."""
        return self.rows[self.rows["normalised"].notna()]

    @property
    def told(self) -> str:
        """Its changes in words."""
        if self.changes:
            named = self.timed["commit"].to_numpy()
            return ", ".join(
                f"x {c.factor:.2f} at {short_commit(named[c.index])} (p {c.p:.2g})"
                for c in self.changes
            )
        count = len(self.timed)
        return "" if count >= FEWEST else f"too few ({count})"


def stories(frame: pd.DataFrame, rng: np.random.Generator) -> list[Story]:
    """The cells of a history, those with the largest changes first."""
    found = []
    for cell, rows in frame.groupby(SERIES, sort=True):
        times = rows["normalised"].dropna().to_numpy()
        found.append(Story(tuple(map(str, cell)), rows, tuple(change_points(times, rng))))
    return sorted(found, key=lambda story: -_size(story))


def print_history(found: list[Story], console: Console) -> None:
    """Print a table of cells machine by machine."""
    for machine in dict.fromkeys(story.cell[0] for story in found):
        mine = [story for story in found if story.cell[0] == machine]
        console.print(Text(machine, "bold"))
        table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
        table.add_column("cell", overflow="fold", max_width=38)
        table.add_column("runs", justify="right")
        table.add_column("time", no_wrap=True)
        table.add_column("err", justify="right", no_wrap=True)
        table.add_column("memory", justify="right", no_wrap=True)
        table.add_column("changes", overflow="fold")
        for story in mine[:ROWS]:
            table.add_row(*map(Text, _texts(story)), style="yellow" if story.changes else None)
        console.print(table)
        if len(mine) > ROWS:
            console.print(f"{len(mine) - ROWS} more cells: choose by -o, -i and -c")
    console.print(Text(NOTE, "dim"))


def short_commit(commit: str) -> str:
    """Seven digits, and a plus where the files differed from the commit's."""
    return (commit[:7] + "+" * ("+" in commit)) or "none"


def _texts(story: Story) -> tuple[str, ...]:
    _, operator, implementation, _, case, pass_, device, _, clock = story.cell
    where = "" if (device, clock or "wall") == ("cpu", "wall") else f" ({device}, {clock})"
    name = f"{operator}/{implementation}\n{case}, {SHORT.get(pass_, pass_)}{where}"
    times = story.timed["normalised"]
    time = "-"
    if len(times):
        time = f"{times.iloc[0]:.2f} -> {times.iloc[-1]:.2f}"
        time += f" ({times.min():.2f}-{times.max():.2f})" if len(times) > 2 else ""
    last = story.rows.iloc[-1]
    error = np.fmax(last["value_error"], last["gradient_error"])
    errors = f"{error:.2g}" if np.isfinite(error) else str(last["status"])
    memory = story.rows["peak_memory"].dropna()
    used = quantity(memory.iloc[-1], "B") if len(memory) else "-"
    return name, str(len(story.rows)), time, errors, used, story.told


def _size(story: Story) -> float:
    return max((abs(np.log(change.factor)) for change in story.changes), default=0.0)
