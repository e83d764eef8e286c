"""Child process: draws batches, calls one implementation of one operator, and judges nothing.

Started as ``python -m suite.quality.worker PLAN.json`` in a session of its own. Every setting and
every descent is journalled when it is done; its numbers lie beside the journal as plain arrays.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np

from suite import frameworks, operators, registry
from suite.quality.batches import Subject, Unsupported, batch_gradients
from suite.quality.descents import descents_of
from suite.quality.plan import QualityPlan
from suite.quality.settings import populations, settings
from suite.timing.failure import failure
from suite.timing.session import Journal
from suite.worker import end_with_parent


def main(path: str) -> int:
    """Do what the plan in that file says; 0 when every item was journalled."""
    plan = QualityPlan.read(Path(path))
    end_with_parent(os.getppid())
    journal = Journal(Path(plan.folder) / plan.lines)
    declaration = registry.find(plan.operator, plan.implementation, plan.files)
    names = (*plan.settings, *plan.descents)
    try:
        framework = frameworks.get(declaration.framework)
        absent = framework.missing(plan.device)
        journal.append(kind="versions", versions={} if absent else framework.versions())
        if reason := declaration.unable(plan.device) or absent:
            raise Unsupported(reason)
        implementation = registry.load_declared(declaration)
    except Exception as error:  # a broken file costs its own rows, with the reason
        for name in names:
            journal.append(kind="item", item=name, **_failure(error))
        return 0
    subject = Subject(implementation, framework, operators.get(plan.operator), plan.device)
    for number, name in enumerate(names):
        journal.append(kind="start", item=name)
        journal.append(kind="item", item=name, **_outcome(subject, plan, name, number))
    return 0


def _outcome(subject: Subject, plan: QualityPlan, name: str, number: int) -> dict[str, str]:
    """Status of one item, and the file with its arrays."""
    try:
        of = _gradients if name in plan.settings else _descent
        with np.errstate(all="ignore"):
            found = of(subject, plan, name)
    except Exception as error:  # any failure of an implementation is a row of the run
        return _failure(error)
    file = f"{number}.npz"
    np.savez(Path(plan.folder) / file, **found)  # type: ignore[arg-type]
    return {"status": "measured", "reason": "", "outputs": file}


def _failure(error: Exception) -> dict[str, str]:
    if isinstance(error, Unsupported):
        return {"status": "unsupported", "reason": str(error)}
    return failure(error)


def _gradients(subject: Subject, plan: QualityPlan, name: str) -> dict[str, np.ndarray]:
    stated = settings(populations(plan.operator, plan.populations))
    (setting,) = (each for each in stated if each.name == name)
    return batch_gradients(subject, setting, plan.scale.batches, plan.scale.elements)


def _descent(subject: Subject, plan: QualityPlan, name: str) -> dict[str, np.ndarray]:
    (descent,) = (each for each in descents_of(plan.operator) if each.name == name)
    return descent.arrays(subject.pull, plan.scale.descents, plan.scale.steps)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
