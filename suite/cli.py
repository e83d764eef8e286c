"""The command line: parse, call, print. Commands that measure; cli_stored has those that read."""

from __future__ import annotations

import contextlib
import functools
import shlex
import signal
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from suite import bench as main_job
from suite import cache, cli_gate, cli_stored, gpu, operators, registry
from suite.cli_options import (
    Cases,
    Clocks,
    Device,
    Full,
    Implementations,
    MemoryLimit,
    Operators,
    Results,
    TimeLimit,
    app,
    console,
    shown_path,
    writable_folder,
)
from suite.display import Display
from suite.judge.references import References
from suite.machine import machine
from suite.operators.base import Profile
from suite.results import Run
from suite.selection import Selection, require_operators
from suite.timing.plan import Mode


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
    keep_answers: Annotated[
        bool, typer.Option("--keep-answers", help="Store cells' answers, too.")
    ] = False,
    times_only: Annotated[
        bool, typer.Option("--times-only", help="No probes and no peak memory: to measure again.")
    ] = False,
    if_there: Annotated[
        bool, typer.Option("--if-there", help="Leave out names that are not there; else an error.")
    ] = False,
) -> None:
    """Measure and judge; store the run; print the leaderboard.

    Exit status 1 when a cell is wrong, NaN or flagged, or has raised, crashed, run out of time or
    of memory; interrupted, or stopped after its minutes, the same command goes on from there.
    """
    profile: Profile = "full" if full else "quick"
    asked = tuple(operator), tuple(implementation), tuple(case)
    selection = Selection(*asked, device, profile, False, tuple(clock), if_there, times_only)
    amounts = time_limit, memory_limit, minutes
    run = _run(selection, "time", results, *amounts, keep_answers=keep_answers)
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
        typer.Option("--results", help="Folder of runs; else a cache.", callback=writable_folder),
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
        console.print(shown_path(path))
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
    seeds: Annotated[
        int | None,
        typer.Option(min=0, help="Starts beside the source's own; else 5, or 1 of a quick run."),
    ] = None,
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
        usual = 1 if quick else Asked.seeds
        starts = usual if seeds is None else seeds
        asked = Asked(tuple(source), tuple(implementation), starts, quick)
        run = again.run(asked, results, display, animate=animate)
    print_table(run, console)
    for path in write_page(results):
        console.print(shown_path(path))
    _count(run.claims["verdict"], run.folder, again.failures(run))


@app.command("list")
def list_(
    operator: Operators = [],  # noqa: B006
    implementation: Implementations = [],  # noqa: B006
    cases: Annotated[bool, typer.Option("--cases", help="List cases, too.")] = False,
) -> None:
    """Operators, their implementations and cases; imports none of them."""
    try:
        require_operators(operator)
    except ValueError as error:
        console.print(f"[red]error:[/] {error}")
        raise typer.Exit(2) from None
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
    console.print(f"kept in {shown_path(folder)}")
    if any(ending.status != "ok" for ending in endings):
        raise typer.Exit(1)


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
    minutes: float = 0.0, *, keep_answers: bool = False,
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
            keep_answers=keep_answers,
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
    console.print(f"run: {shown_path(folder) if folder else folder}", soft_wrap=True)
    for line in lines:
        console.print(f"[red]failed[/] {line}", soft_wrap=True)
    if lines:
        raise typer.Exit(1)


def _widths(dtypes: tuple[str, ...]) -> str:
    """Dtypes in few letters: "f32 f64 f16 bf16"."""
    return " ".join(dtype.replace("float", "f") for dtype in dtypes)


for command in (*cli_stored.COMMANDS, *cli_gate.COMMANDS):
    app.command()(command)


def main() -> None:
    """Entry point of ``cdfbench`` and ``python -m suite``."""
    # What is checked out aside is taken away, and workers are ended, as on Ctrl-C.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    app()
