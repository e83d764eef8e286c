"""All there is to do on a machine with a GPU, as steps of one command that keeps to its time.

A step is a command of its own, with a share of the time; what it leaves over goes to the next one.
A step that fails, or runs out of time, stops none of the others. What every step printed is kept
beside a table of how each ended, in one folder a machine, to be committed with the runs.
"""

from __future__ import annotations

import csv
import shlex
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO

from suite import operators, registry
from suite.bench import commit
from suite.registry import ROOT, Declaration
from suite.report.targets import HISTOGRAMS, SHAPING, TARGETS

MINUTES = 8.5
"""Of a machine that is lent for ten, its transfers not counted."""

ENDING = 20.0
"""Seconds before its end at which a bench is told to stop and store what it has."""

PATIENCE = 15.0
"""Seconds between asking a step to end and ending it."""

KERNELS = ("cuda", "triton")
"""Folders of the kernels, whose speed is what the day on a GPU is for."""

SANITIZERS = "tests/gpu/test_sanitizers.py"
STATE = "unfinished.csv"


@dataclass(frozen=True)
class Step:
    """A command, as arguments of ``python -m``, and its share of the time.

    share: in the unit of all steps' sum. {seconds} and {minutes} in an argument stand for the time
    that it is to keep to. beside: it goes on in the background while the steps after it run, until
    the one that is named.
    """

    name: str
    what: str
    arguments: tuple[str, ...]
    share: float
    beside: str = ""

    def command(self, seconds: float) -> list[str]:
        """The command for that many seconds."""
        keeps = max(seconds - ENDING, 1.0)
        given = {"seconds": f"{keeps:.0f}", "minutes": f"{keeps / 60:.2f}"}
        return [sys.executable, "-m", *(word.format(**given) for word in self.arguments)]


@dataclass(frozen=True)
class Ending:
    """How a step ended: "ok", "failed", "out of time", and after how long."""

    step: str
    status: str
    seconds: float
    remark: str = ""


@dataclass
class Programme:
    """The steps of a day on a GPU, and what is left out of them, by name, with the reason."""

    steps: tuple[Step, ...]
    left_out: dict[str, str] = field(default_factory=dict)


def programme(results: Path) -> Programme:
    """What there is to do here with the implementations that can run on this machine's GPU."""
    declared = [d for d in registry.discover() if not d.known_error]
    able = [d for d in declared if d.unable("cuda") is None]
    left_out = {d.name: d.unable("cuda") or "" for d in declared if d not in able}
    kernels = _names(d for d in able if _folder(d) in KERNELS)
    names = [*kernels, *(name for name in _names(able) if name not in kernels)]
    bench = ("suite", "bench", "--device", "cuda", "--results", str(results),
             "--minutes", "{minutes}", "--time-limit", "60")  # fmt: skip
    events = ("--clock", "event", "--clock", "graph")

    def aimed_at(operator: str, cases: tuple[str, ...]) -> tuple[str, ...]:
        rivals = {target.rival for target in TARGETS if target.operator == operator} & {*names}
        who = _each("-i", [*kernels, *sorted(rivals)])
        return (*bench, "-o", operator, *_each("-c", cases), *events, *who)

    steps = (
        Step("doctor", "what the machine has", ("suite", "doctor"), 15),
        Step("references", "float64 references of the targets' cases",
             ("suite", "references", *_each("-c", SHAPING + HISTOGRAMS)), 200, beside="shaping"),
        Step("tests", "graphs, streams, memory and the contract on the GPU",
             ("pytest", "tests/gpu", "tests/contract", "--device", "cuda", "-rs", "--durations=8",
              "--seconds", "{seconds}", "-W", "default", f"--ignore={SANITIZERS}"), 110),
        Step("shaping", "batch shaping at its targets' sizes",
             aimed_at("batch_shaping", SHAPING), 70),
        Step("histogram", "soft histogram at its targets' sizes",
             aimed_at("soft_histogram", HISTOGRAMS), 150),
        Step("representative", "every operator's representative cases, by every clock",
             (*bench, *_each("-c", _representative()), *_each("-i", names)), 110),
        Step("sanitizers", "compute-sanitizer on every kernel",
             ("pytest", SANITIZERS, "-rs", "-W", "default"), 65),
        Step("report", "tables and figures", ("suite", "report", "--results", str(results)), 25),
        Step("targets", "what was aimed at, and what was measured",
             ("suite", "targets", "--results", str(results)), 10),
    )  # fmt: skip
    return Programme(steps, left_out)


def _folder(declaration: Declaration) -> str:
    return declaration.path.relative_to(registry.HOUSE).parts[0]


def _representative() -> list[str]:
    cases = (case for name in operators.names() for case in operators.get(name).cases)
    return sorted({case.name for case in cases if case.representative})


def _names(declarations: Iterable[Declaration]) -> list[str]:
    return sorted({d.name for d in declarations})


def _each(option: str, values: Iterable[str]) -> tuple[str, ...]:
    return tuple(word for value in values for word in (option, value))


def timetable(steps: tuple[Step, ...], minutes: float) -> list[tuple[Step, float]]:
    """Every step with its seconds, as its share has it."""
    unit = 60 * minutes / sum(step.share for step in steps if not step.beside)
    return [(step, unit * step.share) for step in steps]


@dataclass
class Day:
    """Runs a programme within its minutes. say: where a line for the reader goes."""

    steps: tuple[Step, ...]
    folder: Path
    say: Callable[[str], None]
    minutes: float = MINUTES
    _background: dict[str, tuple[Step, Running, float]] = field(default_factory=dict)

    def run(self) -> list[Ending]:
        """All steps, but those that the same command had done before it was interrupted."""
        self.folder.mkdir(parents=True, exist_ok=True)
        found = {ending.step: ending for ending in self._done()}
        try:
            self._run(found)
        finally:
            for _, running, _ in self._background.values():
                running.stop()
        (self.folder / STATE).unlink(missing_ok=True)
        endings = [found[step.name] for step in self.steps]
        _write(endings, self.folder / "steps.csv")
        return endings

    def _run(self, found: dict[str, Ending]) -> None:
        start, allotted = time.monotonic(), 0.0
        for step, seconds in timetable(self.steps, self.minutes):
            allotted += 0.0 if step.beside else seconds
            if step.name in found:
                self.say(f"{step.name}: done before, {found[step.name].status}")
                continue
            self._await(step.name, found)
            left = start + allotted - time.monotonic()
            most = seconds if step.beside else max(left, 0.0)
            self.say(f"== {step.name}: {step.what}; {most:.0f} s at most")
            if step.beside:
                running = Running(step.command(seconds), self._log(step), None)
                self._background[step.beside] = step, running, time.monotonic() + seconds
            elif left <= 0:
                self._keep(Ending(step.name, "out of time", 0.0, "nothing was left for it"), found)
            else:
                running = Running(step.command(left), self._log(step), self.say)
                self._keep(running.ending(step.name, left + ENDING), found)
        self._await("", found)

    def _await(self, name: str, found: dict[str, Ending]) -> None:
        """What has gone on in the background until the step of that name; until the end: ""."""
        for until in [name] if name else list(self._background):
            if until in self._background:
                step, running, end = self._background.pop(until)
                self.say(f"waiting for {step.name}")
                self._keep(running.ending(step.name, max(end - time.monotonic(), 0.0)), found)

    def _keep(self, ending: Ending, found: dict[str, Ending]) -> None:
        found[ending.step] = ending
        remark = f" ({ending.remark})" * bool(ending.remark)
        self.say(f"{ending.step}: {ending.status} after {ending.seconds:.0f} s{remark}")
        _write(found.values(), self.folder / STATE)

    def _log(self, step: Step) -> Path:
        return self.folder / f"{step.name}.txt"

    def _done(self) -> list[Ending]:
        """Steps that ended well before the command was interrupted, with the same sources."""
        path = self.folder / STATE
        if not path.exists():
            return []
        now = str(commit())
        rows = csv.DictReader(path.read_text(encoding="utf-8").splitlines())
        return [
            Ending(row["step"], row["status"], float(row["seconds"]), row["remark"])
            for row in rows
            if row["status"] == "ok" and row["commit"] == now
        ]


def _write(endings: Iterable[Ending], path: Path) -> None:
    with path.open("w", encoding="utf-8", newline="") as stream:
        names = ["step", "status", "seconds", "remark", "commit"]
        table = csv.DictWriter(stream, names, lineterminator="\n")
        table.writeheader()
        for ending in endings:
            row = {**asdict(ending), "seconds": f"{ending.seconds:.1f}", "commit": commit()}
            table.writerow(row)


class Running:
    """A command at work, what it prints kept in a file and, where asked for, shown."""

    def __init__(self, command: list[str], log: Path, show: Callable[[str], None] | None) -> None:
        self.start = time.monotonic()
        self.process = subprocess.Popen(
            command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        assert self.process.stdout is not None
        pipe: IO[str] = self.process.stdout
        first = shlex.join(["python", *command[1:]])
        self.reader = threading.Thread(target=_read, args=(pipe, log, first, show), daemon=True)
        self.reader.start()

    def ending(self, name: str, seconds: float) -> Ending:
        """Wait for its end, at most so long; then it is ended."""
        late = False
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            late = True
        finally:
            self.stop()
        took, code = time.monotonic() - self.start, self.process.returncode
        if late:
            return Ending(name, "out of time", took, f"was ended after {seconds:.0f} s")
        if code:
            return Ending(name, "failed", took, f"exit status {code}")
        return Ending(name, "ok", took)

    def stop(self) -> None:
        """Ask it to end, and at last end it; then all that it printed is kept."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.reader.join(PATIENCE)


def _read(pipe: IO[str], log: Path, first: str, show: Callable[[str], None] | None) -> None:
    with pipe, log.open("w", encoding="utf-8") as stream:
        stream.write(f"$ {first}\n")
        for line in pipe:
            stream.write(line)
            stream.flush()
            if show is not None:
                show(line.rstrip("\n"))
