"""Parent process: schedules workers one after another, judges what they leave, keeps every cell.

Nothing of the judging overlaps with a worker's timing: a job's cells are judged when its worker has
ended. Every cell ends as a record, whatever becomes of its worker.
"""

from __future__ import annotations

import datetime
import json
import math
import os
import shutil
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import psutil

from suite import registry, results
from suite.judge import conduct
from suite.judge.journal import journal_faults
from suite.judging import Judging
from suite.machine import Machine
from suite.operators.base import Profile
from suite.outputs import read_journal
from suite.peak_memory import PeakMemory
from suite.probes import ODD
from suite.process import Limits, Worker
from suite.registry import Declaration
from suite.selection import Job
from suite.timing.metrics import Rounds
from suite.timing.plan import BUDGETS, CellPlan, Mode, Plan, yardstick_group
from suite.unfinished import Unfinished, cell_key

ENVIRONMENT = {"JAX_ENABLE_X64": "1", "XLA_PYTHON_CLIENT_PREALLOCATE": "false"}
# So that every large array is mapped and given back, and resident memory means what is in use.
MEMORY_ENVIRONMENT = {**ENVIRONMENT, "MALLOC_MMAP_THRESHOLD_": "65536"}
ITEM_SECONDS = {"quick": 120.0, "full": 900.0}
JOURNAL = "journal.jsonl"


class Progress(Protocol):
    """What the runner tells whoever watches."""

    def total(self, cells: int, done: int) -> None: ...
    def job(self, title: str, done: int) -> None: ...
    def item(self, text: str) -> None: ...
    def cell(self, record: dict) -> None: ...


@dataclass
class Runner:
    """Runs jobs on a machine and keeps their cells in an unfinished run.

    time_limit: seconds an item may take, else the profile's. memory_limit: bytes a worker may
    hold, else four fifths of the machine's. deadline: of the monotonic clock, after which no more
    is begun; ``left_out`` then names what there was no time for. probing: whether implementations
    are tried on more than their cells. answers: whether cells' answers are kept.
    """

    machine: Machine
    unfinished: Unfinished
    profile: Profile
    mode: Mode
    progress: Progress
    files: tuple[str, ...] = ()
    time_limit: float = 0.0
    memory_limit: int = 0
    deadline: float = math.inf
    probing: bool = True
    answers: bool = False
    left_out: list[str] = field(default_factory=list)
    versions: dict[str, str] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    _sources: dict[Declaration, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.judging = Judging(self.mode, self.answers)

    @property
    def late(self) -> bool:
        """Whether the deadline is over."""
        return time.monotonic() > self.deadline

    @property
    def notes(self) -> list[str]:
        """What a reader of the run should know."""
        return self.judging.notes

    def run(self, jobs: Iterable[Job]) -> list[dict]:
        """Measure and judge what is not done yet; all records of the jobs, in their order.

        An implementation whose probes the deadline came before is left out with all its cells.
        """
        jobs = tuple(jobs)
        self._prepare(jobs)
        keys: list[str] = []
        for job in jobs:
            wanted = {self.key(job, cell): cell for cell in job.cells}
            self._recover(job, wanted)
            left = tuple(c for key, c in wanted.items() if key not in self.unfinished.done)
            self.progress.job(job.title, len(job.cells) - len(left))
            if (left or not self._probed(job)) and not self.late:
                left = self._job(job, left)
            if left or not self._probed(job):
                self.left_out.append(job.title)
            else:
                keys += wanted
        jobs = tuple(job for job in jobs if job.title not in self.left_out)
        if self.mode == "time":
            keys += PeakMemory(self).measure(jobs)
        flags = {job.names: self.unfinished.done[self._conduct_key(job)]["flags"] for job in jobs}
        return [_flagged(self.unfinished.done[key], flags) for key in keys]

    def _prepare(self, jobs: tuple[Job, ...]) -> None:
        """References of large cases, before anything is timed."""
        able = (job for job in jobs if not job.declaration.unable(job.device))
        cases = {(job.operator.name, c.case): job.operator for job in able for c in job.cells
                 if self.key(job, c) not in self.unfinished.done}  # fmt: skip
        wanted = [(operator, operator.case(name)) for (_, name), operator in cases.items()]
        for done, total in self.judging.references.prepare(wanted, self.machine.processes):
            if not done:
                self.progress.job("references of large cases", 0)
            self.progress.item(f"references of large cases: {done} of {total}")

    def key(self, job: Job, cell: CellPlan, mode: str = "") -> str:
        """What a cell's record is found by: equal where nothing that matters has changed."""
        case = job.operator.case(cell.case)
        # Once a run: a file that is edited meanwhile must not change the names of its cells.
        if job.declaration not in self._sources:
            self._sources[job.declaration] = registry.source_hash(job.declaration)
        source = self._sources[job.declaration]
        system = json.dumps(self.machine.describe(), sort_keys=True) + sys.prefix
        # The implementation's own name: two can share their sources.
        names = (job.operator.name, job.declaration.name, job.device, mode or self.mode)
        return cell_key(case, cell.pass_, cell.clock, source, system, self.profile, *names)

    def _job(self, job: Job, left: tuple[CellPlan, ...]) -> tuple[CellPlan, ...]:
        """Workers until every cell has a record: a death costs one cell, another worker goes on.

        The last of them is asked for the probes, too. Returns what the deadline came before.
        """
        flags = conduct.import_flags(registry.imported(job.declaration))
        probed: list[str] | None = None if self._probe(job) else []
        while left or probed is None:
            if self.late:
                return left
            folder = self.unfinished.scratch("worker")
            keys = {self.key(job, cell): cell.__dict__ for cell in left}
            (folder / "keys.json").write_text(json.dumps(keys), encoding="utf-8")
            records, death, written = self._worker(job, left, folder)
            flags += written
            if probed is None:
                probed = self.judging.probed(job, self._probe(job), folder, records)
            done = self._take_in(job, folder, records, left, written)
            left = tuple(cell for cell in left if cell not in done)
            if self.late and not death:
                continue
            if death:  # killed while it wrote, it may have left half a library
                shutil.rmtree(self._inductor(job), ignore_errors=True)
            death = death or {"status": "crashed", "reason": "ended early without a word"}
            if left:
                self.keep(job, left[0], conduct.outcome_with(death, written))
                left = left[1:]
            elif probed is None:
                probed = [f"does not survive its probes: {death['status']}, {death['reason']}"]
        self._keep_conduct(job, [*flags, *probed])
        return ()

    def _recover(self, job: Job, wanted: dict[str, CellPlan]) -> None:
        """Judge what a worker had journalled when its parent was interrupted or killed."""
        folder = self.unfinished.folder / "worker"
        file = folder / "keys.json"
        if file.exists() and set(json.loads(file.read_text(encoding="utf-8"))) & set(wanted):
            asked = tuple(wanted.values())
            self._take_in(job, folder, read_journal(folder / JOURNAL), asked, [])

    def _take_in(
        self,
        job: Job,
        folder: Path,
        records: list[dict],
        asked: tuple[CellPlan, ...],
        flags: list[str],
    ) -> set[CellPlan]:
        """Judge and keep the cells of a journal, then drop its folder; the cells it had."""
        faults = journal_faults(records, {(c.case, c.pass_, c.clock) for c in asked})
        if faults:
            # Whatever else it says may be forged, too.
            outcome = {"status": "error", "reason": "its journal is worth nothing"}
            for cell in asked:
                if self.key(job, cell) not in self.unfinished.done:
                    self.keep(job, cell, conduct.outcome_with(outcome, [*faults, *flags]))
            shutil.rmtree(folder)
            return set(asked)
        yardsticks: dict[tuple[str, str], dict[str, Rounds]] = {}
        cells: dict[CellPlan, dict] = {}
        started = 0.0
        for record in records:
            if record["kind"] == "yardstick" and "samples" in record:
                group = yardstick_group(job.operator.case(record["case"]))
                here = yardsticks.setdefault((group, record["clock"]), {})
                here[record["yardstick"]] = Rounds.of(record)
            elif record["kind"] == "yardstick" and record["status"] != "unsupported":
                what = f"{job.title} {record['case']}: yardstick {record['yardstick']}"
                self.notes.append(f"{what}: {record['reason']}")
            elif record["kind"] == "cell":
                if "arrived" in record:
                    record["watched"] = record["arrived"] - started
                cells[CellPlan(record["case"], record["pass"], record["clock"])] = record
            elif record["kind"] == "versions":
                self.versions |= {str(k): str(v) for k, v in record["versions"].items()}
            elif record["kind"] == "start":
                started = record.get("arrived", 0.0)
        for cell, record in cells.items():
            if self.key(job, cell) not in self.unfinished.done:
                judged = self.judging.outcome(job, cell, record, yardsticks, folder)
                self.unfinished.keep_answers(self.key(job, cell), judged.pop("answers", {}))
                self.keep(job, cell, conduct.outcome_with(judged, flags))
        shutil.rmtree(folder)
        return set(cells)

    def _probe(self, job: Job) -> str:
        """What the job's implementation is probed with; a compiler gets no shape but a case's.

        One that is declared wrong has nothing to prove, one that cannot run here nothing to show.
        """
        if not self.probing or job.declaration.known_error or job.declaration.unable(job.device):
            return ""
        if job.declaration.slow_compile and self.profile == "quick":
            return job.cells[0].case
        return ODD

    def _probed(self, job: Job) -> bool:
        return self._conduct_key(job) in self.unfinished.done

    def _conduct_key(self, job: Job) -> str:
        return self.key(job, job.cells[0], f"conduct in {self.mode}")

    def _keep_conduct(self, job: Job, flags: list[str]) -> None:
        """What holds of all the job's cells: an implementation that is right for them alone."""
        outcome = conduct.outcome_with({"status": "ok", "reason": ""}, flags)
        record = {
            "key": self._conduct_key(job),
            "operator": job.operator.name,
            "implementation": job.declaration.name,
            "case": "all cases",
            "pass": "",
            "mode": "conduct",
            "flags": flags,
            **outcome,
        }
        self.unfinished.add(record)
        self.progress.cell(record)

    def _worker(self, job: Job, cells: tuple[CellPlan, ...], folder: Path):
        """Run one worker to its end: its records, its death as an outcome or None, and flags.

        The flags are for whatever happened to the results meanwhile.
        """
        before, others = self._standing(), self.unfinished.others()
        worker = self.spawn(job, cells, folder, self.mode)
        records: list[dict] = []
        try:
            for record in worker.records():
                records.append(record)
                record["arrived"] = time.monotonic()
                others = others or self.unfinished.others()
                if record.get("kind") == "start":
                    what = record.get("yardstick") or record.get("pass")
                    self.progress.item(f"{job.title}: {record.get('case')} {what}")
                if self.late:
                    break
        finally:
            worker.stop()
        flags = conduct.folder_flags(before, self._standing(), others or self.unfinished.others())
        death = worker.death
        return records, death and {"status": death.status, "reason": death.reason}, flags

    def _standing(self) -> dict[str, tuple[int, ...]]:
        """The finished runs, and what is done of this one, as they are now."""
        mine = self.unfinished.judged.stat()
        return {
            **results.files(self.unfinished.root),
            "this run's own journal": (mine.st_ino, mine.st_size, mine.st_ctime_ns),
        }

    def spawn(self, job: Job, cells: tuple[CellPlan, ...], folder: Path, mode: Mode) -> Worker:
        """Start a worker on those cells of a job, its journal and outputs to go to the folder."""
        plan = Plan(
            operator=job.operator.name,
            implementation=job.declaration.name,
            device=job.device,
            mode=mode,
            budget=BUDGETS[self.profile],
            cells=cells,
            folder=str(folder),
            lines=JOURNAL,
            files=self.files,
            probe=self._probe(job) if mode != "memory" else "",
        )
        limit = self.memory_limit or int(0.8 * psutil.virtual_memory().total)
        # A compiler cache of the run's own: compile times are then those of a first compilation.
        own = {"TORCHINDUCTOR_CACHE_DIR": str(self._inductor(job))}
        base = MEMORY_ENVIRONMENT if mode == "memory" else ENVIRONMENT
        worker = Worker(
            plan, Limits(self.time_limit or ITEM_SECONDS[self.profile], limit), {**base, **own}
        )
        worker.start()
        return worker

    def _inductor(self, job: Job) -> Path:
        """Where the workers of a job keep what torch's compiler made."""
        return self.unfinished.folder / "inductor" / f"{job.operator.name}-{job.declaration.name}"

    def keep(self, job: Job, cell: CellPlan, outcome: dict, mode: str = "") -> None:
        """Make a cell's record of its outcome, and store it."""
        case = job.operator.case(cell.case)
        record = {
            "key": self.key(job, cell, mode),
            "operator": job.operator.name,
            "implementation": job.declaration.name,
            "framework": job.declaration.framework,
            "case": cell.case,
            "pass": cell.pass_,
            "device": job.device,
            "dtype": case.dtype,
            "clock": cell.clock,
            "mode": mode or self.mode,
            "known_error": job.declaration.known_error,
            "metrics": {},
            "samples": [],
            **outcome,
        }
        self.unfinished.add(record)
        self.progress.cell(record)


def run_name(profile: str) -> str:
    """A run's folder: when it ended (UTC), and its profile."""
    now = datetime.datetime.now(datetime.UTC)
    return f"{now:%Y%m%dT%H%M%S}-{profile}-{os.getpid()}"


def _flagged(record: dict, flags: dict[tuple[str, str], list[str]]) -> dict:
    """A cell that is right is flagged with what its implementation did elsewhere."""
    more = flags[record["operator"], record["implementation"]]
    if record["status"] not in ("ok", "flagged"):
        return record
    return conduct.outcome_with(record, more)
