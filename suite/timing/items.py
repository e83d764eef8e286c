"""The benchmark items a worker's pytest session runs: not tests of anything, so not collected
except by :mod:`suite.timing.session`."""

from __future__ import annotations

import math

import numpy as np

from suite.frameworks.contract import Uncapturable
from suite.timing.cell import Cell
from suite.timing.clocks import WALL
from suite.timing.evidence import Evidence
from suite.timing.failure import failure
from suite.timing.probing import Answers
from suite.timing.session import Item, Session
from suite.timing.yardsticks import YARDSTICKS


def test_item(item: Item, session: Session, benchmark) -> None:
    """Measure one cell or yardstick and journal it, whatever happens short of a death."""
    identity = {"case": item.cell.case, "pass": item.cell.pass_, "clock": item.cell.clock}
    if item.yardstick:
        identity |= {"pass": "", "yardstick": item.yardstick}
    kind = "probe" if item.probes else "yardstick" if item.yardstick else "cell"
    session.journal.append(kind="start", **identity)
    try:
        measure = {"probe": _probes, "yardstick": _yardstick, "cell": _cell}[kind]
        record = measure(item, session, benchmark)
    except Uncapturable as error:
        record = {"status": "unsupported", "reason": str(error)}
    except Exception as error:  # any failure of an implementation is a row of the run
        record = failure(error)
    session.journal.append(kind=kind, **identity, **record)


def _cell(item: Item, session: Session, benchmark) -> dict:
    case = session.operator.case(item.cell.case)
    if reason := session.unsupported(case):
        return {"status": "unsupported", "reason": reason}
    plan, framework = session.plan, session.framework
    before = framework.compilation()
    call = session.call(case, item.cell.pass_)
    cell = session.cell(item.cell, item.cell.pass_, call)
    cell.schedule(rounds=0, warm_ups=3)
    evidence = Evidence(framework, plan.device, session.watch)
    first, _ = _called(cell, evidence), _called(cell, evidence)
    evidence.hold({}, {})
    pilot, whole = _pilot(cell)
    after = framework.compilation()
    record = {
        "first_call": first,
        "compilation": {name: after[name] - before.get(name, 0) for name in after},
        "threads": framework.threads(),
    }
    rounds = 3 if plan.mode == "check" else plan.budget.rounds(pilot, whole)
    warm_ups = 0 if plan.mode == "check" else plan.budget.warm_ups(pilot, plan.device, whole)
    record |= _pedantic(cell, rounds, warm_ups, benchmark)
    if plan.mode == "time" and not cell.replays:
        record["compiled_cost"] = cell.compiled_cost()
    record["conduct"] = _conduct(cell, evidence, rounds)
    record["route"] = session.route(case, {name: cell.bases[0][name] for name in case.arrays})
    path = session.outputs()
    cell.write(path)
    return {"status": "measured", "outputs": path.name, "dtypes": cell.dtypes, **record}


def _yardstick(item: Item, session: Session, benchmark) -> dict:
    """What the cells are held against, on the same arrays and by the same clock."""
    case, framework = session.operator.case(item.cell.case), session.framework
    if reason := session.unsupported(case):
        return {"status": "unsupported", "reason": reason}
    if item.yardstick == "histogram" and session.plan.device != "cpu":
        return {"status": "unsupported", "reason": "NumPy counts in the host's memory"}
    yard = YARDSTICKS[item.yardstick](framework, case)

    def call(arrays, weight):
        return (yard(arrays),)

    cell = session.cell(item.cell, "forward", call)
    cell.keeps = False
    cell.schedule(rounds=0, warm_ups=2)
    _called(cell)
    pilot, whole = _pilot(cell)
    budget = session.plan.budget.of_yardstick()
    warm_ups = budget.warm_ups(pilot, session.plan.device, whole)
    rounds = _pedantic(cell, budget.rounds(pilot, whole), warm_ups, benchmark)
    return {"status": "measured", **rounds}


def _probes(item: Item, session: Session, benchmark) -> dict:
    """Answers to what the implementation is tried on beside its cells."""
    answers = Answers(session)
    for number, probe in enumerate(session.probes()):
        answers.take(number, probe)
    path = session.outputs()
    with path.open("wb") as stream:
        np.savez(stream, **answers.arrays)  # type: ignore[arg-type]
    found = {"raised": answers.raised, "conduct": answers.evidence.found()}
    return {"status": "measured", "outputs": path.name, **found}


def _called(cell: Cell, evidence: Evidence | None = None) -> float:
    """One untimed call, in seconds by the wall clock; looked at closely where evidence is due."""
    arguments, _ = cell.setup()
    if evidence is not None:
        evidence.before({**arguments[0], "cotangent": arguments[1]})
    start = WALL()
    cell.target(*arguments)
    cell.framework.synchronize(cell.last)
    seconds = WALL() - start
    if evidence is not None:
        cell.answer = evidence.after(cell.returned())
    cell.teardown(*arguments)
    return seconds


def _pilot(cell: Cell) -> tuple[float, float]:
    """Seconds of an untimed call, and of it with the making of its input."""
    start = WALL()
    seconds = _called(cell)
    return seconds, WALL() - start


def _conduct(cell: Cell, evidence: Evidence, rounds: int) -> dict:
    """Round 0 again, untimed: are its bits the same, and is the last round's result what it was?"""
    kept = {name: cell.kept[f"{rounds - 1}/{name}"] for name in cell.names}
    evidence.hold(cell.final, kept)
    cell.upcoming, cell.keeps = [0], False
    _called(cell, evidence)
    if cell.device == "cpu":
        evidence.same({name: cell.kept[f"0/{name}"] for name in cell.names}, cell.answer)
    return {**evidence.found(), "spans": cell.spans, "late": cell.late}


def _pedantic(cell: Cell, rounds: int, warm_ups: int, benchmark) -> dict[str, list[float]]:
    """Seconds of every round, and those in which its threads waited for a core, where known."""
    cell.schedule(rounds, warm_ups)
    benchmark.pedantic(
        cell.target,
        setup=cell.setup,
        teardown=cell.teardown,
        rounds=rounds,
        warmup_rounds=warm_ups,
        iterations=1,
    )
    # A list of its own: the cell goes on to other rounds.
    waited = list(cell.waits) if all(map(math.isfinite, cell.waits)) else []
    return {"samples": list(benchmark.stats.stats.data), "waited": waited}
