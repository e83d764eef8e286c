"""The command line: parse, call, print."""

from __future__ import annotations

import contextlib
import functools
import os
import shlex
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from suite import bench as main_job
from suite import cache, gpu, operators, registry
from suite.display import Display
from suite.judge.references import References
from suite.machine import machine
from suite.operators.base import Profile
from suite.results import Run, read_all
from suite.selection import Selection
from suite.timing.plan import Mode

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False)
# Where nobody says how wide the page is, tables are written for 100 columns.
console = Console(highlight=False, width=None if sys.stdout.isatty() else 100)

Operators = Annotated[list[str], typer.Option("--operator", "-o", help="Operator; repeatable.")]
Implementations = Annotated[
    list[str],
    typer.Option("--implementation", "-i", help="Name, or path/to/your_file.py; repeatable."),
]
Cases = Annotated[list[str], typer.Option("--case", "-c", help="Case by name; repeatable.")]
Clocks = Annotated[
    list[str], typer.Option("--clock", help="wall, event or graph; repeatable, else all there are.")
]
Device = Annotated[str, typer.Option(help="auto, cpu or cuda.")]
Full = Annotated[bool, typer.Option("--full/--quick", help="All sizes, or minutes' worth.")]


def _writable(folder: Path | None) -> Path | None:
    """A folder that runs can be written to, made and absolute; workers stand elsewhere."""
    if folder is not None:
        folder = folder.resolve()
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise typer.BadParameter(f"{folder} cannot be made: {error.strerror}") from None
        if not os.access(folder, os.W_OK):
            raise typer.BadParameter(f"{folder} cannot be written to")
    return folder


Results = Annotated[Path, typer.Option("--results", help="Folder of runs.", callback=_writable)]
Stored = Annotated[Path, typer.Option("--results", help="Folder of runs.")]
TimeLimit = Annotated[
    float,
    typer.Option(
        min=0,
        help="Seconds one item (a pass of a case, a yardstick, the probes) may take, its worker's "
        "start not counted; 0: 120, or 900 with --full.",
    ),
]
MemoryLimit = Annotated[float, typer.Option(min=0, help="GiB a worker may hold; 0: 4/5 of all.")]


@app.command()
def bench(
    operator: Operators = [],  # noqa: B006
    implementation: Implementations = [],  # noqa: B006
    case: Cases = [],  # noqa: B006
    device: Device = "auto",
    clock: Clocks = [],  # noqa: B006
    full: Full = False,
    results: Results = Path("results"),
    time_limit: TimeLimit = 0.0,
    memory_limit: MemoryLimit = 0.0,
    minutes: Annotated[
        float,
        typer.Option(min=0, help="Stop after so many and store what is done; 0: when all is."),
    ] = 0.0,
) -> None:
    """Measure and judge; store the run; print the leaderboard.

    Exit status 1 when a cell is wrong, NaN or flagged, or has raised, crashed, run out of time or
    of memory; interrupted, or stopped after its minutes, the same command goes on from there.
    """
    profile: Profile = "full" if full else "quick"
    asked = tuple(operator), tuple(implementation), tuple(case)
    selection = Selection(*asked, device, profile, clocks=tuple(clock))
    run = _run(selection, "time", results, time_limit, memory_limit, minutes)
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
    everybody: Annotated[
        bool, typer.Option("--all", help="Known errors and absent peers too, and more cases.")
    ] = False,
    results: Annotated[
        Path | None,
        typer.Option("--results", help="Folder of runs; else a cache.", callback=_writable),
    ] = None,
    time_limit: TimeLimit = 0.0,
    memory_limit: MemoryLimit = 0.0,
) -> None:
    """Judge values and gradients without timing anything.

    With --all every implementation, known errors and absent peers included, on every case of up to
    2^18 elements; slow compilers on the representative ones. Interrupted, the same command goes on
    where it stopped.
    """
    profile: Profile = "full" if full else "quick"
    asked = tuple(operator), tuple(implementation), tuple(case)
    selection = Selection(*asked, device, profile, everybody)
    run = _run(selection, "check", results or cache.folder("checks"), time_limit, memory_limit)
    counts = run.statuses.groupby(["operator", "implementation", "status"]).size()
    table = counts.unstack(fill_value=0).reset_index()
    shown = Table(*map(str, table.columns))
    for row in table.itertuples(index=False):
        shown.add_row(*map(str, row))
    console.print(shown)
    _end(run)


@app.command()
def quality(
    operator: Operators = [],  # noqa: B006
    implementation: Implementations = [],  # noqa: B006
    device: Device = "auto",
    full: Full = False,
    results: Results = Path("results"),
    time_limit: TimeLimit = 0.0,
    memory_limit: MemoryLimit = 0.0,
) -> None:
    """Gradients against those of the population, and what descent with them reaches.

    Exit status 1 when an implementation raised, crashed or hung; interrupted, the same command
    goes on where it stopped.
    """
    from suite.quality import measure
    from suite.quality.energy import run as energies
    from suite.quality.energy.report import write_page as write_energies
    from suite.quality.report import print_advice, write_page

    selection = Selection(
        tuple(operator), tuple(implementation), (), device, "full" if full else "quick"
    )
    amount = measure.Amount(seconds=time_limit, memory=int(memory_limit * 2**30))
    with _shown() as display:
        run = measure.run(selection, results, display, amount)
    print_advice(run, console)
    if run.info["complete"]:
        with _shown() as display:
            energies.run(results, display)
    for path in [*write_page(results), *write_energies(results)]:
        console.print(_shown_path(path))
    _count(run.statuses["status"], run.folder, measure.failures(run))


@app.command()
def reproduce(
    source: Annotated[list[str], typer.Option("--source", "-s", help="Source; repeatable.")] = [],  # noqa: B006
    implementation: Annotated[
        list[str],
        typer.Option(
            "--implementation", "-i", help="published, torch, jax, kernels, or a name; repeatable."
        ),
    ] = [],  # noqa: B006
    seeds: Annotated[int, typer.Option(min=0, help="Starts beside the source's own.")] = 5,
    quick: Annotated[bool, typer.Option("--quick", help="One other seed, shorter runs.")] = False,
    animate: Annotated[bool, typer.Option("--animate", help="Draw animations, too.")] = False,
    results: Results = Path("results"),
) -> None:
    """Run what was published again; print what its numbers are and mean; write the page.

    Exit status 1 when an experiment raised, crashed or hung, whatever the verdicts; interrupted,
    the same command goes on where it stopped.
    """
    from suite.reproduce import run as again
    from suite.reproduce.jobs import Asked
    from suite.reproduce.page import print_table, write_page

    with _shown() as display:
        asked = Asked(
            tuple(source), tuple(implementation), min(seeds, 1) if quick else seeds, quick
        )
        run = again.run(asked, results, display, animate=animate)
    print_table(run, console)
    for path in write_page(results):
        console.print(_shown_path(path))
    _count(run.claims["verdict"], run.folder, again.failures(run))


@app.command("list")
def list_(
    operator: Operators = [],  # noqa: B006
    implementation: Implementations = [],  # noqa: B006
    cases: Annotated[bool, typer.Option("--cases", help="List cases, too.")] = False,
) -> None:
    """Operators, their implementations and cases; imports none of them."""
    if unknown := sorted(set(operator) - set(operators.names())):
        there = ", ".join(operators.names())
        console.print(f"[red]error:[/] --operator {unknown}: expected some of {there}")
        raise typer.Exit(2)
    selection = Selection((), tuple(implementation))
    declared = registry.discover(selection.files)
    names = {name for name in implementation if not name.endswith(".py")}
    for name in operator or operators.names():
        subject = operators.get(name)
        here = [d for d in declared if d.operator == name and (not names or d.name in names)]
        remarks = [_remark(d) for d in here]
        heads = ["implementation", "framework", "devices", "dtypes", *(["remark"] * any(remarks))]
        table = Table(*heads, title=f"{name}: {subject.summary}", title_justify="left")
        for d, remark in zip(here, remarks, strict=True):
            about = (d.name, d.framework, " ".join(d.devices), _widths(d.dtypes), escape(remark))
            table.add_row(*about[: len(heads)])
        console.print(table)
        if cases:
            table = Table("case", "sizes", "dtype", "profile", "source", box=None)
            for case in subject.cases:
                sizes = " ".join(f"{k}={v}" for k, v in case.sizes.items())
                row = (case.name, sizes, _widths((case.dtype,)), case.profile, case.source)
                table.add_row(*map(escape, row))
            console.print(table)


def _remark(declaration: registry.Declaration) -> str:
    known = f"known error: {declaration.known_error}" if declaration.known_error else ""
    return "; ".join(filter(None, (known, declaration.missing())))


@app.command()
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
            console.print(_shown_path(path))
    for where, runs in machines.items():
        if (full := sweeps(runs)) is not None and run is None:
            for path in write_report(full, results / "report" / where / "full"):
                console.print(_shown_path(path))
    if machines:
        console.print(_shown_path(write_leaderboard(results, (found, errors))))
    for path in [*write_page(results), *write_energies(results)]:
        console.print(_shown_path(path))
    if readme is not None:
        shown = chosen[-1]
        report_folder = results / "report" / shown.resolve().parent.name
        if not write_front_page(readme, shown, report_folder):
            console.print(f"[red]error:[/] {readme} lacks the marks between which a run is shown")
            raise typer.Exit(2)
        console.print(str(readme))


@app.command()
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
            "--results", help="Where revisions' runs go; else a cache.", callback=_writable
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
    from suite.compare.comparison import compare
    from suite.compare.github import commands
    from suite.compare.measurements import Chosen
    from suite.compare.revision import Unmeasurable

    paths = [str(Path(name).resolve()) if name.endswith(".py") else name for name in implementation]
    bench_words = command.bench_words(operator, paths, case, device, full)
    chosen = Chosen(tuple(operator), tuple(map(_name, implementation)), tuple(case))
    try:
        with console.status("") as status:
            a_side, b_side = command.sides(
                (a, b), bench_words, results or cache.folder("compare"), processes,
                console.print, lambda line: status.update(escape(line)),
            )  # fmt: skip
        for error in (*a_side.errors, *b_side.errors):
            console.print(f"[red]unreadable:[/] {error}", soft_wrap=True)
        found = compare(a_side, b_side, chosen, threshold)
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


@app.command()
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

    chosen = Chosen(tuple(operator), tuple(map(_name, implementation)), tuple(case))
    frame = chosen.of(over_runs(_timed_runs(results)))
    if frame.empty:
        console.print(f"[red]error:[/] no run below {results} has such a cell", soft_wrap=True)
        raise typer.Exit(2)
    found = table.stories(frame, np.random.Generator(np.random.Philox(0)))
    table.print_history(found, console)
    written = figure.write_figures(found, results / "report" / "history", figures)
    for path in written:
        console.print(_shown_path(path))
    if (more := len(figure.groups(found)) - len(written)) > 0:
        console.print(f"{more} more pictures: choose by -o, -i and -c, or --figures")


@app.command()
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
    console.print(f"{count} rows: {_shown_path(path)}")


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


def _name(implementation: str) -> str:
    """What an implementation is called, a user's file included."""
    return Path(implementation).stem if implementation.endswith(".py") else implementation


@app.command("bench-gpu")
def bench_gpu(
    results: Results = Path("results"),
    minutes: Annotated[float, typer.Option(min=1, help="All the time there is.")] = gpu.MINUTES,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the steps, do nothing.")] = False,
) -> None:
    """All there is to do on a machine with a GPU: tests, targets, tables, within its minutes.

    Exit status 1 when a step failed; none of them keeps the others from being done. Interrupted,
    the same command goes on where it stopped.
    """
    programme = gpu.programme(results)
    for name, reason in programme.left_out.items():
        console.print(f"[yellow]left out[/] {name}: {escape(reason)}", soft_wrap=True)
    if dry_run:
        for step, seconds in gpu.timetable(programme.steps, minutes):
            command = shlex.join(["python", *step.command(seconds)[1:]])
            beside = f", beside what comes before {step.beside}" * bool(step.beside)
            console.print(f"[bold]{step.name}[/], {seconds:.0f} s{beside}: {step.what}")
            console.print(f"  {escape(command)}", soft_wrap=True)
        return
    here = machine()
    if not here.gpus:
        console.print("[red]error:[/] no NVIDIA driver or GPU here; --dry-run shows the steps")
        raise typer.Exit(2)
    folder = results / "gpu" / here.fingerprint
    say = functools.partial(console.print, markup=False, soft_wrap=True)
    try:
        endings = gpu.Day(programme.steps, folder, say, minutes).run()
    except KeyboardInterrupt:
        console.print("interrupted; the same command goes on from here")
        raise typer.Exit(130) from None
    for ending in endings:
        style = "green" if ending.status == "ok" else "red"
        console.print(f"[{style}]{ending.status}[/] {ending.step}, {ending.seconds:.0f} s "
                      f"{escape(ending.remark)}")  # fmt: skip
    console.print(f"kept in {_shown_path(folder)}")
    if any(ending.status != "ok" for ending in endings):
        raise typer.Exit(1)


@app.command()
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
    console.print(_shown_path(aims.write_targets(results)))
    for where, theirs in cpu_targets.on_cpus(results).items():
        console.print(f"[bold]{where}[/]")
        for operator, name, case, pass_, target, value, verdict, _ in cpu_targets.table(theirs):
            line = f"{operator} {name} {case} {pass_}, {target}: {verdict} ({value})"
            console.print(line, markup=False, soft_wrap=True)
    console.print(_shown_path(cpu_targets.write_page(results)))


@app.command()
def references(
    operator: Operators = [],  # noqa: B006
    case: Cases = [],  # noqa: B006
) -> None:
    """Compute the float64 references of large cases, in several processes, for runs to come."""
    here = machine()
    chosen = [(operators.get(name), each) for name in operator or operators.names()
              for each in operators.get(name).cases if not case or each.name in case]  # fmt: skip
    for done, total in References().prepare(chosen, here.processes):
        console.print(f"{done} of {total}")


@app.command()
def doctor() -> None:
    """What this machine has, and what each missing thing would unlock."""
    from suite.doctor import examine

    styles = {"ok": "green", "missing": "yellow", "note": "cyan"}
    table = Table("", "state", "", box=None)
    for finding in examine():
        style = styles[finding.state]
        table.add_row(finding.what, f"[{style}]{finding.state}[/]", escape(finding.detail))
    console.print(table)


@app.command()
def errata(
    entry: Annotated[list[str], typer.Option("--entry", "-e", help="Entry; repeatable.")] = [],  # noqa: B006
    results: Results = Path("results"),
) -> None:
    """Prove what published formulas get wrong; write the page about it when all are proved.

    Exit status 1 when a declared fault does not show, or a formula said to hold does not.
    """
    from suite.errata import report as errata_report

    try:
        undeclared = errata_report.run(entry, results, console)
    except KeyError as error:
        console.print(f"[red]error:[/] {error.args[0]}", soft_wrap=True)
        raise typer.Exit(2) from None
    if undeclared:
        raise typer.Exit(1)


@app.command()
def workloads() -> None:
    """Train again what the cases' real tensors come from; compare with the committed ones."""
    from suite.workloads import build

    try:
        build(console.print)
    except ImportError as error:
        console.print(f"[red]error:[/] {error}", soft_wrap=True)
        raise typer.Exit(2) from None


def _run(
    selection: Selection, mode: Mode, results: Path, seconds: float, memory: float,
    minutes: float = 0.0,
) -> Run:  # fmt: skip
    with _shown() as display:
        return main_job.run(
            selection,
            mode,
            results,
            display,
            time_limit=seconds,
            memory_limit=int(memory * 2**30),
            budget=60 * minutes,
        )


@contextlib.contextmanager
def _shown() -> Iterator[Display]:
    """A display around a run, and what a run can raise as an exit status."""
    try:
        with Display(console) as display:
            yield display
    except KeyboardInterrupt:
        console.print("interrupted; what is done is kept: the same command goes on from here")
        raise typer.Exit(130) from None
    except (ValueError, RuntimeError) as error:
        console.print(f"[red]error:[/] {error}", soft_wrap=True)
        raise typer.Exit(2) from None


def _end(run: Run) -> None:
    """Say where the run is, and fail when something in it failed."""
    for note in run.info["notes"]:
        console.print(f"[yellow]note[/] {note}", soft_wrap=True)
    _count(run.statuses["status"], run.folder, main_job.failures(run))


def _count(statuses: Iterable[str], folder: Path | None, lines: list[str]) -> None:
    """Say how much ended how, and where it is; exit with 1 when there are failures."""
    counts = Counter(statuses).most_common()
    console.print(", ".join(f"{count} {status}" for status, count in counts))
    console.print(f"run: {_shown_path(folder) if folder else folder}", soft_wrap=True)
    for line in lines:
        console.print(f"[red]failed[/] {line}", soft_wrap=True)
    if lines:
        raise typer.Exit(1)


def _shown_path(path: Path) -> str:
    """Relative to where the user stands, if it is below."""
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


def _widths(dtypes: tuple[str, ...]) -> str:
    """Dtypes in few letters: "f32 f64 f16 bf16"."""
    return " ".join(dtype.replace("float", "f") for dtype in dtypes)


def main() -> None:
    """Entry point of ``cdfbench`` and ``python -m suite``."""
    app()
