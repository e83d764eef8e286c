"""The command that gates a change."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from suite import cache
from suite.cli_options import (
    Cases,
    Device,
    Implementations,
    Operators,
    Results,
    console,
    shown_path,
    writable_folder,
)
from suite.selection import require_operators
from suite.sources import ROOT

STYLES = {"regressed": "bold red", "unmeasured": "yellow", "unclear": "cyan", "held": "green"}


def gate(
    base: Annotated[
        str,
        typer.Option(
            help="A revision, a checkout's folder, or stored runs; else the commit before: HEAD "
            "where files have changed, HEAD~1 where none has."
        ),
    ] = "",
    head: Annotated[
        str, typer.Option(help="A checkout's folder or a revision; else what is here.")
    ] = "",
    operator: Operators = [],  # noqa: B006
    implementation: Implementations = [],  # noqa: B006
    case: Cases = [],  # noqa: B006
    device: Device = "auto",
    processes: Annotated[
        int, typer.Option(min=0, help="Of each side; 0: as configured, else 6.")
    ] = 0,
    exact: Annotated[
        bool, typer.Option("--exact", help="Only what needs no clock: one process of each side.")
    ] = False,
    minutes: Annotated[
        float, typer.Option(min=0, help="Begin no process after so many; 0: when all is measured.")
    ] = 0.0,
    config: Annotated[
        Path | None,
        typer.Option(help="File whose table tool.cdfbench.gate has cells and budgets; else ours."),
    ] = None,
    results: Annotated[
        Path | None,
        typer.Option(
            "--results", help="Where processes' runs go; else a cache.", callback=writable_folder
        ),
    ] = None,
    junit: Annotated[Path | None, typer.Option(help="Write JUnit XML for a CI system.")] = None,
    markdown: Annotated[Path | None, typer.Option(help="Write the tables as Markdown.")] = None,
    annotations: Annotated[
        bool, typer.Option("--annotations", help="Print GitHub Actions' annotations, too.")
    ] = False,
    only_regressions: Annotated[
        bool,
        typer.Option(
            "--only-regressions",
            help="Exit with 0, too, where it could not measure or cannot tell: for CI.",
        ),
    ] = False,
) -> None:
    """Does the change hold? Measure base and head in turn, and judge within budgets.

    Exit status 0: it holds; 1: something has regressed; 2: it could not be measured, or is still
    unclear after it was measured again. Interrupted, the same command goes on where it stopped.
    """
    from suite.compare.revision import Unmeasurable
    from suite.display import Display
    from suite.gate import settings as configuration
    from suite.gate.finding import STATUS, Finding
    from suite.gate.kernels import FAMILIES
    from suite.gate.run import Asked
    from suite.gate.run import Gate as Answer
    from suite.gate.run import gate as measured
    from suite.gate.trees import commit_before
    from suite.results import UnreadableRun

    try:
        if device not in ("auto", *configuration.DEVICES):
            raise ValueError(f"--device {device!r}: expected auto, cpu or cuda")
        _require_choice(operator, case)
        settings = configuration.read(config or ROOT / "pyproject.toml")
        _require_choice(settings.operators, settings.cases)
        paths = [str(Path(n).resolve()) if n.endswith(".py") else n for n in implementation]
        if operator or implementation or case:
            settings = dataclasses.replace(
                settings,
                operators=tuple(operator),
                implementations=tuple(paths),
                cases=tuple(case),
                kernels=not paths or any(n.startswith(tuple(FAMILIES)) for n in implementation),
            )
        settings = dataclasses.replace(
            settings, processes=processes or settings.processes, exact=exact
        )
        with Display(console) as display:
            asked = Asked(base or commit_before(), head or str(ROOT), settings, device, minutes)
            answer = measured(asked, results or cache.folder("gate"), display)
    except KeyboardInterrupt:
        console.print("interrupted; what is measured is kept: the same command goes on from here")
        raise typer.Exit(130) from None
    except ValueError as error:
        console.print(f"[red]error:[/] {escape(str(error))}", soft_wrap=True)
        raise typer.Exit(2) from None
    except (UnreadableRun, Unmeasurable) as error:
        broken = isinstance(error, Unmeasurable) and error.regressed
        found = Finding("regressed" if broken else "unmeasured", "gate", "", str(error))
        answer = Answer((base, head), (found,))
    _show(answer, junit, markdown, annotations)
    status = STATUS[answer.outcome]
    if status == 2 and only_regressions:
        console.print("the gate gave no answer, which blocks nothing")
        status = 0
    if status:
        raise typer.Exit(status)


def _require_choice(names: Sequence[str], cases: Sequence[str]) -> None:
    """Raise ValueError for operators and cases that this version does not know."""
    from suite import operators

    require_operators(names)
    known = {c.name for name in names or operators.names() for c in operators.get(name).cases}
    if unknown := sorted(set(cases) - known):
        raise ValueError(f"--case {unknown}: no such case; list --cases shows them")


def _show(answer, junit: Path | None, markdown: Path | None, annotations: bool) -> None:
    """Print a gate's answer, and write it where asked."""
    from suite.compare import tables
    from suite.compare.comparison import Comparisons
    from suite.gate import junit as xml
    from suite.gate import page

    if answer.comparison is not None:
        found = Comparisons(answer.labels, (answer.comparison,), answer.kernels)
        tables.print_comparison(found, console)
    for finding in answer.findings:
        if finding.outcome != "held":
            style = STYLES[finding.outcome]
            line = f"[{style}]{finding.outcome}[/] {escape(str(finding))}"
            console.print(line, soft_wrap=True)
    if junit is not None:
        xml.write(junit, answer.findings, answer.seconds, answer.notes)
    if markdown is not None:
        markdown.write_text(page.markdown(answer), encoding="utf-8")
    if annotations:
        for line in page.commands(answer):
            print(line)
    console.print(f"[{STYLES[answer.outcome]}]{page.summary(answer)}[/]", soft_wrap=True)
    if answer.folder is not None:
        console.print(f"kept in {shown_path(answer.folder)}")


def gate_study(
    trials: Annotated[int, typer.Option(min=1, help="Gates of everything planted.")] = 20,
    at_once: Annotated[int, typer.Option(min=1, help="Gates that run at the same time.")] = 1,
    minutes: Annotated[
        float,
        typer.Option(min=0, help="Begin no gate after so many and store what is done; 0: all."),
    ] = 0.0,
    results: Results = Path("results"),
    readme: Annotated[
        Path | None, typer.Option(help="Show the study in this page, too, between its marks.")
    ] = None,
) -> None:
    """How often does the gate err? Gates of equal trees, and of one implementation slowed.

    Takes hours; interrupted, the same command goes on where it stopped. The study is stored below
    results, and its table is made from there.
    """
    from suite.display import Display
    from suite.gate import study, study_page
    from suite.report.tables import rich_table

    try:
        with Display(console) as display:
            asked = study.Asked(trials, at_once, minutes)
            found = study.study(asked, cache.folder("gate"), results, display)
    except KeyboardInterrupt:
        console.print("interrupted; what is done is kept: the same command goes on from here")
        raise typer.Exit(130) from None
    except (ValueError, RuntimeError) as error:
        console.print(f"[red]error:[/] {escape(str(error))}", soft_wrap=True)
        raise typer.Exit(2) from None
    console.print(rich_table(study_page.table(found)))
    console.print(f"run: {shown_path(found.folder)}", soft_wrap=True)
    if readme is not None:
        if not study_page.write_page(results, readme):
            console.print(f"[red]error:[/] {readme} lacks the marks between which a study is shown")
            raise typer.Exit(2)
        console.print(str(readme))


COMMANDS = (gate, gate_study)
