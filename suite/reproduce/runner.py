"""Parent process: workers for every implementation of every source, their records kept.

As many workers run at once as there are cores for; what measures time runs by itself at the end.
A crash, a hang or an exception costs one trial.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from suite import registry, reproduce
from suite.machine import Machine
from suite.process import Limits, Worker
from suite.reproduce.claims import Trial
from suite.reproduce.jobs import Asked, Job
from suite.reproduce.plan import ReproducePlan
from suite.runner import ENVIRONMENT, Progress
from suite.sources import behind, hash_of
from suite.unfinished import Unfinished

JOURNAL = "journal.jsonl"
MODULE = "suite.reproduce.worker"
TRIAL_SECONDS = 900.0
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
"""Sums in one order whatever the number of cores."""

Share = tuple[str, Trial]


@dataclass
class ReproduceRunner:
    """Runs jobs on a machine and keeps their records in an unfinished run."""

    machine: Machine
    unfinished: Unfinished
    asked: Asked
    progress: Progress
    time_limit: float = TRIAL_SECONDS
    _stopping: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _workers: dict[int, Worker] = field(default_factory=dict)
    _hashes: dict[tuple[str, str, str], str] = field(default_factory=dict)

    def run(self, jobs: Sequence[Job]) -> list[dict]:
        """Run what is not done yet; all records of the jobs, in their order."""
        keys = [[self._key(job, *share) for share in job.trials] for job in jobs]
        every = list(zip(range(len(jobs)), jobs, keys, strict=True))
        together = [each for each in every if not each[1].alone]
        alone = [each for each in every if each[1].alone]
        try:
            for tasks, workers in ((together, min(self.machine.cores, 8)), (alone, 1)):
                self._at_once(tasks, workers)
        except BaseException:
            self._stop()
            raise
        return [self.unfinished.done[key] for job in keys for key in job]

    def _at_once(self, tasks: list, workers: int) -> None:
        with ThreadPoolExecutor(max(1, workers)) as pool:
            futures = [pool.submit(self._job, *task) for task in tasks]
            try:
                for future in futures:
                    future.result()
            except BaseException:
                self._stop()
                pool.shutdown(cancel_futures=True)
                raise

    def _stop(self) -> None:
        """Kill the workers, so that an interrupted command ends at once."""
        self._stopping = True
        for worker in list(self._workers.values()):
            worker.stop()

    def _key(self, job: Job, experiment: str, trial: Trial) -> str:
        """Identity of a record: what it is, the sources behind it, and the system."""
        system = json.dumps(self.machine.describe(), sort_keys=True) + sys.prefix
        subject = reproduce.get(job.source).experiment(experiment)
        parts = [job.source, experiment, repr(trial), system]
        parts.append(self._hash(job.source, subject.operator, job.implementation))
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:24]

    def _hash(self, source: str, operator: str, implementation: str) -> str:
        """Once a run: a file that is edited meanwhile must not change the names of records."""
        known = (source, operator, implementation)
        if known not in self._hashes:
            found = hash_of(behind([reproduce.source_file(source)]))
            if (operator, implementation) in self.asked.declared:
                found += registry.source_hash(self.asked.declared[operator, implementation])
            self._hashes[known] = found
        return self._hashes[known]

    def _job(self, number: int, job: Job, keys: list[str]) -> None:
        """Workers until every trial has a record: a death costs one, another goes on."""
        wanted = dict(zip(keys, job.trials, strict=True))
        left = {key: share for key, share in wanted.items() if key not in self.unfinished.done}
        self._without_implementation(job, left)
        if left and not self._stopping:
            self.progress.job(job.title, 0)
        while left and not self._stopping:
            folder = self.unfinished.scratch(f"worker-{number}")
            death = self._worker(number, job, left, folder)
            shutil.rmtree(folder)
            if left and not self._stopping:
                key = next(iter(left))
                outcome = death or {"status": "crashed", "reason": "ended early without a word"}
                self._keep(job, key, left.pop(key), outcome)

    def _without_implementation(self, job: Job, left: dict[str, Share]) -> None:
        source = reproduce.get(job.source)
        for key, share in list(left.items()):
            reason = self.asked.absent(source.experiment(share[0]), job.implementation)
            if reason:
                self._keep(job, key, left.pop(key), {"status": "unsupported", "reason": reason})

    def _worker(self, number: int, job: Job, left: dict[str, Share], folder: Path) -> dict | None:
        """One worker to its end, each trial taken out of ``left``; its death as an outcome."""
        trials = tuple((experiment, trial.start) for experiment, trial in left.values())
        plan = ReproducePlan(
            job.source, job.implementation, trials, self.asked.quick, str(folder), JOURNAL
        )
        memory = int(0.8 * psutil.virtual_memory().total) // (1 if job.alone else 2)
        limits = Limits(self.time_limit, memory)
        worker = Worker(plan, limits, {**ENVIRONMENT, **ONE_THREAD}, MODULE)
        keys = {(experiment, trial.start): key for key, (experiment, trial) in left.items()}
        with self._lock:
            if self._stopping:
                return None
            worker.start()
            self._workers[number] = worker
        try:
            for record in worker.records():
                if self._stopping:
                    return None
                what = tuple(record.get("item", ()))
                if record["kind"] == "start":
                    self.progress.item(f"{job.title}: {' '.join(what)}")
                elif record["kind"] == "item":
                    self._keep(job, keys[what], left.pop(keys[what]), record)
        finally:
            worker.stop()
            with self._lock:
                del self._workers[number]
        death = worker.death
        return {"status": death.status, "reason": death.reason} if death else None

    def _keep(self, job: Job, key: str, share: Share, outcome: dict) -> None:
        experiment, trial = share
        record = {
            "key": key,
            "source": job.source,
            "experiment": experiment,
            "implementation": job.implementation,
            "start": trial.start,
            "operator": job.source,
            "case": experiment,
            "pass": trial.start,
            "mode": "reproduce",
            "status": outcome["status"],
            "reason": outcome["reason"],
            "numbers": outcome.get("numbers", {}),
            "curves": outcome.get("curves", {}),
        }
        with self._lock:
            self.unfinished.add(record)
            self.progress.cell(record)
