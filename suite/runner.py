"""Parent process: schedules workers one after another, judges what they leave, keeps every cell.

Nothing of the judging overlaps with a worker's timing: a job's cells are judged when its worker has
ended. Every cell ends as a record, whatever becomes of its worker.
"""

from __future__ import annotations

import datetime
import json
import os
import shutil
import sys
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import psutil

from suite import registry, results
from suite.judge import conduct
from suite.judge.correctness import Judgement, judge
from suite.judge.journal import journal_faults, rounds_flags
from suite.judge.probed import Wanted, answer_flags
from suite.judge.references import References
from suite.machine import Machine
from suite.operators.base import Profile
from suite.outputs import read_arrays, read_journal, read_kept
from suite.probes import ODD, planned
from suite.process import Limits, Worker
from suite.registry import Declaration
from suite.selection import Job
from suite.timing.metrics import metrics
from suite.timing.plan import BUDGETS, CellPlan, Mode, Plan, yardstick_group
from suite.unfinished import Unfinished, cell_key

ENVIRONMENT = {"JAX_ENABLE_X64": "1", "XLA_PYTHON_CLIENT_PREALLOCATE": "false"}
# So that every large array is mapped and given back, and resident memory means what is in use.
MEMORY_ENVIRONMENT = {**ENVIRONMENT, "MALLOC_MMAP_THRESHOLD_": "65536"}
ITEM_SECONDS = {"quick": 120.0, "full": 900.0}
JOURNAL = "journal.jsonl"
CLOCK_SLACK = 0.5


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
    hold, else four fifths of the machine's.
    """

    machine: Machine
    unfinished: Unfinished
    profile: Profile
    mode: Mode
    progress: Progress
    files: tuple[str, ...] = ()
    time_limit: float = 0.0
    memory_limit: int = 0
    references: References = field(default_factory=References)
    wanted: Wanted = field(default_factory=Wanted)
    versions: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    _stopping: bool = False
    _sources: dict[Declaration, str] = field(default_factory=dict)

    def run(self, jobs: Iterable[Job]) -> list[dict]:
        """Measure and judge what is not done yet; all records of the jobs, in their order."""
        jobs = tuple(jobs)
        keys: list[str] = []
        for job in jobs:
            wanted = {self._key(job, cell): cell for cell in job.cells}
            keys += wanted
            self._recover(job, wanted)
            left = tuple(c for key, c in wanted.items() if key not in self.unfinished.done)
            self.progress.job(job.title, len(job.cells) - len(left))
            if left or self._conduct_key(job) not in self.unfinished.done:
                self._job(job, left)
        if self.mode == "time":
            keys += self._memory(jobs)
        flags = {job.names: self.unfinished.done[self._conduct_key(job)]["flags"] for job in jobs}
        return [_flagged(self.unfinished.done[key], flags) for key in keys]

    def _key(self, job: Job, cell: CellPlan, mode: str = "") -> str:
        case = job.operator.case(cell.case)
        # Once a run: a file that is edited meanwhile must not change the names of its cells.
        if job.declaration not in self._sources:
            self._sources[job.declaration] = registry.source_hash(job.declaration)
        source = self._sources[job.declaration]
        system = json.dumps(self.machine.describe(), sort_keys=True) + sys.prefix
        # The implementation's own name: two can share their sources.
        names = (job.operator.name, job.declaration.name, job.device, mode or self.mode)
        return cell_key(case, cell.pass_, cell.clock, source, system, self.profile, *names)

    def _job(self, job: Job, left: tuple[CellPlan, ...]) -> None:
        """Workers until every cell has a record: a death costs one cell, another worker goes on.

        The last of them is asked for the probes, too.
        """
        flags = conduct.import_flags(registry.imported(job.declaration))
        probed: list[str] | None = None if self._probe(job) else []
        while left or probed is None:
            folder = self.unfinished.scratch("worker")
            keys = {self._key(job, cell): cell.__dict__ for cell in left}
            (folder / "keys.json").write_text(json.dumps(keys), encoding="utf-8")
            records, death, written = self._worker(job, left, folder)
            flags += written
            if probed is None:
                probed = self._probed(job, folder, records)
            done = self._take_in(job, folder, records, left, written)
            left = tuple(cell for cell in left if cell not in done)
            if death:  # killed while it wrote, it may have left half a library
                shutil.rmtree(self._inductor(job), ignore_errors=True)
            death = death or {"status": "crashed", "reason": "ended early without a word"}
            if left:
                self._keep(job, left[0], conduct.outcome_with(death, written))
                left = left[1:]
            elif probed is None:
                probed = [f"does not survive its probes: {death['status']}, {death['reason']}"]
        self._keep_conduct(job, [*flags, *probed])

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
                if self._key(job, cell) not in self.unfinished.done:
                    self._keep(job, cell, conduct.outcome_with(outcome, [*faults, *flags]))
            shutil.rmtree(folder)
            return set(asked)
        yardsticks: dict[tuple[str, str], dict[str, list[float]]] = {}
        cells: dict[CellPlan, dict] = {}
        started = 0.0
        for record in records:
            if record["kind"] == "yardstick" and "samples" in record:
                group = yardstick_group(job.operator.case(record["case"]))
                here = yardsticks.setdefault((group, record["clock"]), {})
                here[record["yardstick"]] = record["samples"]
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
            if self._key(job, cell) not in self.unfinished.done:
                outcome = self._judged(job, cell, record, yardsticks, folder)
                self._keep(job, cell, conduct.outcome_with(outcome, flags))
        shutil.rmtree(folder)
        return set(cells)

    def _probed(self, job: Job, folder: Path, records: list[dict]) -> list[str] | None:
        """Flags from a worker's answers to the probes; None when it gave none."""
        found = [record for record in records if record.get("kind") == "probe"]
        if not found:
            return None
        if job.declaration.missing():
            return []  # as every cell says, with the reason
        if len(found) > 1 or found[0].get("status") != "measured":
            return [f"cannot be probed: {found[0].get('reason')}"]
        try:
            return self._probe_flags(job, folder, found[0])
        except Exception as error:  # what a worker left may be anything
            return [f"leaves answers to its probes that cannot be read: {error!r}"[:300]]

    def _probe_flags(self, job: Job, folder: Path, record: dict) -> list[str]:
        """The judge's flags, and the worker's own evidence, of all probes."""
        flags = conduct.evidence_flags(record["conduct"])
        arrays = read_arrays(folder / record["outputs"])
        said, raised = job.declaration, record["raised"]
        probes = planned(job.operator, said.dtypes, said.framework, self._probe(job))
        for number, reason in raised.items():
            if number.endswith("unsupported"):
                self.notes.append(f"{job.title}: a probe was not taken: {reason}")
        exact = job.device == "cpu"
        return flags + answer_flags(job.operator, probes, arrays, raised, self.wanted, exact)

    def _probe(self, job: Job) -> str:
        """What the job's implementation is probed with; a compiler gets no shape but a case's.

        One that is declared wrong has nothing to prove, one that misses a package nothing to show.
        """
        if job.declaration.known_error or job.declaration.missing():
            return ""
        if job.declaration.slow_compile and self.profile == "quick":
            return job.cells[0].case
        return ODD

    def _conduct_key(self, job: Job) -> str:
        return self._key(job, job.cells[0], f"conduct in {self.mode}")

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
        worker = self._spawn(job, cells, folder, self.mode)
        records: list[dict] = []
        try:
            for record in worker.records():
                records.append(record)
                record["arrived"] = time.monotonic()
                others = others or self.unfinished.others()
                if record.get("kind") == "start":
                    what = record.get("yardstick") or record.get("pass")
                    self.progress.item(f"{job.title}: {record.get('case')} {what}")
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

    def _spawn(self, job: Job, cells: tuple[CellPlan, ...], folder: Path, mode: Mode) -> Worker:
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

    def _judged(self, job: Job, cell: CellPlan, record: dict, yardsticks: dict, folder: Path):
        """A worker's record with the judge's verdict and the metrics in place of the outputs."""
        if record["status"] != "measured":
            return {"status": record["status"], "reason": record["reason"]}
        try:
            outcome = self._verdict(job, cell, record, yardsticks, folder)
        except Exception as error:  # what a worker left may be anything
            text = f"leaves what cannot be judged: {type(error).__name__}: {error}"
            return {"status": "error", "reason": text[:300]}
        return conduct.outcome_with(outcome, conduct.cell_flags(record))

    def _verdict(self, job: Job, cell: CellPlan, record: dict, yardsticks: dict, folder: Path):
        """Right or wrong, and how fast."""
        if (claimed := sum(record["samples"])) > record.get("watched", claimed) + CLOCK_SLACK:
            reason = f"its clock says {claimed:.3g} s where {record['watched']:.3g} s went by"
            return {"status": "error", "reason": reason}
        case = job.operator.case(cell.case)
        kept, digest = read_kept(folder / record["outputs"])
        names = ("output", *case.wrt) if cell.pass_ == "forward+backward" else ("output",)
        left_out = rounds_flags({(k.round, k.name) for k in kept}, len(record["samples"]), names)
        judgement = judge(job.operator, case, kept, self.references.of(job.operator, case))
        judgement = _right_dtypes(judgement, record["dtypes"], case.dtype)
        found = {"value_error": judgement.value_error, "digest": digest}
        if judgement.gradient_error is not None:
            found["gradient_error"] = judgement.gradient_error
        if self.mode == "time":
            cost = job.operator.cost(case, cell.pass_)
            sticks = yardsticks.get((yardstick_group(case), cell.clock), {})
            compiles = record["compilation"] or job.declaration.framework == "jax"
            first_call = record["first_call"] if compiles else None
            found |= metrics(record["samples"], cost, case, sticks, first_call)
            found |= {"threads": record["threads"], **record["compilation"]}
        samples = record["samples"] if self.mode == "time" else []
        verdict = {"status": judgement.verdict, "reason": judgement.reason}
        outcome = {**_declared(verdict, job), "metrics": found, "samples": samples}
        return conduct.outcome_with(outcome, left_out)

    def _keep(self, job: Job, cell: CellPlan, outcome: dict, mode: str = "") -> None:
        case = job.operator.case(cell.case)
        record = {
            "key": self._key(job, cell, mode),
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

    def _memory(self, jobs: tuple[Job, ...]) -> list[str]:
        """Peak memory, a fresh process a cell; untimed, so two at once where there are cores."""
        todo = [(job, cell) for job in jobs for cell in job.memory if self._worked(job, cell)]
        keys = [self._key(job, cell, "memory") for job, cell in todo]
        before, others = results.files(self.unfinished.root), self.unfinished.others()
        left = [
            (job, cell, self.unfinished.scratch(f"memory-{number}"))
            for number, ((job, cell), key) in enumerate(zip(todo, keys, strict=True))
            if key not in self.unfinished.done
        ]
        self.progress.job("peak memory", len(keys) - len(left))
        workers = 2 if self.machine.cores > 1 and not self.machine.gpus else 1
        with ThreadPoolExecutor(workers) as pool:
            try:
                tasks = [(job, cell, pool.submit(self._one_memory, job, cell, folder))
                         for job, cell, folder in left]  # fmt: skip
                for job, cell, task in tasks:
                    others = others or self.unfinished.others()
                    self._keep(job, cell, task.result(), "memory")
            except BaseException:
                self._stopping = True
                pool.shutdown(cancel_futures=True)
                raise
        others = others or self.unfinished.others()
        written = conduct.folder_flags(before, results.files(self.unfinished.root), others)
        self.faults += [f"while memory was measured, an implementation {text}" for text in written]
        return keys

    def _one_memory(self, job: Job, cell: CellPlan, folder: Path) -> dict:
        self.progress.item(f"{job.title}: {cell.case} peak memory")
        worker = self._spawn(job, (cell,), folder, "memory")
        outcome: dict[str, Any] = {"status": "crashed", "reason": "ended early without a word"}
        try:
            for record in worker.records():
                if self._stopping:
                    break
                if record["kind"] == "memory":
                    outcome = {"status": record["status"], "reason": record.get("reason", "")}
                    if (peak := record.get("peak_memory")) is not None:
                        outcome["metrics"] = {"peak_memory": peak}
        finally:
            worker.stop()
        if worker.death is not None:
            outcome = {"status": worker.death.status, "reason": worker.death.reason}
        if outcome["status"] == "measured":
            outcome |= self._status_of(job, cell)
        return outcome

    def _status_of(self, job: Job, cell: CellPlan) -> dict:
        """The verdict of the timed cell: memory alone proves nothing right."""
        done = self.unfinished.done.get(self._key(job, cell), {})
        return {"status": done.get("status", "ok"), "reason": done.get("reason", "")}

    def _worked(self, job: Job, cell: CellPlan) -> bool:
        """Memory is measured of what ran: a case that could not is in the run already."""
        done = self.unfinished.done.get(self._key(job, cell))
        return done is not None and done["status"] in ("ok", "wrong", "nan", "flagged")


def run_name(profile: str) -> str:
    """A run's folder: when it ended (UTC), and its profile."""
    now = datetime.datetime.now(datetime.UTC)
    return f"{now:%Y%m%dT%H%M%S}-{profile}-{os.getpid()}"


def _right_dtypes(judgement: Judgement, dtypes: dict[str, str], dtype: str) -> Judgement:
    """Outputs and gradients come in the input's dtype; anything else is wrong."""
    for name, got in dtypes.items():
        if got != dtype:
            text = f"{name} has dtype {got}, expected {dtype}"
            return Judgement("wrong", {**judgement.errors, name: np.inf}, text)
    return judgement


def _flagged(record: dict, flags: dict[tuple[str, str], list[str]]) -> dict:
    """A cell that is right is flagged with what its implementation did elsewhere."""
    more = flags[record["operator"], record["implementation"]]
    if record["status"] not in ("ok", "flagged"):
        return record
    return conduct.outcome_with(record, more)


def _declared(verdict: dict, job: Job) -> dict:
    """A known error is wrong whatever one case shows; ``shows`` tells whether this one does."""
    entry = job.declaration.known_error
    if not entry:
        return verdict
    shows = verdict["status"] != "ok"
    reason = verdict["reason"] if shows else "does not show in this case"
    return {"status": "wrong", "reason": f"known error {entry}: {reason}", "shows": shows}
