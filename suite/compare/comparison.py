"""Side A against side B, machine by machine and cell by cell."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from suite.compare import verdict as rule
from suite.compare.budgets import Budgets, Usual
from suite.compare.cells import Cell
from suite.compare.costs import COSTS, CostChange, cost_changes
from suite.compare.kernels import KernelChange, kernel_changes, on_one_side
from suite.compare.measurements import EVERYTHING, Chosen, Processes, by_cell, measurements
from suite.compare.rows import ORDER, Kind, Row
from suite.compare.side import Side
from suite.compare.statistics import Prior, Ratio
from suite.compare.timed import priors_of, timed_cells
from suite.compare.values import Moved, ValueChange, value_change
from suite.results import Run


@dataclass(frozen=True)
class Comparison:
    """Both sides on one machine. rows: what matters first. notes: what to read them with."""

    machine: str
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()

    @property
    def counts(self) -> dict[Kind, int]:
        """How many rows of every kind, in order."""
        found = Counter(row.kind for row in self.rows)
        return {kind: found[kind] for kind in ORDER if found[kind]}


@dataclass(frozen=True)
class Comparisons:
    """Both sides, named by labels, on every machine that they share.

    kernels: of which a revision takes more or less. apart: a line for every machine of one side.
    """

    labels: tuple[str, str]
    machines: tuple[Comparison, ...]
    kernels: tuple[KernelChange, ...] = ()
    apart: tuple[str, ...] = ()


ENOUGH = 6
"""Processes a side from which a cell's own noise is known."""

BUSY = 1.5
"""Processes a core from which a machine is called busy: its threads wait for each other's."""


USUAL = Usual()

Movements = Callable[[Cell], Mapping[str, Moved]]
"""How far a cell's "value" and "gradient" have moved, of those of which that is known."""


def _unknown(cell: Cell) -> Mapping[str, Moved]:
    return {}


def compare(a: Side, b: Side, chosen: Chosen = EVERYTHING, budgets: Budgets = USUAL) -> Comparisons:
    """Both sides on every machine that they share; runs of different machines are never mixed.

    budgets: what is worth a word. Raises ValueError when nothing of either side is chosen.
    """
    first, second = a.machines, b.machines
    both = [machine for machine in first if machine in second]
    found = [of_machine(m, first[m], second[m], chosen, budgets) for m in both]
    apart = [
        f"{machine}: {len(runs)} run(s) of {side.label} alone, compared with nothing"
        for side, mine, others in ((a, first, second), (b, second, first))
        for machine, runs in mine.items()
        if machine not in others
    ]
    if both and not any(comparison.rows for comparison in found):
        raise ValueError(f"nothing to compare: no cell of either side is {chosen}")
    every = kernel_changes(a.runs[-1].info.get("commit"), b.runs[-1].info.get("commit"))
    kernels = [k for k in every if k.is_of(chosen.operators, chosen.implementations)]
    apart += on_one_side(kernels, (a.label, b.label))
    known = tuple(kernel for kernel in kernels if kernel.known)
    return Comparisons((a.label, b.label), tuple(found), known, tuple(apart))


def of_machine(
    machine: str,
    a: Iterable[Run],
    b: Iterable[Run],
    chosen: Chosen = EVERYTHING,
    budgets: Budgets = USUAL,
    movements: Movements = _unknown,
    *,
    clocked: bool = True,
) -> Comparison:
    """Both sides' runs on one machine. movements: of the answers, where both sides kept theirs.

    clocked: whether times are compared, too.
    """
    a, b = tuple(a), tuple(b)
    before, after = (chosen.of(measurements(runs)) for runs in (a, b))
    sides = by_cell(before), by_cell(after)
    cells = list(dict.fromkeys([*sides[0], *sides[1]]))
    timed = timed_cells(cells, *sides) if clocked else {}
    priors = priors_of(timed)
    rows = []
    for key in cells:
        cell, ratio, there = Cell(*key), None, timed.get(key)
        if there is not None:
            ratio = there.ratio(priors[cell.device], len(timed)), there.yardstick
        rows.append(_row(cell, sides[0].get(key), sides[1].get(key), ratio, budgets, movements))
    rows.sort(key=lambda row: (ORDER.index(row.kind), -_weight(row), row.cell))
    notes = [*_software(a, b), *(_noise(a, b, priors) if clocked else ())]
    return Comparison(machine, tuple(rows), tuple(notes))


def _row(
    cell: Cell,
    a: Processes | None,
    b: Processes | None,
    timed: tuple[Ratio, str] | None,
    budgets: Budgets,
    movements: Movements,
) -> Row:
    statuses = a.status if a else "", b.status if b else ""
    if b is None:
        return Row(cell, "missing", statuses, remark=f"{statuses[0]} in A, not there in B")
    if a is None:
        why = f"{b.reason}; " * bool(b.reason)
        return Row(cell, "new", statuses, remark=f"{statuses[1]} in B, {why}not there in A")
    if remark := _redefined(a, b):
        return Row(cell, "redefined", statuses, remark=remark)
    if statuses[0] != statuses[1]:
        kind: Kind = "mended" if statuses[1] == "ok" else "failed"
        side = a if kind == "mended" else b
        reason = side.reason.removeprefix(f"{side.status}: ")
        return Row(cell, kind, statuses, remark=f"{statuses[0]} -> {statuses[1]}: {reason}")
    budget = functools.partial(budgets.of, cell)
    values = _values(cell, a, b, budget, movements)
    before, after = ({metric: side.median(metric) for metric in COSTS} for side in (a, b))
    costs = cost_changes(before, after, budget)
    if timed is None:
        kind = _kind(None, values, costs)
        why = "" if b.status == "ok" else f"{b.status}: {b.reason}"
        return Row(cell, kind, statuses, values=values, costs=costs, remark=why)
    ratio, yardstick = timed
    verdict = rule.verdict(ratio, budget("time"))
    kind = _kind(verdict, values, costs)
    remark = "" if yardstick else "seconds, no yardstick"
    return Row(cell, kind, statuses, verdict, ratio, yardstick, values, costs, remark)


def _kind(
    verdict: rule.Verdict | None, values: tuple[ValueChange, ...], costs: tuple[CostChange, ...]
) -> Kind:
    """The first thing that matters of a cell that ended alike on both sides; None: untimed."""
    if verdict == "slower":
        return "slower"
    if any(value.state == "changed" for value in values):
        return "changed"
    if any(cost.worse for cost in costs):
        return "costlier"
    if verdict in ("same", None) and costs:
        return "cheaper"
    return verdict or "untimed"


def _redefined(a: Processes, b: Processes) -> str:
    """What is another one about the case, or ""."""
    if a.definition != b.definition:
        return f"the case was {a.definition}, is {b.definition}"
    # A side that kept no answers says nothing of its inputs.
    if a.inputs and b.inputs and a.inputs != b.inputs:
        return "the case's inputs are others"
    return ""


def _values(
    cell: Cell,
    a: Processes,
    b: Processes,
    budget: Callable[[str], float],
    movements: Movements,
) -> tuple[ValueChange, ...]:
    """The worst of every side's processes; equal bits only where all of them are."""
    digests = np.concatenate([a["digest"], b["digest"]])
    same = bool((digests == digests[0]).all())
    moved = {} if same else movements(cell)
    found = []
    kinds: tuple[Literal["value", "gradient"], ...] = ("value", "gradient")
    for what in kinds:
        errors = a.worst(f"{what}_error"), b.worst(f"{what}_error")
        if what == "value" or not np.isnan(errors).all():
            found.append(
                value_change(what, *errors, same_bits=same, allowed=budget(what),
                             moved=moved.get(what))
            )  # fmt: skip
    return tuple(found)


def _weight(row: Row) -> float:
    """Within a kind, the largest change of time first."""
    return abs(np.log(row.ratio.ratio)) if row.ratio else 0.0


def _software(a: tuple[Run, ...], b: tuple[Run, ...]) -> Iterable[str]:
    """What differs between the sides' newest runs."""
    before, after = a[-1].info.get("versions", {}), b[-1].info.get("versions", {})
    for name in sorted({*before} & {*after}):
        if before[name] != after[name]:
            yield f"{name}: {before[name]} in A, {after[name]} in B"


def _noise(a: tuple[Run, ...], b: tuple[Run, ...], priors: Mapping[str, Prior]) -> Iterable[str]:
    """How far the times are to be trusted."""
    for name, runs in (("A", a), ("B", b)):
        if busy := [load for run in runs if (load := _load(run)) > BUSY]:
            yield f"{name} was measured on a busy machine: up to {max(busy):.1f} processes a core"
    for device, prior in priors.items():
        counts = f"{device}: {len(a)} and {len(b)} processes"
        yield f"{counts}, which are taken to differ by {prior.noise:.0%}"
    if min(len(a), len(b)) < ENOUGH:
        yield f"fewer than {ENOUGH} processes a side may take a noisy cell for a slower one"


def _load(run: Run) -> float:
    """Processes that wanted a core when the run ended, for each that there is."""
    load, cores = run.info.get("load"), run.info.get("machine", {}).get("cores")
    return float(load[0]) / cores if load and cores else 0.0
