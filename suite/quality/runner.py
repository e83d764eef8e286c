"""Parent process: workers for every implementation and operator, their numbers judged and kept.

Nothing here is timed, so as many workers run at once as there are cores for. Every setting and
every descent ends as a record; a crash, a hang or an exception costs one.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import shutil
import sys
import threading
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import psutil

from suite import registry
from suite.judge import gradients
from suite.machine import Machine
from suite.operators.base import Operator, Profile
from suite.process import Limits, Worker
from suite.quality.descents import Descent
from suite.quality.plan import QualityPlan
from suite.quality.settings import POPULATIONS, Scale, Setting, source_of
from suite.quality.verdicts import of_descent, of_gradients, read_arrays
from suite.registry import Declaration
from suite.runner import ENVIRONMENT, ITEM_SECONDS, Progress
from suite.sources import behind, hash_of
from suite.unfinished import Unfinished

JOURNAL = "journal.jsonl"
# Nothing here is timed, and half of what jax takes is compilation: what users set goes first.
LESS_COMPILATION = "--xla_backend_optimization_level=1"
MODULE = "suite.quality.worker"
MEASURING = (
    "batches", "descents", "objectives", "problems", "settings", "targets", "verdicts"
)  # fmt: skip
"""Files of this folder that numbers depend on."""

ALONE = "numpy"
"""Stands for the implementation of descents that need no operator."""

Item = Setting | Descent


@dataclass(frozen=True)
class QualityJob:
    """One worker's share; without a declaration, descents that NumPy alone does in the parent."""

    declaration: Declaration | None
    operator: Operator | None
    device: str
    items: tuple[Item, ...]

    @property
    def title(self) -> str:
        if self.declaration is None or self.operator is None:
            return "descents of numpy alone"
        return f"{self.operator.name} / {self.declaration.name}"


@dataclass
class QualityRunner:
    """Runs jobs on a machine and keeps their records in an unfinished run.

    time_limit: seconds an item may take, else the profile's. memory_limit: bytes all workers may
    hold together, else four fifths of the machine's.
    """

    machine: Machine
    unfinished: Unfinished
    profile: Profile
    scale: Scale
    progress: Progress
    files: tuple[str, ...] = ()
    populations: str = POPULATIONS
    time_limit: float = 0.0
    memory_limit: int = 0
    versions: dict[str, str] = field(default_factory=dict)
    _stopping: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _truths: dict = field(default_factory=dict)
    _sources: dict[object, str] = field(default_factory=dict)

    def run(self, jobs: Iterable[QualityJob]) -> list[dict]:
        """Measure and judge what is not done yet; all records of the jobs, in their order."""
        jobs = tuple(jobs)
        keys = [[self._key(job, item) for item in job.items] for job in jobs]
        workers = 1 if self.machine.gpus else min(self.machine.cores, 8)
        with ThreadPoolExecutor(workers) as pool:
            try:
                tasks = [pool.submit(self._job, *each, workers)
                         for each in zip(range(len(jobs)), jobs, keys, strict=True)]  # fmt: skip
                for task in tasks:
                    task.result()
            except BaseException:
                self._stopping = True
                pool.shutdown(cancel_futures=True)
                raise
        return [self.unfinished.done[key] for job in keys for key in job]

    def _key(self, job: QualityJob, item: Item) -> str:
        """Identity of a record: what it is, the sources behind it, and the system."""
        system = json.dumps(self.machine.describe(), sort_keys=True) + sys.prefix
        stated = item.population if isinstance(item, Setting) else None
        parts = [job.title, item.name, job.device, repr(dataclasses.asdict(self.scale)), system]
        parts += [self._source(job.declaration), self._source(stated), self._source(None)]
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:24]

    def _source(self, of: object) -> str:
        """Once a run: a file that is edited meanwhile must not change the names of records."""
        known = id(of)
        if known not in self._sources:
            if isinstance(of, Declaration):
                self._sources[known] = registry.source_hash(of)
            elif of is None:
                house = [Path(__file__).with_name(f"{name}.py") for name in MEASURING]
                self._sources[known] = hash_of(behind([*house, Path(gradients.__file__)]))
            else:
                self._sources[known] = source_of(of)  # type: ignore[arg-type]
        return self._sources[known]

    def _job(self, number: int, job: QualityJob, keys: list[str], workers: int) -> None:
        """Workers until every item has a record: a death costs one item, another goes on.

        What ran out of time is tried once more: the machine may have stood still.
        """
        wanted = dict(zip(keys, job.items, strict=True))
        todo = [item for key, item in wanted.items() if key not in self.unfinished.done]
        left = {item.name: item for item in sorted(todo, key=draws)}
        if self._stopping or not left:
            return
        self.progress.job(job.title, 0)
        late: set[str] = set()
        if job.declaration is None:
            self._alone(job, left)
        while left and not self._stopping:
            folder = self.unfinished.scratch(f"worker-{number}")
            death = self._worker(job, left, folder, workers)
            shutil.rmtree(folder)
            if left and not self._stopping:
                outcome = death or {"status": "crashed", "reason": "ended early without a word"}
                name = next(iter(left))
                if outcome["status"] == "timeout" and name not in late:
                    late.add(name)
                else:
                    self._keep(job, left.pop(name), outcome)

    def _alone(self, job: QualityJob, left: dict[str, Item]) -> None:
        while left and not self._stopping:
            item = left.pop(next(iter(left)))
            assert isinstance(item, Descent)
            self.progress.item(f"{job.title}: {item.name}")
            with np.errstate(all="ignore"):
                found = item.arrays(_nothing, self.scale.descents, self.scale.steps)
            self._keep(job, item, of_descent(item, found))

    def _worker(self, job: QualityJob, left: dict[str, Item], folder: Path, workers: int):
        """One worker to its end, each item taken out of ``left``; its death as an outcome."""
        assert job.declaration is not None and job.operator is not None
        plan = QualityPlan(
            operator=job.operator.name,
            implementation=job.declaration.name,
            device=job.device,
            scale=self.scale,
            settings=tuple(n for n, item in left.items() if isinstance(item, Setting)),
            descents=tuple(n for n, item in left.items() if isinstance(item, Descent)),
            populations=self.populations,
            folder=str(folder),
            lines=JOURNAL,
            files=self.files,
        )
        limit = self.memory_limit or int(0.8 * psutil.virtual_memory().total)
        limits = Limits(self.time_limit or ITEM_SECONDS[self.profile], limit // workers)
        threads = str(max(1, self.machine.cores // workers))
        flags = os.environ.get("XLA_FLAGS", LESS_COMPILATION)
        environment = {**ENVIRONMENT, "OMP_NUM_THREADS": threads, "XLA_FLAGS": flags}
        worker = Worker(plan, limits, environment, MODULE)
        worker.start()
        try:
            for record in worker.records():
                if self._stopping:
                    return None
                if record["kind"] == "versions":
                    self.versions |= record["versions"]
                elif record["kind"] == "start":
                    self.progress.item(f"{job.title}: {record['item']}")
                else:
                    item = left.pop(record["item"])
                    self._keep(job, item, self._judged(item, record, folder))
        finally:
            worker.stop()
        death = worker.death
        return death and {"status": death.status, "reason": death.reason}

    def _judged(self, item: Item, record: dict, folder: Path) -> dict:
        """A worker's record with statistics in place of the file of arrays."""
        if record["status"] != "measured":
            return {"status": record["status"], "reason": record["reason"]}
        path = folder / record["outputs"]
        found = read_arrays(path)
        path.unlink()
        with np.errstate(all="ignore"):
            if isinstance(item, Setting):
                truths = self._truths.setdefault(item.population.operator, {})
                return of_gradients(item, found, truths)
            return of_descent(item, found)

    def _keep(self, job: QualityJob, item: Item, outcome: dict) -> None:
        declaration, operator = job.declaration, job.operator
        record = {
            "key": self._key(job, item),
            "operator": operator.name if operator else "",
            "implementation": declaration.name if declaration else ALONE,
            "framework": declaration.framework if declaration else ALONE,
            "device": job.device,
            "dtype": dtype_of(declaration),
            "case": item.name,
            "pass": "gradient" if isinstance(item, Setting) else "descent",
            "mode": "quality",
            "rows": [],
            **outcome,
        }
        with self._lock:
            self.unfinished.add(record)
            self.progress.cell(record)


def draws(item: Item) -> tuple[bool, str, int]:
    """Settings of the same draws are neighbours in a worker, which keeps them; then descents."""
    if isinstance(item, Descent):
        return True, "", 0
    return False, item.population.name, item.samples


def dtype_of(declaration: Declaration | None) -> str:
    """float32, in which people train, where the implementation computes in it."""
    if declaration is None:
        return "float64"
    return "float32" if "float32" in declaration.dtypes else declaration.dtypes[0]


def _nothing(*arguments: object) -> tuple[np.ndarray, np.ndarray]:
    raise TypeError("this descent needs no operator")
