"""A comparison in a terminal 100 columns wide, and as Markdown for a pull request."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from suite.compare.comparison import Comparison, Comparisons
from suite.compare.lines import Line, lines

STYLES = {
    "failed": "bold red",
    "slower": "bold red",
    "changed": "bold red",
    "missing": "bold red",
    "redefined": "yellow",
    "costlier": "yellow",
    "unclear": "cyan",
}
READING = (
    "B/A: normalised time of B over that of A, and the interval that holds for all cells at once. "
    "Slower, faster: beyond the threshold, and the interval without 1; same: the interval within "
    "the threshold; unclear: measured too roughly to say."
)
HEADS = ("", "cell", "B/A", "interval", "also")
KERNEL_HEADS = ("kernel", "takes", "A", "B")


def print_comparison(found: Comparisons, console: Console) -> None:
    """Print what has changed, machine by machine, what matters first."""
    console.print(Text(f"A: {found.labels[0]}\nB: {found.labels[1]}"), soft_wrap=True)
    for comparison in found.machines:
        console.print(Text(comparison.machine, "bold"))
        if listed := lines(comparison):
            console.print(_rich(listed))
        console.print(Text(summary(comparison)))
        for note in comparison.notes:
            console.print(Text(f"note: {note}", "yellow"), soft_wrap=True)
    if found.kernels:
        table = Table(*KERNEL_HEADS, title="kernels", title_justify="left", box=box.SIMPLE_HEAD)
        for change in found.kernels:
            table.add_row(*map(Text, change.texts), style="yellow" if change.worse else None)
        console.print(table)
    for line in found.apart:
        console.print(Text(f"not compared: {line}", "yellow"), soft_wrap=True)
    console.print(Text(READING, "dim"))


def markdown(found: Comparisons) -> str:
    """The same as GitHub Markdown."""
    text = [f"**A** `{found.labels[0]}`, **B** `{found.labels[1]}`", ""]
    for comparison in found.machines:
        text += [f"### {_cell(comparison.machine)}", "", summary(comparison), ""]
        if listed := lines(comparison):
            text += _markdown(HEADS, [line.texts for line in listed])
        text += [f"*{_cell(note)}*  " for note in comparison.notes] + [""]
    if found.kernels:
        text += ["### kernels", "", *_markdown(KERNEL_HEADS, [k.texts for k in found.kernels])]
    text += [f"Not compared: {_cell(line)}  " for line in found.apart]
    return "\n".join([*text, READING, ""])


def summary(comparison: Comparison) -> str:
    """How many cells of every kind: "1 slower, 2 unclear, 40 same"."""
    counts = comparison.counts
    told = ", ".join(f"{count} {kind}" for kind, count in counts.items())
    return told or "no cells"


def _rich(listed: Iterable[Line]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column(HEADS[0], no_wrap=True)
    table.add_column(HEADS[1], overflow="fold", max_width=38)
    table.add_column(HEADS[2], justify="right", no_wrap=True)
    table.add_column(HEADS[3], no_wrap=True)
    table.add_column(HEADS[4], overflow="fold", ratio=1)
    for line in listed:
        kind, *texts = line.texts
        table.add_row(Text(kind, STYLES.get(kind, "")), *map(Text, texts))
    return table


def _markdown(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    told = [heads, ["---"] * len(heads), *rows]
    return ["| " + " | ".join(map(_cell, row)) + " |" for row in told] + [""]


def _cell(text: str) -> str:
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("\n", " ").replace("<", "&lt;")
