"""Peak memory of the cells that ran: a fresh process each and an untimed pass."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from suite import results
from suite.judge import conduct
from suite.selection import Job
from suite.timing.plan import CellPlan

if TYPE_CHECKING:
    from suite.runner import Runner


class PeakMemory:
    """Measures for a runner, which has timed its cells already."""

    def __init__(self, runner: Runner) -> None:
        self.runner, self.unfinished = runner, runner.unfinished
        self._stopping = False

    def measure(self, jobs: tuple[Job, ...]) -> list[str]:
        """Keep a record of every job's memory cells; the keys of those that were measured.

        Nothing is timed, so two run at once where there are cores.
        """
        runner = self.runner
        todo = [(job, cell) for job in jobs for cell in job.memory if self._worked(job, cell)]
        keys = [runner.key(job, cell, "memory") for job, cell in todo]
        before, others = results.files(self.unfinished.root), self.unfinished.others()
        left = [
            (job, cell, self.unfinished.scratch(f"memory-{number}"))
            for number, ((job, cell), key) in enumerate(zip(todo, keys, strict=True))
            if key not in self.unfinished.done
        ]
        runner.progress.job("peak memory", len(keys) - len(left))
        workers = 2 if runner.machine.cores > 1 and not runner.machine.gpus else 1
        with ThreadPoolExecutor(workers) as pool:
            try:
                tasks = [(job, cell, pool.submit(self._one, job, cell, folder))
                         for job, cell, folder in left]  # fmt: skip
                for job, cell, task in tasks:
                    others = others or self.unfinished.others()
                    if (outcome := task.result()) is not None:
                        runner.keep(job, cell, outcome, "memory")
                    else:
                        runner.left_out.append(f"peak memory of {job.title} {cell.case}")
            except BaseException:
                self._stopping = True
                pool.shutdown(cancel_futures=True)
                raise
        others = others or self.unfinished.others()
        written = conduct.folder_flags(before, results.files(self.unfinished.root), others)
        runner.faults += [f"while memory was measured, an implementation {it}" for it in written]
        return [key for key in keys if key in self.unfinished.done]

    def _one(self, job: Job, cell: CellPlan, folder: Path) -> dict[str, Any] | None:
        """The outcome of one measurement; None when there is no time for it."""
        if self.runner.late:
            return None
        self.runner.progress.item(f"{job.title}: {cell.case} peak memory")
        worker = self.runner.spawn(job, (cell,), folder, "memory")
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

    def _status_of(self, job: Job, cell: CellPlan) -> dict[str, str]:
        """The verdict of the timed cell: memory alone proves nothing right."""
        done = self.unfinished.done.get(self.runner.key(job, cell), {})
        return {"status": done.get("status", "ok"), "reason": done.get("reason", "")}

    def _worked(self, job: Job, cell: CellPlan) -> bool:
        """Memory is measured of what ran: a case that could not is in the run already."""
        done = self.unfinished.done.get(self.runner.key(job, cell))
        return done is not None and done["status"] in ("ok", "wrong", "nan", "flagged")
