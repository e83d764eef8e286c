"""The pages: a report of one run, and the leaderboard of every machine's newest runs."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from suite import results
from suite.report.contents import coverage, leaderboards, problems, routes, summary
from suite.report.details import details
from suite.report.figures import write_figures
from suite.report.measured import Measured, from_folder, from_run
from suite.report.newest import by_machine, by_operator
from suite.report.tables import markdown

Read = tuple[list[results.Run], list[results.UnreadableRun]]

TEMPLATES = Path(__file__).parent / "templates"


def write_report(run_folder: Path | str, out_folder: Path | str) -> list[Path]:
    """Write `report.md` and `figures/*.png` of one run; return their paths, the page first.

    run_folder: a run's folder. A run without a cell has a report too.
    Raises `suite.results.UnreadableRun` for a folder that is no run.
    """
    run, out = from_folder(run_folder), Path(out_folder)
    figures = write_figures(run, out / "figures")
    parts = [
        {
            "operator": operator,
            "leaderboards": [markdown(table) for table in leaderboards(run, operator)],
            "figures": figures[operator],
            "details": markdown(details(run, operator)),
            "routes": markdown(routes(run, operator)),
            "problems": markdown(problems(run, operator)),
            "coverage": markdown(coverage(run, operator)),
        }
        for operator in run.operators
    ]
    page = _render(
        "report.md.jinja",
        title=run.name,
        run=run,
        summary=markdown(summary(run), heading=""),
        parts=parts,
        environment=list(_flat(run.info)),
    )
    written = [_write(out / "report.md", page)]
    return written + [path for paths in figures.values() for path in paths]


def write_leaderboard(results_folder: Path | str, read: Read | None = None) -> Path:
    """Write `leaderboard.md` into the results folder: every machine's newest run of every operator.

    read: what `suite.results.read_all` gave, where the folder has been read already. Machines have
    a section each; a run that cannot be read is named with the reason.
    """
    folder = Path(results_folder)
    runs, unreadable = read or results.read_all(folder)
    machines = [
        {
            "name": machine,
            "operators": _operators(theirs),
        }
        for machine, theirs in by_machine(runs).items()
    ]
    errors = [str(error).replace(f"{folder}/", "") for error in unreadable]
    page = _render("leaderboard.md.jinja", machines=machines, unreadable=errors)
    return _write(folder / "leaderboard.md", page)


def _operators(stored: list[results.Run]) -> list[dict[str, Any]]:
    """Every operator's part of one machine's leaderboard."""
    newest = by_operator(stored)
    shown = {id(run): from_run(run) for run in newest.values()}
    return [_operator(name, shown[id(run)]) for name, run in newest.items()]


def _operator(name: str, run: Measured) -> dict[str, Any]:
    commit = str(run.info.get("commit") or "no commit")[:12]
    when = run.info.get("finished", "unknown time")
    counts = run.of(name).drop_duplicates(["implementation", "case", "pass", "device"])["status"]
    ended = ", ".join(f"{count} {status}" for status, count in counts.value_counts().items())
    return {
        "about": f"Run `{run.name}`, finished {when}, commit {commit}: {ended}.",
        "name": name,
        "tables": [markdown(table) for table in leaderboards(run, name)],
    }


def _flat(value: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Key paths and texts of a nested record, long texts cut."""
    for key, inner in value.items():
        if isinstance(inner, Mapping):
            yield from _flat(inner, f"{prefix}{key}.")
        else:
            text = " ".join(str(inner).split()).replace("|", "\\|")
            yield f"{prefix}{key}", text if len(text) <= 200 else text[:197] + "..."


def _render(template: str, **values: Any) -> str:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
    )
    return environment.get_template(template).render(**values)


def _write(path: Path, text: str) -> Path:
    """Write aside and rename, so that nobody reads half a page."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(path.name + ".partial")
    aside.write_text(text.rstrip("\n") + "\n", encoding="utf-8")
    os.replace(aside, path)
    return path
