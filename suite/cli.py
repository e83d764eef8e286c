"""The command line: parse, call, print."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from suite import bench as main_job
from suite import operators, registry
from suite.display import Display
from suite.results import Run
from suite.selection import Selection

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False)
console = Console(highlight=False)

Names = Annotated[list[str], typer.Option()]
Operators = Annotated[list[str], typer.Option("--operator", "-o", help="Operator; repeatable.")]
Implementations = Annotated[
    list[str],
    typer.Option("--implementation", "-i", help="Name, or path/to/your_file.py; repeatable."),
]
Cases = Annotated[list[str], typer.Option("--case", "-c", help="Case by name; repeatable.")]
Device = Annotated[str, typer.Option(help="auto, cpu or cuda.")]
Full = Annotated[bool, typer.Option("--full/--quick", help="All sizes, or minutes' worth.")]
Results = Annotated[Path, typer.Option("--results", help="Folder of runs.")]


@app.command()
def bench(
    operator: Operators = [],  # noqa: B006
    implementation: Implementations = [],  # noqa: B006
    case: Cases = [],  # noqa: B006
    device: Device = "auto",
    full: Full = False,
    results: Results = Path("results"),
) -> None:
    """Measure and judge; store the run; print the leaderboard.

    Exit status 1 when a cell is wrong, NaN, raised or crashed; interrupted, the same command goes
    on where it stopped.
    """
    selection = Selection(
        tuple(operator), tuple(implementation), tuple(case), device, "full" if full else "quick"
    )
    run = _run(selection, "time", results)
    from suite.report.tables import print_leaderboard

    print_leaderboard(run, console)
    _end(run)


@app.command()
def check(
    operator: Operators = [],  # noqa: B006
    implementation: Implementations = [],  # noqa: B006
    case: Cases = [],  # noqa: B006
    device: Device = "auto",
    full: Full = False,
    results: Results = Path("results"),
) -> None:
    """Judge values and gradients without timing anything."""
    selection = Selection(
        tuple(operator), tuple(implementation), tuple(case), device, "full" if full else "quick"
    )
    run = _run(selection, "check", results)
    counts = run.statuses.groupby(["operator", "implementation", "status"]).size()
    table = counts.unstack(fill_value=0).reset_index()
    shown = Table(*map(str, table.columns))
    for row in table.itertuples(index=False):
        shown.add_row(*map(str, row))
    console.print(shown)
    _end(run)


@app.command("list")
def list_(
    operator: Operators = [],  # noqa: B006
    implementation: Implementations = [],  # noqa: B006
    cases: Annotated[bool, typer.Option("--cases", help="List cases, too.")] = False,
) -> None:
    """Operators, their implementations and cases; imports none of them."""
    selection = Selection((), tuple(implementation))
    declared = registry.discover(selection.files)
    names = {name for name in implementation if not name.endswith(".py")}
    for name in operator or operators.names():
        subject = operators.get(name)
        table = Table(title=f"{name}: {subject.summary}", title_justify="left", width=100)
        for column in ("implementation", "framework", "devices", "dtypes", "remark"):
            table.add_column(column)
        for d in declared:
            if d.operator == name and (not names or d.name in names):
                remark = f"known error: {d.known_error}" if d.known_error else ""
                table.add_row(d.name, d.framework, " ".join(d.devices), " ".join(d.dtypes), remark)
        console.print(table)
        if cases:
            for case in subject.cases:
                size = " ".join(f"{k}={v}" for k, v in case.sizes.items())
                marks = "" if case.profile == "full" else " quick"
                console.print(f"  {case.name}: {size} {case.dtype}{marks} {case.source}".rstrip())


def _run(selection: Selection, mode, results: Path) -> Run:
    try:
        with Display(console) as display:
            return main_job.run(selection, mode, results, display)
    except KeyboardInterrupt:
        console.print("interrupted; what is done is kept: the same command goes on from here")
        raise typer.Exit(130) from None
    except (ValueError, RuntimeError) as error:
        console.print(f"[red]error:[/] {error}", soft_wrap=True)
        raise typer.Exit(2) from None


def _end(run: Run) -> None:
    """Say where the run is, and fail when something in it failed."""
    counts = run.statuses["status"].value_counts()
    console.print(", ".join(f"{count} {status}" for status, count in counts.items()))
    console.print(f"run: {run.folder}")
    lines = main_job.failures(run)
    for line in lines:
        console.print(f"[red]failed[/] {line}", soft_wrap=True)
    if lines:
        raise typer.Exit(1)


def main() -> None:
    """Entry point of ``cdfbench`` and ``python -m suite``."""
    app()
