"""The table for a terminal, and the page ``reproduction.md`` of the newest run."""

from __future__ import annotations

import os
import textwrap
from pathlib import Path

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from rich.console import Console
from rich.text import Text

from suite import reproduce
from suite.report.contents import Table
from suite.report.tables import markdown
from suite.reproduce.claims import EXACT
from suite.reproduce.store import FIGURES, ReproduceRun, read_all
from suite.reproduce.verdicts import count

TEMPLATES = Path(__file__).parent / "templates"
PAGE = "reproduction.md"
STYLES = {
    "reproduced": "green",
    "within spread": "green",
    "not reproduced": "bold red",
    "does not mean what it says": "bold yellow",
    "not run": "dim",
}
QUICK = "A quick run: fewer starts, shorter trainings; verdicts may differ from a full run's."
WIDTHS = (31, 9, 9, 20)
"""Of who ran it, published, exact, mean +- sd; the verdict ends the line, and why is below it."""


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
        seeds=count(run.info["seeds"], "other seed"),
        quick=QUICK if run.info["profile"] == "quick" else "",
        machine=run.info["machine"]["fingerprint"],
        parts=[_part(run, source, results) for source in run.info["sources"]],
    )
    aside = results / f"{PAGE}.partial"
    aside.write_text(page.rstrip("\n") + "\n", encoding="utf-8")
    os.replace(aside, results / PAGE)
    return [results / PAGE]


def print_table(run: ReproduceRun, console: Console) -> None:
    """Every claim with a line for each who ran it, numbers and verdict, and below it why.

    Those whose line would be the same share one.
    """
    for source, claims in run.claims.groupby("source", sort=False):
        console.print(Text(str(run.info["titles"][source]), "bold"))
        head = ("", "published", "exact", "mean +- sd")
        console.print(Text("  " + _line(head) + "verdict", "underline"))
        for claim, rows in claims.groupby("claim", sort=False):
            first = rows.iloc[0]
            said = f': "{first["published"]}"' if pd.isna(first["digits"]) else ""
            text = f"{claim}: {first['quantity']}{said}"
            for line in textwrap.wrap(text, 100, subsequent_indent="  ", break_on_hyphens=False):
                console.print(Text(line), soft_wrap=True)
            for same in _alike(rows).values():
                _print_line(same, console)
        console.print()
    if run.info["profile"] == "quick":
        console.print(Text(QUICK), soft_wrap=True)


def _alike(rows: pd.DataFrame) -> dict[tuple[str, ...], list[pd.Series]]:
    """Rows by what is printed of them."""
    found: dict[tuple[str, ...], list[pd.Series]] = {}
    for _, row in rows.iterrows():
        shown = (number(row["exact"]), spread(row), row["verdict"], row["why"])
        found.setdefault(shown, []).append(row)
    return found


def _print_line(rows: list[pd.Series], console: Console) -> None:
    row = rows[0]
    who = ", ".join(_short_name(each["implementation"]) for each in rows)
    published = "" if pd.isna(row["digits"]) else _with_unit(row["published"], row["unit"])
    line = "  " + _line(
        (who, published, _with_unit(number(row["exact"]), row["unit"]), spread(row))
    )
    console.print(Text(line) + Text(row["verdict"], STYLES[row["verdict"]]), soft_wrap=True)
    for each in textwrap.wrap(row["why"], 94, break_on_hyphens=False):
        console.print(Text(f"    {each}", "dim"), soft_wrap=True)


def _line(cells: tuple[str, ...]) -> str:
    return "".join(f"{cell:<{width}} " for cell, width in zip(cells, WIDTHS, strict=True))


def _short_name(implementation: str) -> str:
    return "published" if implementation.startswith("published") else implementation


def _with_unit(value: str, unit: str) -> str:
    return f"{value} {unit}".strip() if value else ""


def number(value: float) -> str:
    """Three digits, counts in full, nothing for NaN."""
    if pd.isna(value):
        return ""
    if value == round(value) and abs(value) < 1e6:
        return f"{value:.0f}"
    return f"{value:.3g}" if 0.1 <= abs(value) < 1e3 else f"{value:.2e}"


def spread(row: pd.Series) -> str:
    """Mean and standard deviation over the other seeds."""
    return _mean_and_spread(row["mean"], row["sd"])


def _mean_and_spread(mean: float, sd: float) -> str:
    if pd.isna(mean):
        return ""
    return number(mean) + ("" if pd.isna(sd) else f" +- {number(sd)}")


def _part(run: ReproduceRun, source: str, results: Path) -> dict:
    claims = run.claims[run.claims["source"] == source]
    columns = ("quantity", "place", "implementation", "published", "exact", "mean ± sd", "verdict",
               "why")  # fmt: skip
    lines = tuple(
        (
            row["quantity"],
            row["place"],
            row["implementation"],
            _with_unit(row["published"], row["unit"]),
            _with_unit(number(row["exact"]), row["unit"]),
            spread(row).replace("+-", "±"),
            row["verdict"],
            row["why"],
        )
        for _, row in claims.iterrows()
    )
    return {
        "source": source,
        "title": run.info["titles"][source],
        "table": markdown(Table("", columns, lines), heading=""),
        "numbers": [markdown(table, heading="") for table in _number_tables(run, source)],
        "reading": reproduce.get(source).reading,
        "figures": [_figure(run, source, path, results) for path in _pictures(run, source)],
    }


def _pictures(run: ReproduceRun, source: str) -> list[Path]:
    return sorted((run.folder / FIGURES).glob(f"{source}-*.png"))


def _figure(run: ReproduceRun, source: str, path: Path, results: Path) -> dict[str, str]:
    """A picture for the page, who it is of, and its animation where there is one."""
    experiment = path.stem.removeprefix(f"{source}-")
    ran = run.numbers[run.numbers["start"].eq(EXACT) & run.numbers["status"].eq("ok")]
    drawn = ran[ran["source"].eq(source) & ran["experiment"].eq(experiment)]["implementation"]
    moving = path.with_suffix(".gif")
    where = path.resolve().relative_to(results.resolve())
    return {
        "stem": path.stem,
        "experiment": experiment,
        "implementation": str(drawn.iloc[0]),
        "path": where.as_posix(),
        "animation": where.with_suffix(".gif").as_posix() if moving.exists() else "",
    }


def _number_tables(run: ReproduceRun, source: str) -> list[Table]:
    """A table of the numbers of all experiments that show the same ones."""
    numbers = run.numbers[run.numbers["source"] == source]
    tables: dict[tuple, list[tuple[str, ...]]] = {}
    for experiment in reproduce.get(source).experiments:
        mine = numbers[numbers["experiment"] == experiment.name]
        for implementation, found in mine.groupby("implementation", sort=False):
            about = experiment.name, str(implementation)
            rows = [(*about, *row) for row in _rows_of_starts(found, dict(experiment.shown))]
            if rows:
                tables.setdefault(experiment.shown, []).extend(rows)
    return [
        Table("", ("experiment", "implementation", "start", *dict(shown).values()), tuple(rows))
        for shown, rows in tables.items()
    ]


def _rows_of_starts(found: pd.DataFrame, shown: dict[str, str]) -> list[tuple[str, ...]]:
    """Of one who ran an experiment: the exact rerun's numbers, and mean and standard deviation over
    the other seeds where those have any."""
    by_start = found.pivot(index="start", columns="name", values="value").reindex(columns=[*shown])
    if not shown or EXACT not in by_start.index or by_start.loc[EXACT].isna().all():
        return []
    rows = [(EXACT, *map(number, by_start.loc[EXACT]))]
    # A trial that failed has a row without numbers.
    seeds = by_start[by_start.index.str.startswith("seed ")].dropna(how="all")
    if len(seeds):
        pairs = zip(seeds.mean(), seeds.std(), strict=True)
        cells = (_mean_and_spread(mean, sd).replace("+-", "\u00b1") for mean, sd in pairs)
        rows.append((count(len(seeds), "other seed"), *cells))
    return rows
