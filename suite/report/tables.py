"""Printing tables: as GitHub Markdown, and in a terminal 100 columns wide."""

from __future__ import annotations

from rich import box
from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from suite import results
from suite.report.contents import NEVER, Table, coverage, leaderboards, problems, summary
from suite.report.measured import from_run

WIDTH = 100
LEFT = frozenset(
    [
        "implementation",
        "status",
        "pass",
        "reason",
        "cases",
        "option",
        "value",
        "operator",
        "ok in",
        "objective",
        "population",
        "claim",
        "quantity",
        "place",
        "experiment",
        "verdict",
        "why",
    ]
)
WRAPS = {"cases": 28, "reason": None}
READING = (
    "value err, grad err: in units of the tolerance, at most 1 is ok. Times are medians; x sort is "
    "the last pass's time over a sort of the same data, x hist over np.histogram's. Ranked by "
    "fwd+bwd among ok cells; 2= shares its rank within the spread; (!) beat a copy of the bytes it "
    "must move."
)
STYLES = {
    "ok": "green",
    "wrong": "bold red",
    "nan": "bold red",
    "flagged": "bold red",
    "crashed": "red",
    "error": "red",
    "oom": "yellow",
    "timeout": "yellow",
    "unsupported": "dim",
}


def print_leaderboard(run: results.Run, console: Console | None = None) -> None:
    """Print a run's leaderboards, its cells that are not ok, and the options no one got right.

    A console that is no terminal (a pipe, a log) gets 100 columns.
    """
    if console is None:
        console = Console(width=WIDTH, highlight=False)
    elif not console.is_terminal and console.width < WIDTH:
        console = Console(file=console.file, width=WIDTH, highlight=False)
    shown = from_run(run)
    if not shown.operators:
        console.print("The run measured nothing: it has no cell.")
        return
    console.print(rich_table(summary(shown)))
    for operator in shown.operators:
        for table in leaderboards(shown, operator):
            console.print(rich_table(table), "")
        if (table := problems(shown, operator)).rows:
            console.print(rich_table(table), "")
        never = [f"{o}={v}" for o, v, names in coverage(shown, operator).rows if names == NEVER]
        if never:
            console.print(Text(f"{operator}: never ok with {', '.join(never)}", "bold red"), "")
    console.print(Text(READING, "dim"))


def rich_table(table: Table) -> RichTable:
    """The table for a terminal: only reasons and lists of cases wrap."""
    shown = RichTable(
        title=Text(table.title, "bold"),
        caption=Text(table.note, "dim") if table.note else None,
        title_justify="left",
        caption_justify="left",
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
    )
    for column in table.columns:
        wraps = column in WRAPS
        shown.add_column(
            column,
            justify="left" if column in LEFT else "right",
            no_wrap=not wraps,
            overflow="fold" if wraps else "ellipsis",
            max_width=WRAPS.get(column),
        )
    for row in table.rows:
        shown.add_row(*(Text(text, STYLES.get(text, "")) for text in row))
    return shown


def markdown(table: Table, *, heading: str = "####") -> str:
    """The table as GitHub Markdown, its title as a heading unless that is empty."""
    lines = [f"{heading} {table.title}", ""] if heading else []
    lines += [table.note, ""] if table.note else []
    if not table.rows:
        return "\n".join([*lines, "None."]) + "\n"
    lines.append("| " + " | ".join(table.columns) + " |")
    lines.append("|" + "|".join(":--" if c in LEFT else "--:" for c in table.columns) + "|")
    for row in table.rows:
        bold = (f"**{text}**" if text == NEVER else _escape(text) for text in row)
        lines.append("| " + " | ".join(bold) + " |")
    return "\n".join(lines) + "\n"


def _escape(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
