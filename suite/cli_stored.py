"""Commands that read stored runs: report, compare, history, export, targets."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from suite import cache
from suite.cli_options import (
    Cases,
    Device,
    Full,
    Implementations,
    Operators,
    Stored,
    console,
    shown_path,
    writable_folder,
)
from suite.results import Run, read_all


def report(
    run: Annotated[Path | None, typer.Argument(help="A run's folder; else each newest.")] = None,
    results: Stored = Path("results"),
    readme: Annotated[
        Path | None, typer.Option(help="Show the run in this page, too, between its marks.")
    ] = None,
) -> None:
    """Write tables and figures of stored runs, and the leaderboard over all machines.

    Of every machine the newest run is shown that leaves out least, and the newest of all sizes.
    """
    from suite.quality.energy.report import write_page as write_energies
    from suite.quality.report import write_page
    from suite.report import write_front_page, write_leaderboard, write_report
    from suite.report.newest import by_machine, for_report, sweeps

    found, errors = read_all(results)
    for error in errors:
        console.print(f"[red]unreadable:[/] {error}", soft_wrap=True)
    machines = by_machine(found)
    chosen = [run] if run else [for_report(runs) for runs in machines.values()]
    if not chosen:
        console.print(f"[red]error:[/] no runs below {results}: make bench writes one")
        raise typer.Exit(2)
    for folder in chosen:
        if not (folder / "run.json").is_file():
            console.print(f"[red]error:[/] {folder} is no run: it has no run.json", soft_wrap=True)
            raise typer.Exit(2)
        for path in write_report(folder, results / "report" / folder.resolve().parent.name):
            console.print(shown_path(path))
    for where, runs in machines.items():
        if (full := sweeps(runs)) is not None and run is None:
            for path in write_report(full, results / "report" / where / "full"):
                console.print(shown_path(path))
    if machines:
        console.print(shown_path(write_leaderboard(results, (found, errors))))
    for path in [*write_page(results), *write_energies(results)]:
        console.print(shown_path(path))
    if readme is not None:
        shown = chosen[-1]
        report_folder = results / "report" / shown.resolve().parent.name
        if not write_front_page(readme, shown, report_folder):
            console.print(f"[red]error:[/] {readme} lacks the marks between which a run is shown")
            raise typer.Exit(2)
        console.print(str(readme))


def compare(
    a: Annotated[
        str, typer.Argument(help="A run, a machine's or a results folder, or a revision.")
    ],
    b: Annotated[str, typer.Argument(help="The same of the other side; a checkout's folder, too.")],
    operator: Operators = [],  # noqa: B006
    implementation: Implementations = [],  # noqa: B006
    case: Cases = [],  # noqa: B006
    device: Device = "auto",
    full: Full = False,
    processes: Annotated[int, typer.Option(min=1, help="Of each revision, alternating.")] = 2,
    threshold: Annotated[
        float | None,
        typer.Option(min=0.0, help="What is worth a word: 0.25 is 25%; else the device's."),
    ] = None,
    results: Annotated[
        Path | None,
        typer.Option(
            "--results", help="Where revisions' runs go; else a cache.", callback=writable_folder
        ),
    ] = None,
    markdown: Annotated[
        Path | None, typer.Option(help="Write the tables as Markdown, too.")
    ] = None,
    annotations: Annotated[
        bool, typer.Option("--annotations", help="Print GitHub Actions' annotations, too.")
    ] = False,
) -> None:
    """Say what is faster, slower, changed or missing in B, by cell, and how sure that is.

    Revisions are checked out aside and measured, "." is the checkout as it is. Exit status 2 when
    there is nothing to compare, or a revision cannot be checked out or run.
    """
    from suite.compare import command, tables
    from suite.compare.budgets import Usual
    from suite.compare.comparison import compare
    from suite.compare.github import commands
    from suite.compare.measurements import Chosen
    from suite.compare.revision import Unmeasurable

    paths = [str(Path(name).resolve()) if name.endswith(".py") else name for name in implementation]
    bench_words = command.bench_words(operator, paths, case, device, full)
    chosen = Chosen.asked(operator, implementation, case)
    try:
        with console.status("") as status:
            a_side, b_side = command.sides(
                (a, b), bench_words, results or cache.folder("compare"), processes,
                console.print, lambda line: status.update(escape(line)),
            )  # fmt: skip
        for error in (*a_side.errors, *b_side.errors):
            console.print(f"[red]unreadable:[/] {error}", soft_wrap=True)
        found = compare(a_side, b_side, chosen, Usual(threshold))
    except KeyboardInterrupt:
        console.print("interrupted; what was checked out is removed")
        raise typer.Exit(130) from None
    except (ValueError, Unmeasurable) as error:
        console.print(f"[red]error:[/] {escape(str(error))}", soft_wrap=True)
        raise typer.Exit(2) from None
    tables.print_comparison(found, console)
    if markdown is not None:
        markdown.write_text(tables.markdown(found), encoding="utf-8")
    if annotations:
        for line in commands(found):
            print(line)
    if not found.machines:
        console.print("[red]error:[/] no machine has runs of both sides", soft_wrap=True)
        raise typer.Exit(2)


def history(
    operator: Operators = [],  # noqa: B006
    implementation: Implementations = [],  # noqa: B006
    case: Cases = [],  # noqa: B006
    results: Stored = Path("results"),
    figures: Annotated[int, typer.Option(min=0, help="Pictures to write at most.")] = 12,
) -> None:
    """Time, error and memory of every cell over all stored runs, and where its time changed.

    Pictures go to report/history in the folder of runs, one a case, those that changed first.
    """
    import numpy as np

    from suite.compare.measurements import Chosen
    from suite.history import figure, table
    from suite.history.frame import history as over_runs

    chosen = Chosen.asked(operator, implementation, case)
    frame = chosen.of(over_runs(_timed_runs(results)))
    if frame.empty:
        console.print(f"[red]error:[/] no run below {results} has such a cell", soft_wrap=True)
        raise typer.Exit(2)
    found = table.stories(frame, np.random.Generator(np.random.Philox(0)))
    table.print_history(found, console)
    written = figure.write_figures(found, results / "report" / "history", figures)
    for path in written:
        console.print(shown_path(path))
    if (more := len(figure.groups(found)) - len(written)) > 0:
        console.print(f"{more} more pictures: choose by -o, -i and -c, or --figures")


def export(
    path: Annotated[Path, typer.Argument(help="File to write: .csv, .csv.gz or .parquet.")],
    results: Stored = Path("results"),
) -> None:
    """Write all stored runs to one file: a row for every run, cell and metric."""
    from suite.history import export as exporting

    try:
        exporting.require_writable(path)
        count = exporting.export(_timed_runs(results), path)
    except (ValueError, ImportError, OSError) as error:
        console.print(f"[red]error:[/] {escape(str(error))}", soft_wrap=True)
        raise typer.Exit(2) from None
    console.print(f"{count} rows: {shown_path(path)}")


def _timed_runs(results: Path) -> list[Run]:
    """The timed runs below a folder; says which cannot be read, and ends where there are none."""
    found, errors = read_all(results)
    for error in errors:
        console.print(f"[red]unreadable:[/] {escape(str(error))}", soft_wrap=True)
    timed = [run for run in found if run.info.get("mode", "time") == "time"]
    if not timed:
        console.print(f"[red]error:[/] no runs below {results}: make bench writes one")
        raise typer.Exit(2)
    return timed


def targets(results: Stored = Path("results")) -> None:
    """What is to be reached on a GPU and on a CPU, and what stored runs have measured of it."""
    from suite.report import cpu_targets
    from suite.report import targets as aims

    runs = aims.on_gpus(results)
    for where, theirs in runs.items() or [("not yet run on a GPU", [])]:
        console.print(f"[bold]{where}[/]")
        for operator, case, pass_, target, *measured, verdict in aims.table(theirs):
            numbers = ", ".join(map(" ".join, zip(aims.CLOCKS, measured, strict=True)))
            line = f"{operator} {case} {pass_}, {target}: {verdict} ({numbers})"
            console.print(line, markup=False, soft_wrap=True)
    console.print(shown_path(aims.write_targets(results)))
    for where, theirs in cpu_targets.on_cpus(results).items():
        console.print(f"[bold]{where}[/]")
        for operator, name, case, pass_, target, value, verdict, _ in cpu_targets.table(theirs):
            line = f"{operator} {name} {case} {pass_}, {target}: {verdict} ({value})"
            console.print(line, markup=False, soft_wrap=True)
    console.print(shown_path(cpu_targets.write_page(results)))


COMMANDS = (report, compare, history, export, targets)
