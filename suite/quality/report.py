"""The page of gradient quality: what to use, the evidence, and where descents end."""

from __future__ import annotations

import os
from pathlib import Path

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from matplotlib.figure import Figure
from rich.console import Console

from suite.quality.choices import (
    Choice,
    Number,
    choices,
    disagreement,
    lead,
    level,
    sentence,
    used,
    warnings,
)
from suite.quality.descent_figures import descent_figures
from suite.quality.ends import WORDS, ends, goals, metric_of, shown, verdict
from suite.quality.figures import figures
from suite.quality.store import QualityRun, read_all
from suite.report.contents import Table
from suite.report.tables import markdown, rich_table

TEMPLATES = Path(__file__).parent / "templates"
SHOWN = 4
"""Alternatives of a batch size in the table, before the worst."""


def write_page(results: Path) -> list[Path]:
    """Write ``report/quality.md`` and its figures below ``results``; nothing without a run.

    Of the newest run of everything, else the newest run.
    """
    runs, _ = read_all(results)
    whole = [run for run in runs if run.info.get("complete")]
    if not runs:
        return []
    return write_report((whole or runs)[-1], results / "report")


def write_report(run: QualityRun, folder: Path) -> list[Path]:
    """Write the page of one run and its figures into the folder; their paths, the page first."""
    operators = operators_of(run)
    pictures = {operator: _save(figures(run, operator), operator, folder) for operator in operators}
    after = _save(descent_figures(run), "descents", folder)
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES), undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True, keep_trailing_newline=True, autoescape=False,
    )  # fmt: skip
    page = environment.get_template("quality.md.jinja").render(
        run=run,
        name=run.folder.name if run.folder else "",
        machine=run.info["machine"]["fingerprint"],
        parts=[_part(run, operator, pictures[operator]) for operator in operators],
        verdicts=[verdict(goal, goal.of(shown(run))) for goal in goals(run)],
        ends=[markdown(table) for table in _end_tables(run)],
        after=after,
        agreement=markdown(_agreement(run), heading=""),
        problems=markdown(_problems(run), heading=""),
    )
    folder.mkdir(parents=True, exist_ok=True)
    aside = folder / "quality.md.partial"
    aside.write_text(page.rstrip("\n") + "\n", encoding="utf-8")
    os.replace(aside, folder / "quality.md")
    return [folder / "quality.md", *(p for each in (*pictures.values(), after) for p in each)]


def operators_of(run: QualityRun) -> list[str]:
    """Operators with a gradient in the run."""
    return [str(name) for name in run.quality["operator"].unique() if lead(run, str(name))]


def print_advice(run: QualityRun, console: Console) -> None:
    """What to use, for a terminal."""
    rows = [
        (operator, f"{size:,}", best.words, _interval(best.cosine), f"{best.bias.estimate:.2g}")
        for operator in operators_of(run)
        for size, ranked in choices(run, operator).items()
        for best in [used(ranked)]
    ]
    columns = ("operator", "samples", "option", "worst cosine", "rel. bias")
    console.print(rich_table(Table("gradient quality: what to use", columns, tuple(rows))))


def _part(run: QualityRun, operator: str, pictures: list[Path]) -> dict:
    ranked = choices(run, operator)
    populations = run.info["populations"][operator]
    points = {
        name: ", ".join(f"{k} = {v:g}" for k, v in said["parameters"].items())
        for name, said in populations.items()
    }
    return {
        "operator": operator,
        "lead": lead(run, operator),
        "populations": "; ".join(f"{name} ({point})" for name, point in points.items()),
        "sources": sorted({said["source"] for said in populations.values()}),
        "sentences": [sentence(each) for each in ranked.values()],
        "warnings": warnings(ranked),
        "table": markdown(_ranking(operator, ranked)),
        "figures": pictures,
    }


def _ranking(operator: str, ranked: dict[int, list[Choice]]) -> Table:
    rows = []
    for samples, each in ranked.items():
        best = used(each)
        listed = [best, *(choice for choice in each if choice is not best)]
        listed = listed[:SHOWN] + ([each[-1]] if each[-1] not in listed[:SHOWN] else [])
        for choice in listed:
            mark = "use" if choice is best else "same" if choice in level(each) else ""
            rows.append(
                (
                    f"{samples:,}",
                    mark,
                    choice.words,
                    _interval(choice.cosine),
                    choice.cosine.population,
                    f"{choice.bias.estimate:.2g}",
                    f"{choice.spread.estimate:.2g}",
                )
            )
    return Table(
        f"{operator}: alternatives at a batch size, the worst last",
        ("N", "status", "option", "cosine, worst", "population", "rel. bias", "rel. spread"),
        tuple(rows),
    )


def _interval(number: Number) -> str:
    return f"{number.estimate:.3f} [{number.low:.3f}, {number.high:.3f}]"


def _end_tables(run: QualityRun) -> list[Table]:
    rows = shown(run)
    found = []
    for goal in goals(run):
        mine = goal.of(rows)
        table = ends(mine)
        if not len(table):
            continue
        metric = WORDS[metric_of(mine)]
        lines = [
            (str(name), f"{row['estimate']:.2g} [{row['low']:.2g}, {row['high']:.2g}]",
             _or_dash(row["wasserstein"], ".2g"), f"{100 * row['reached']:.0f}%",
             _or_dash(row["steps"], ".0f"))
            for name, row in table.iterrows()
        ]  # fmt: skip
        columns = ("objective", f"{metric} at the end", "Wasserstein-1", "got there", "steps")
        found.append(Table(goal.words, columns, tuple(lines)))
    return found


def _or_dash(value: float, form: str) -> str:
    return f"{value:{form}}" if pd.notna(value) and abs(value) != float("inf") else "-"


def _agreement(run: QualityRun) -> Table:
    rows = [
        (
            operator,
            name,
            lead(run, operator),
            str(count),
            f"{difference:.0e}" if difference else "below 1e-6",
        )
        for operator in operators_of(run)
        for name, count, difference in disagreement(run, operator)
    ]
    columns = ("operator", "implementation", "against", "settings of both", "largest difference")
    return Table("", columns, tuple(rows))


def _problems(run: QualityRun) -> Table:
    bad = run.statuses[run.statuses["status"] != "ok"]
    rows = []
    for key, group in bad.groupby(["operator", "implementation", "status", "reason"]):
        operator, implementation, status, reason = map(str, key)
        what = f"{group['what'].iloc[0]}" + (f" and {len(group) - 1} more" * (len(group) > 1))
        rows.append((operator or "-", implementation, status, what, " ".join(reason.split())[:200]))
    columns = ("operator", "implementation", "status", "cases", "reason")
    return Table("", columns, tuple(rows))


def _save(drawn, name: str, folder: Path) -> list[Path]:
    """Write pictures as PNG; their paths."""
    out = folder / "quality"
    out.mkdir(parents=True, exist_ok=True)
    paths = []
    for what, figure in drawn:
        assert isinstance(figure, Figure)
        path = out / f"{name}-{what}.png"
        figure.savefig(path, metadata={"Software": None})
        paths.append(path)
    return paths
