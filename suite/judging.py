"""What a worker left of a job, brought before the judge: cells become outcomes, answers flags."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from suite.answers import of_round_0
from suite.judge import conduct
from suite.judge.correctness import Judgement, judge
from suite.judge.journal import rounds_flags
from suite.judge.probed import Wanted, answer_flags
from suite.judge.references import References
from suite.outputs import read_arrays, read_kept
from suite.probes import planned
from suite.selection import Job
from suite.timing.metrics import XLA_COST, Rounds, metrics, undisturbed
from suite.timing.plan import CellPlan, Mode, yardstick_group

CLOCK_SLACK = 0.5
"""Seconds by which the samples of a cell may exceed what its parent saw go by."""

ROUTE = 100
"""Characters that a worker may say of the way it took."""

Yardsticks = Mapping[tuple[str, str], Mapping[str, Rounds]]
"""Seconds a round by yardstick, by group of cases and clock."""


@dataclass
class Judging:
    """Judges what workers leave; trusts nothing of it. notes: what a reader of the run should know.

    mode: "time" gives outcomes the metrics of speed, too. answers: whether they get a cell's
    answers to the first base input, too.
    """

    mode: Mode
    answers: bool = False
    references: References = field(default_factory=References)
    wanted: Wanted = field(default_factory=Wanted)
    notes: list[str] = field(default_factory=list)

    def outcome(
        self, job: Job, cell: CellPlan, record: dict, yardsticks: Yardsticks, folder: Path
    ) -> dict[str, Any]:
        """A worker's record with the judge's verdict and the metrics in place of the outputs."""
        if record["status"] != "measured":
            return {"status": record["status"], "reason": record["reason"]}
        try:
            outcome = self._verdict(job, cell, record, yardsticks, folder)
        except Exception as error:  # what a worker left may be anything
            text = f"leaves what cannot be judged: {type(error).__name__}: {error}"
            return {"status": "error", "reason": text[:300]}
        return conduct.outcome_with(outcome, conduct.cell_flags(record))

    def _verdict(
        self, job: Job, cell: CellPlan, record: dict, yardsticks: Yardsticks, folder: Path
    ) -> dict[str, Any]:
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
            compiles = compiles and cell.clock != "graph"  # all was compiled before the capture
            first_call = record["first_call"] if compiles else None
            rounds = Rounds.of(record)
            found |= metrics(rounds, cost, case, sticks, first_call)
            if job.device == "cpu" and record["threads"] == 1:
                found |= undisturbed(rounds, sticks)
            found |= {"threads": record["threads"], **record["compilation"]}
            cost_said = record.get("compiled_cost", {})
            found |= {name: float(cost_said[name]) for name in XLA_COST if name in cost_said}
        samples = record["samples"] if self.mode == "time" else []
        verdict = {"status": judgement.verdict, "reason": judgement.reason}
        outcome = {**_declared(verdict, job), "metrics": found, "samples": samples}
        outcome["route"] = str(record.get("route", ""))[:ROUTE]
        if self.answers:
            outcome["answers"] = of_round_0(case, kept)
        return conduct.outcome_with(outcome, left_out)

    def probed(self, job: Job, probe: str, folder: Path, records: list[dict]) -> list[str] | None:
        """Flags from a worker's answers to the probes of that name; None when it gave none."""
        found = [record for record in records if record.get("kind") == "probe"]
        if not found:
            return None
        if all(record.get("status") == "unsupported" for record in _answers(records)):
            return []  # as every cell says, with the reason
        if len(found) > 1 or found[0].get("status") != "measured":
            return [f"cannot be probed: {found[0].get('reason')}"]
        try:
            return self._probe_flags(job, probe, folder, found[0])
        except Exception as error:  # what a worker left may be anything
            return [f"leaves answers to its probes that cannot be read: {error!r}"[:300]]

    def _probe_flags(self, job: Job, probe: str, folder: Path, record: dict) -> list[str]:
        """The judge's flags, and the worker's own evidence, of all probes."""
        flags = conduct.evidence_flags(record["conduct"])
        arrays = read_arrays(folder / record["outputs"])
        said, raised = job.declaration, record["raised"]
        probes = planned(job.operator, said.dtypes, said.framework, probe)
        for number, reason in raised.items():
            if number.endswith("unsupported"):
                self.notes.append(f"{job.title}: a probe was not taken: {reason}")
        exact = job.device == "cpu"
        return flags + answer_flags(job.operator, probes, arrays, raised, self.wanted, exact)


def _answers(records: list[dict]) -> list[dict]:
    """The records of cells and probes; of probes alone, a cell that stands for none."""
    answers = [record for record in records if record.get("kind") in ("cell", "probe")]
    return answers if any(r["kind"] == "cell" for r in answers) else [*answers, {}]


def _right_dtypes(judgement: Judgement, dtypes: dict[str, str], dtype: str) -> Judgement:
    """Outputs and gradients come in the input's dtype; anything else is wrong."""
    for name, got in dtypes.items():
        if got != dtype:
            text = f"{name} has dtype {got}, expected {dtype}"
            return Judgement("wrong", {**judgement.errors, name: np.inf}, text)
    return judgement


def _declared(verdict: dict[str, Any], job: Job) -> dict[str, Any]:
    """A known error is wrong whatever one case shows; ``shows`` tells whether this one does."""
    entry = job.declaration.known_error
    if not entry:
        return verdict
    shows = verdict["status"] != "ok"
    reason = verdict["reason"] if shows else "does not show in this case"
    return {"status": "wrong", "reason": f"known error {entry}: {reason}", "shows": shows}
