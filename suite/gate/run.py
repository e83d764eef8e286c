"""A gate from beginning to end: measure, suspect, measure again, judge, keep."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import hashlib
import json
import math
import os
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from suite import bench
from suite.compare.cells import Cell
from suite.compare.command import is_stored, tree
from suite.compare.comparison import Comparison, of_machine
from suite.compare.kernels import KernelChange, kernel_changes
from suite.compare.revision import Checkout, Unmeasurable
from suite.compare.rows import Row
from suite.compare.side import of_path
from suite.gate import kernels as of_kernels
from suite.gate.finding import Finding, Outcome, findings, is_suspicious, outcome_of
from suite.gate.movements import kept_answers, movements
from suite.gate.settings import Settings
from suite.gate.trees import digest
from suite.gate.turns import BASE, HEAD, Choice, Progress, Turns
from suite.machine import machine
from suite.results import Run
from suite.selection import require_implementations

SCHEMA_VERSION = 1
FILE = "gate.json"
NO_ANSWERS = (
    "the stored runs kept no answers (bench --keep-answers does): how far values have moved is "
    "told by their errors alone"
)


@dataclass(frozen=True)
class Asked:
    """What is gated. base: a revision, a checkout or stored runs; head: a checkout or a revision.

    minutes: after which nothing more is measured; 0: none.
    """

    base: str
    head: str
    settings: Settings
    device: str = "auto"
    minutes: float = 0.0


@dataclass(frozen=True)
class Gate:
    """A gate's answer. comparison: what it was read from, the cells measured again as they were
    then; None where nothing could be compared. again: how many cells were measured twice."""

    labels: tuple[str, str]
    findings: tuple[Finding, ...]
    comparison: Comparison | None = None
    kernels: tuple[KernelChange, ...] = ()
    again: int = 0
    seconds: float = 0.0
    folder: Path | None = field(default=None, compare=False)

    @property
    def outcome(self) -> Outcome:
        """What the findings come to."""
        return outcome_of(self.findings)

    @property
    def notes(self) -> tuple[str, ...]:
        """What to read it with."""
        return self.comparison.notes if self.comparison else ()


def gate(asked: Asked, root: Path, progress: Progress) -> Gate:
    """Measure both sides below ``root`` and judge; an interrupted gate goes on where it stopped.

    A finished gate's processes and its answer stay in a folder of their own. Raises Unmeasurable
    for a side that cannot be measured, ValueError for stored runs that are none.
    """
    started = time.monotonic()
    with contextlib.ExitStack() as stack:
        head = stack.enter_context(tree(asked.head, root))
        stored = is_stored(asked.base)
        base = None if stored else stack.enter_context(tree(asked.base, root))
        trees = {BASE: base, HEAD: head} if base else {HEAD: head}
        runs = _stored_runs(asked) if stored else ()
        _require_implementations(asked.settings.implementations, trees.values(), runs)
        before = {side: digest(checkout.folder) for side, checkout in trees.items()}
        folder = root / f".unfinished-gate-{_key(asked, before)}"
        late = started + 60 * asked.minutes if asked.minutes else math.inf
        turns = Turns(trees, folder, asked.settings.environment, progress, late)
        # Compilers before clocks: they get no more than half of the time there is.
        patience = 30 * asked.minutes or of_kernels.PATIENCE
        changes = None
        if base and asked.settings.kernels:
            progress.job("kernels whose sources differ are compiled in both trees", 0)
            changes = of_kernels.kernels(base.folder, head.folder, patience)
        measured = _Measured(asked, turns, runs)
        comparison, again = measured.compared()
        if changes is None:
            changes = _of_commits(measured.runs) if asked.settings.kernels else of_kernels.NONE
        for side, checkout in trees.items():
            if digest(checkout.folder) != before[side]:
                raise Unmeasurable(f"{checkout.label} changed while it was measured")
        found = [
            *of_kernels.kernel_findings(changes.changes, asked.settings),
            *_faults(measured.runs[BASE], measured.runs[HEAD]),
            *findings(comparison, asked.settings, measured.unsure),
        ]
        labels = (base.label if base else asked.base, head.label)
        notes = (*changes.notes, *measured.notes, *comparison.notes)
        comparison = dataclasses.replace(comparison, notes=notes)
        seconds = time.monotonic() - started
        answer = Gate(labels, tuple(found), comparison, changes.changes, again, seconds)
        return _kept(answer, asked, folder, root)


@dataclass
class _Measured:
    """Both sides' runs, and what they say. unsure: suspicious cells not measured again."""

    asked: Asked
    turns: Turns
    stored: tuple[Run, ...]
    runs: dict[str, tuple[Run, ...]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    unsure: frozenset[Cell] = frozenset()

    def compared(self) -> tuple[Comparison, int]:
        """The comparison, suspicious cells as they were when measured again; and how many of them
        there were."""
        settings = self.asked.settings
        processes = 1 if settings.exact else settings.processes
        choice = Choice(
            settings.operators, settings.implementations, settings.cases, self.asked.device
        )
        self.runs = self._measure("first", choice, processes, whole=(0,))
        first = self._comparison(self.runs)
        if not first.rows:
            raise Unmeasurable(f"neither side has a cell of {settings.chosen}")
        suspects = [row for row in first.rows if is_suspicious(row, settings)]
        if not suspects:
            return first, 0
        if self.turns.is_late:
            self.notes.append("no time was left to measure suspicious cells again")
            self.unsure = frozenset(row.cell for row in suspects)
            return first, 0
        names = _choice_of(suspects, settings, self.asked.device)
        runs = self._measure("again", names, processes, whole=range(min(processes, 3)))
        at_first = {row.cell: row for row in suspects}
        rows = [row for row in self._comparison(runs).rows if row.cell in at_first]
        return _with(first, [_again(row, at_first[row.cell]) for row in rows]), len(suspects)

    def _measure(
        self, stage: str, choice: Choice, processes: int, whole: Sequence[int]
    ) -> dict[str, tuple[Run, ...]]:
        found = self.turns.measure(stage, choice, processes, whole=whole)
        fewest = min(map(len, found.values()))
        if fewest < processes:
            self.notes.append(f"the time was up after {fewest} of {processes} processes a side")
        return {BASE: self.stored, **found}

    def _comparison(self, runs: dict[str, tuple[Run, ...]]) -> Comparison:
        a, b, settings = runs[BASE], runs[HEAD], self.asked.settings
        kept = kept_answers(a), kept_answers(b)
        if self.stored and not kept[0] and NO_ANSWERS not in self.notes:
            self.notes.append(NO_ANSWERS)
        return of_machine(
            machine().fingerprint, a, b, settings.chosen, settings,
            lambda cell: movements(cell, *kept), clocked=not settings.exact,
        )  # fmt: skip


def _again(row: Row, at_first: Row) -> Row:
    """A cell that was measured again, with what it was at first."""
    if row.ratio is None or at_first.ratio is None:
        return row
    remark = f"at first {at_first.ratio.ratio:.2f} x the time"
    return dataclasses.replace(row, remark="; ".join(filter(None, (row.remark, remark))))


def _with(comparison: Comparison, rows: Sequence[Row]) -> Comparison:
    """A comparison with rows in the place of those of the same cells."""
    fresh = {row.cell: row for row in rows}
    return dataclasses.replace(
        comparison, rows=tuple(fresh.get(row.cell, row) for row in comparison.rows)
    )


def _choice_of(rows: Sequence[Row], settings: Settings, device: str) -> Choice:
    """What must be measured for those cells; a user's own file is named as the user did."""
    files = {Path(name).stem: name for name in settings.implementations if name.endswith(".py")}
    names = dict.fromkeys(row.cell.implementation for row in rows)
    return Choice(
        list(dict.fromkeys(row.cell.operator for row in rows)),
        [files.get(name, name) for name in names],
        list(dict.fromkeys(row.cell.case for row in rows)),
        device,
    )


def _require_implementations(
    asked: Sequence[str], trees: Iterable[Checkout], stored: Sequence[Run]
) -> None:
    """Raise ValueError for names that neither side has; a tree that cannot tell may have any."""
    names = {name for name in asked if not name.endswith(".py")}
    if not names:
        return
    known = {name for run in stored for name in run.statuses["implementation"]}
    for checkout in trees:
        its = checkout.implementations()
        if its is None:
            return
        known |= its
    require_implementations(names, known)


def _stored_runs(asked: Asked) -> tuple[Run, ...]:
    """A base's stored runs, if this machine made them."""
    here = machine().fingerprint
    side = of_path(Path(asked.base))
    runs = side.machines.get(here, ())
    if not runs:
        raise Unmeasurable(f"{asked.base} was measured on {', '.join(side.machines)}; "
                           f"this machine is {here}, and machines are never compared")  # fmt: skip
    return runs


def _of_commits(runs: Mapping[str, Sequence[Run]]) -> of_kernels.Kernels:
    """The ceilings that the commits keep of which there are runs."""
    base, head = (runs[side][-1].info.get("commit") for side in (BASE, HEAD))
    return of_kernels.Kernels(tuple(kernel_changes(base, head)))


def _faults(base: Sequence[Run], head: Sequence[Run]) -> list[Finding]:
    """What is wrong with the head's runs that no one cell shows, and was not so before."""
    known = {line for run in base for line in _whole_faults(run)}
    fresh = dict.fromkeys(line for run in head for line in _whole_faults(run))
    return [Finding("regressed", line, "", "") for line in fresh if line not in known]


def _whole_faults(run: Run) -> list[str]:
    cells = [f"{name} {case} " for name, case in _named(run)]
    return [line for line in bench.failures(run) if not line.startswith(tuple(cells))]


def _named(run: Run) -> set[tuple[str, str]]:
    names = run.statuses["operator"] + "/" + run.statuses["implementation"]
    return set(zip(names, run.statuses["case"], strict=True))


def _key(asked: Asked, digests: dict[str, str]) -> str:
    """Names an unfinished gate: equal where the same would be measured."""
    here = machine().fingerprint
    told = repr((asked.base, asked.device, asked.settings, here, sorted(digests.items())))
    return hashlib.sha256(told.encode()).hexdigest()[:12]


def _kept(answer: Gate, asked: Asked, unfinished: Path, root: Path) -> Gate:
    """The answer, written beside its processes, and all of it in a folder of its own."""
    unfinished.mkdir(parents=True, exist_ok=True)
    text = json.dumps(as_json(answer, asked), indent=1)
    aside = unfinished / f"{FILE}.part"
    aside.write_text(text + "\n", encoding="utf-8")
    aside.rename(unfinished / FILE)
    now = datetime.datetime.now(datetime.UTC)
    folder = root / f"{now:%Y%m%dT%H%M%S%f}-gate-{os.getpid()}"
    unfinished.rename(folder)
    return dataclasses.replace(answer, folder=folder)


def as_json(answer: Gate, asked: Asked) -> dict:
    """A gate's answer as its file has it."""
    listed = [
        {
            "outcome": f.outcome,
            "subject": f.subject,
            "where": f.where,
            "why": f.why,
            "cell": list(f.row.cell) if f.row else None,
            "verdict": f.row.verdict if f.row else None,
            "ratio": dataclasses.astuple(f.row.ratio) if f.row and f.row.ratio else None,
        }
        for f in answer.findings
    ]
    return {
        "schema_version": SCHEMA_VERSION,
        "outcome": answer.outcome,
        "base": answer.labels[0],
        "head": answer.labels[1],
        "machine": machine().describe(),
        "seconds": round(answer.seconds, 1),
        "measured_again": answer.again,
        "minutes": asked.minutes,
        "notes": list(answer.notes),
        "findings": listed,
    }
