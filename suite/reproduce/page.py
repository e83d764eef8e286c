"""The table for a terminal, and the page ``reproduction.md`` of the newest run."""

from __future__ import annotations

import os
import textwrap
from collections import Counter
from pathlib import Path

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from rich.console import Console
from rich.text import Text

from suite.report.contents import Table
from suite.report.tables import markdown
from suite.reproduce.store import FIGURES, ReproduceRun, read_all

TEMPLATES = Path(__file__).parent / "templates"
PAGE = "reproduction.md"
STYLES = {
    "reproduced": "green",
    "within spread": "green",
    "not reproduced": "bold red",
    "does not mean what it says": "bold yellow",
    "not run": "dim",
}
WIDTHS = (41, 10, 10, 22)
"""Of claim, published, exact, mean +- sd; the verdict ends the line, and why is below it."""


def write_page(results: Path) -> list[Path]:
    """Write the page of the newest run of everything, else of the newest; nothing without a run."""
    runs, _ = read_all(results)
    if not runs:
        return []
    run = ([each for each in runs if each.info["complete"]] or runs)[-1]
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES), undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True, keep_trailing_newline=True, autoescape=False,
    )  # fmt: skip
    page = environment.get_template(f"{PAGE}.jinja").render(
        run=run,
        name=run.folder.name,
        machine=run.info["machine"]["fingerprint"],
        parts=[_part(run, source, results) for source in run.info["sources"]],
    )
    aside = results / f"{PAGE}.partial"
    aside.write_text(page.rstrip("\n") + "\n", encoding="utf-8")
    os.replace(aside, results / PAGE)
    return [results / PAGE]


def print_table(run: ReproduceRun, console: Console) -> None:
    """Every row in two lines: its numbers and verdict, and below them why."""
    for source, claims in run.claims.groupby("source", sort=False):
        console.print(Text(str(run.info["titles"][source]), "bold"))
        head = ("claim, by", "published", "exact", "mean +- sd")
        console.print(Text(_line(head) + "verdict", "underline"))
        for _, row in claims.iterrows():
            _print_row(row, console)
        console.print()
    counts = Counter(run.claims["verdict"])
    console.print(", ".join(f"{count} {verdict}" for verdict, count in counts.most_common()))


def _print_row(row: pd.Series, console: Console) -> None:
    statement = pd.isna(row["exact"])
    who = f"{row['claim']}, {_short_name(row['implementation'])}"
    published = "" if statement else _with_unit(row["published"], row["unit"])
    line = _line((who, published, number(row["exact"]), spread(row)))
    console.print(Text(line) + Text(row["verdict"], STYLES[row["verdict"]]), soft_wrap=True)
    said = f'"{row["published"]}": ' if statement else ""
    for each in textwrap.wrap(said + row["why"], 94):
        console.print(Text(f"    {each}", "dim"))


def _line(cells: tuple[str, ...]) -> str:
    return "".join(f"{cell:<{width}} " for cell, width in zip(cells, WIDTHS, strict=True))


def _short_name(implementation: str) -> str:
    return "published" if implementation.startswith("published") else implementation


def _with_unit(value: str, unit: str) -> str:
    return f"{value} {unit}".strip()


def number(value: float) -> str:
    """Three digits, nothing for NaN."""
    return "" if pd.isna(value) else f"{value:.3g}" if 0.1 <= abs(value) < 1e4 else f"{value:.2e}"


def spread(row: pd.Series) -> str:
    """Mean and standard deviation over the other seeds."""
    if pd.isna(row["mean"]):
        return ""
    return number(row["mean"]) + ("" if pd.isna(row["sd"]) else f" +- {number(row['sd'])}")


def _part(run: ReproduceRun, source: str, results: Path) -> dict:
    claims = run.claims[run.claims["source"] == source]
    columns = ("quantity", "place", "implementation", "published", "exact", "mean ± sd", "status",
               "reason")  # fmt: skip
    lines = tuple(
        (
            row["quantity"],
            row["place"],
            row["implementation"],
            _with_unit(row["published"], row["unit"]),
            number(row["exact"]),
            spread(row).replace("+-", "±"),
            row["verdict"],
            row["why"],
        )
        for _, row in claims.iterrows()
    )
    figures = sorted((run.folder / FIGURES).glob(f"{source}-*"))
    return {
        "source": source,
        "title": run.info["titles"][source],
        "table": markdown(Table("", columns, lines), heading=""),
        "figures": [
            {"stem": path.stem, "path": path.resolve().relative_to(results.resolve()).as_posix()}
            for path in figures
        ],
    }
