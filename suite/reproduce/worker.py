"""Child process: runs a source's trials with one implementation, and judges nothing.

Started as ``python -m suite.reproduce.worker PLAN.json`` in a session of its own. Every trial is
journalled when it is done.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np

from suite import reproduce
from suite.reproduce.claims import Record, Trial, Unsupported
from suite.reproduce.plan import ReproducePlan
from suite.timing.failure import failure
from suite.timing.session import Journal
from suite.worker import end_with_parent


def main(path: str) -> int:
    """Do what the plan in that file says; 0 when every trial was journalled."""
    plan = ReproducePlan.read(Path(path))
    end_with_parent(os.getppid())
    journal = Journal(Path(plan.folder) / plan.lines)
    for experiment, start in plan.trials:
        item = [experiment, start]
        journal.append(kind="start", item=item)
        journal.append(kind="item", item=item, **_outcome(plan, experiment, start))
    return 0


def _outcome(plan: ReproducePlan, experiment: str, start: str) -> dict:
    try:
        subject = reproduce.get(plan.source).experiment(experiment)
        with np.errstate(all="ignore"):
            record = subject.run(Trial(plan.implementation, start, plan.quick))
    except Unsupported as error:
        return {"status": "unsupported", "reason": str(error)}
    except Exception as error:  # any failure of a trial is a row of the run
        return failure(error)
    return {"status": "ok", "reason": "", **as_json(record)}


def as_json(record: Record) -> dict:
    """Numbers as they are; curves in as many digits as a picture can show."""
    curves = {name: _rounded(curve) for name, curve in record.curves.items()}
    return {"numbers": {k: float(v) for k, v in record.numbers.items()}, "curves": curves}


def _rounded(curve: np.ndarray) -> list:
    if curve.ndim == 2:
        return [_rounded(row) for row in curve]
    return [float(f"{value:.5g}") for value in curve.tolist()]


def from_json(told: dict) -> Record:
    """The record of a journalled trial."""
    return Record(told["numbers"], {k: np.array(v) for k, v in told["curves"].items()})


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
