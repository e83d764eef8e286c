"""Child process: runs one implementation of one operator over its cells, and judges nothing.

Started by the runner as ``python -m suite.worker PLAN.json`` in a session of its own. The clocks
are captured (``suite.timing.clocks``) before the implementation is imported. It ends by itself when
its parent is gone.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from pathlib import Path

from suite import frameworks, registry
from suite.timing.cell import Cell
from suite.timing.failure import failure
from suite.timing.memory import peak_memory
from suite.timing.plan import Plan
from suite.timing.session import Journal, Session, run
from suite.timing.watch import Watch, withhold


def main(path: str) -> int:
    """Run the plan in that file; 0 when every item was journalled."""
    plan = Plan.read(Path(path))
    end_with_parent(os.getppid())
    declaration = registry.find(plan.operator, plan.implementation, plan.files)
    framework = frameworks.get(declaration.framework)
    journal = Journal(Path(plan.folder) / plan.lines)
    absent = framework.missing(plan.device)
    journal.append(kind="versions", versions={} if absent else framework.versions())
    if reason := declaration.unable(plan.device) or absent:
        _record_all(plan, journal, {"status": "unsupported", "reason": reason})
        return 0
    withhold(plan.operator)
    watch = Watch(framework, declaration.path)
    try:
        implementation = registry.load_declared(declaration)
    except Exception as error:  # a broken file costs its own rows, with the reason
        _record_all(plan, journal, failure(error))
        return 0
    session = Session.start(plan, implementation, framework, watch)
    if plan.mode == "memory":
        return _memory(session)
    return run(session)


def _record_all(plan: Plan, journal: Journal, outcome: dict[str, str]) -> None:
    """One outcome for everything that was planned."""
    for cell in plan.cells:
        where = {"case": cell.case, "pass": cell.pass_, "clock": cell.clock}
        journal.append(kind="cell", **where, **outcome)
    if plan.probe:
        journal.append(kind="probe", **outcome)


def _memory(session: Session) -> int:
    """Peak memory of the plan's only cell."""
    (item,) = session.plan.cells
    case, device = session.operator.case(item.case), session.plan.device
    where = {"case": item.case, "pass": item.pass_, "clock": item.clock}
    session.journal.append(kind="start", **where)
    try:
        call = session.call(case, item.pass_)
        framework = session.framework
        cell = Cell(session.operator, case, item.pass_, framework, device, call)
        cell.schedule(rounds=0, warm_ups=2)
        record: dict = {"status": "measured", "peak_memory": peak_memory(cell, framework, device)}
    except Exception as error:  # any failure of an implementation is a row of the run
        record = failure(error)
    session.journal.append(kind="memory", **where, **record)
    return 0


def end_with_parent(parent: int) -> None:
    """Watch the parent from a thread: an orphan would go on measuring beside its successor."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.25)
        os._exit(3)

    threading.Thread(target=watch, daemon=True).start()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
