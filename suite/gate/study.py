"""How often does the gate err? Gates of equal trees, and of trees with one implementation slowed.

Every gate is the command that people run, on two copies of this tree; in one of them an
implementation may take a known multiple of its own time (:mod:`suite.gate.slowed`). A gate that is
done is not done again: the study can be interrupted, and goes on where it stopped.
"""

from __future__ import annotations

import contextlib
import datetime
import fcntl
import itertools
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from suite import __version__, bench, registry, versions
from suite.compare.cells import Cell
from suite.gate import slowed
from suite.gate import study_store as store
from suite.gate.finding import STATUS, Outcome
from suite.gate.run import FILE
from suite.gate.trees import copy_to, digest
from suite.machine import machine
from suite.registry import ROOT
from suite.runner import run_name

FACTORS = (1.0, 1.5, 1.1)
"""What an implementation is slowed by; 1: both trees are equal."""

PLANT = """

# Planted by the gate's study.
from {package}.slowed import slowed as _slowed  # noqa: E402

{function} = _slowed({function}, {factor!r})
"""

PATIENCE = 60.0
"""Seconds that an interrupted gate may take to store what it has."""


class Progress(Protocol):
    """What a study tells whoever watches."""

    def total(self, cells: int, done: int) -> None: ...
    def job(self, title: str, done: int) -> None: ...
    def advance(self) -> None: ...


@dataclass(frozen=True)
class Trial:
    """One gate. factor: of the time of the slowed implementation, 1 for none."""

    factor: float
    number: int
    slowed: str = ""

    @property
    def name(self) -> str:
        """Of its folder."""
        return f"{self.number:02d}-{self.factor:g}{f'-{self.slowed}' * bool(self.slowed)}"

    @property
    def title(self) -> str:
        """For whoever watches."""
        return f"gate {self.number}, {f'{self.slowed} {self.factor:g} x' if self.slowed else 'A/A'}"


@dataclass(frozen=True)
class Asked:
    """trials: of every factor. at_once: gates that run at the same time. minutes: after which none
    is begun; 0: none.

    operator, implementations, cases: what is gated; the implementations are slowed by turns.
    """

    trials: int = 20
    at_once: int = 1
    minutes: float = 0.0
    operator: str = "soft_cut"
    implementations: tuple[str, ...] = ("numpy_scipy", "torch_eager")
    cases: tuple[str, ...] = ("above-64x4096",)

    def planned(self) -> tuple[Trial, ...]:
        """All trials; those of a number stand together, so that a study cut short is balanced."""
        return tuple(
            Trial(factor, number, "" if factor == 1 else self._turn(number))
            for number in range(1, self.trials + 1)
            for factor in FACTORS
        )

    def _turn(self, number: int) -> str:
        return self.implementations[number % len(self.implementations)]

    def words(self) -> list[str]:
        """The cells, as arguments of ``gate`` have them."""
        named = [("-o", self.operator), *(("-i", name) for name in self.implementations)]
        return list(itertools.chain(*named, *(("-c", case) for case in self.cases)))


def study(asked: Asked, cache: Path, results: Path, progress: Progress) -> store.Study:
    """Gate until all is done, or the time is up; then store what is done below ``results``.

    Raises RuntimeError when nothing could be done in the time, or a gate cannot be run.
    """
    started = datetime.datetime.now(datetime.UTC)
    folder = cache / f".unfinished-gate-study-{digest(ROOT)}"
    with _alone(folder):
        return _study(asked, folder, results, progress, started)


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Nobody else runs this study. Raises RuntimeError."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise RuntimeError(f"{folder}: the same study is running already") from error
        yield


def _study(
    asked: Asked, folder: Path, results: Path, progress: Progress, started: datetime.datetime
) -> store.Study:
    trees = _Trees(folder / "trees", asked)
    planned = asked.planned()
    left = [trial for trial in planned if _answer(folder, trial) is None]
    progress.total(len(planned), len(planned) - len(left))
    _Gates(asked, folder, trees, progress).run(left)
    found = {trial: answer for trial in planned if (answer := _answer(folder, trial))}
    if not found:
        raise RuntimeError(f"no gate was done in {asked.minutes:g} minutes: allow more")
    complete = len(found) == len(planned)
    info = _describe(asked, started, complete, found)
    here = results / machine().fingerprint / run_name("gate-study")
    stored = store.write(info, list(_rows(found)), here)
    if complete:
        shutil.rmtree(folder)
    return stored


@dataclass
class _Trees:
    """Copies of this tree, made when they are first asked for."""

    folder: Path
    asked: Asked

    def base(self) -> Path:
        return self._copy("base")

    def head(self, trial: Trial) -> Path:
        """With what the trial plants."""
        name = f"slowed-{trial.factor:g}-{trial.slowed}" if trial.slowed else "equal"
        return self._copy(name, trial if trial.slowed else None)

    def _copy(self, name: str, planted: Trial | None = None) -> Path:
        tree = self.folder / name
        if not tree.exists():
            # Without its name until it is what the name says.
            aside = copy_to(self.folder / f".{name}-{os.getpid()}")
            if planted is not None:
                plant(aside, self.asked.operator, planted.slowed, planted.factor)
            aside.rename(tree)
        return tree


def plant(tree: Path, operator: str, implementation: str, factor: float) -> None:
    """Slow an implementation of a copy of this tree. Raises ValueError for one of JAX.

    What slows it lies beside it: implementations that import the suite are flagged.
    """
    declared = registry.find(operator, implementation)
    if declared.framework == "jax":
        raise ValueError(f"{implementation}: what XLA compiles cannot be slowed by a known factor")
    path = tree / declared.path.relative_to(ROOT)
    shutil.copy(slowed.__file__, path.with_name("slowed.py"))
    package = declared.module.rpartition(".")[0]
    text = PLANT.format(package=package, function=declared.function, factor=factor)
    path.write_text(path.read_text(encoding="utf-8") + text, encoding="utf-8")


@dataclass
class _Gates:
    """Runs gates as processes of their own, some at a time."""

    asked: Asked
    folder: Path
    trees: _Trees
    progress: Progress
    running: dict[Trial, subprocess.Popen] = field(default_factory=dict)

    def run(self, trials: Sequence[Trial]) -> None:
        """All of them, or those that are begun in time. Interrupted, gates store what they have."""
        late = time.monotonic() + 60 * self.asked.minutes if self.asked.minutes else float("inf")
        waiting = list(trials)
        try:
            while self.running or (waiting and time.monotonic() < late):
                while waiting and len(self.running) < self.asked.at_once:
                    if time.monotonic() >= late:
                        break
                    self._begin(waiting.pop(0))
                self._collect()
                time.sleep(0.2)
        finally:
            self._stop()

    def _begin(self, trial: Trial) -> None:
        place = self.folder / trial.name
        place.mkdir(parents=True, exist_ok=True)
        words = [sys.executable, "-m", "suite", "gate", "--base", str(self.trees.base())]
        words += ["--head", str(self.trees.head(trial)), "--results", str(place)]
        self.progress.job(trial.title, 0)
        with (place / "printed.txt").open("ab") as stream:
            self.running[trial] = subprocess.Popen(
                [*words, *self.asked.words()],
                cwd=ROOT,
                stdout=stream,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def _collect(self) -> None:
        for trial, process in list(self.running.items()):
            if process.poll() is None:
                continue
            del self.running[trial]
            if process.returncode not in STATUS.values() or _answer(self.folder, trial) is None:
                printed = (self.folder / trial.name / "printed.txt").read_text(errors="replace")
                last = "\n".join(printed.strip().splitlines()[-5:])
                raise RuntimeError(f"{trial.title} ended with {process.returncode}:\n{last}")
            _without_processes(self.folder / trial.name)
            self.progress.advance()

    def _stop(self) -> None:
        for process in self.running.values():
            process.send_signal(signal.SIGINT)
        for process in self.running.values():
            try:
                process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def _without_processes(place: Path) -> None:
    """Of a finished gate only its answer is needed."""
    for path in place.glob("*-gate-*/*"):
        if path.is_dir():
            shutil.rmtree(path)


def _answer(folder: Path, trial: Trial) -> dict | None:
    """A finished gate's answer."""
    for path in sorted((folder / trial.name).glob(f"*-gate-*/{FILE}")):
        return json.loads(path.read_text(encoding="utf-8"))
    return None


def _rows(found: Mapping[Trial, dict]) -> Iterator[dict]:
    """A row for every cell of every gate."""
    for trial, answer in found.items():
        outcome: Outcome = answer["outcome"]
        whole = {
            "factor": trial.factor,
            "number": trial.number,
            "slowed": trial.slowed,
            "gate": outcome,
            "exit": STATUS[outcome],
            "again": answer["measured_again"],
            "gate_seconds": answer["seconds"],
        }
        for finding in answer["findings"]:
            cell = Cell(*finding["cell"]) if finding["cell"] else None
            ratio, low, high = finding["ratio"] or (None, None, None)
            yield {
                **whole,
                "operator": cell.operator if cell else "",
                "implementation": cell.implementation if cell else finding["subject"],
                "case": cell.case if cell else "",
                "pass": cell.pass_ if cell else "",
                "verdict": finding["verdict"] or "",
                "outcome": finding["outcome"],
                "ratio": ratio,
                "low": low,
                "high": high,
                "why": finding["why"],
            }


def _describe(
    asked: Asked, started: datetime.datetime, complete: bool, found: Mapping[Trial, dict]
) -> dict:
    here = machine()
    now = datetime.datetime.now(datetime.UTC)
    return {
        "suite": __version__,
        "commit": bench.commit(),
        "command": shlex.join(["python", "-m", "suite", *sys.argv[1:]]),
        "complete": complete,
        "trials": asked.trials,
        "at_once": asked.at_once,
        "started": f"{started:%Y-%m-%dT%H:%M:%SZ}",
        "finished": f"{now:%Y-%m-%dT%H:%M:%SZ}",
        "machine": here.describe(),
        "versions": versions.installed(),
        "load": list(os.getloadavg()) if hasattr(os, "getloadavg") else None,
        "gates": len(found),
    }
