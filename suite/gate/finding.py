"""What a gate says of a cell: held, regressed, unclear or unmeasured, and why, in one line."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from suite.compare.budgets import LEAST, Budgets
from suite.compare.cells import Cell
from suite.compare.comparison import Comparison
from suite.compare.costs import CostChange
from suite.compare.lines import line_of
from suite.compare.rows import Row
from suite.results import FAILURES

Outcome = Literal["regressed", "unmeasured", "unclear", "held"]

ORDER: tuple[Outcome, ...] = Outcome.__args__  # type: ignore[attr-defined]
"""What matters, first things first.

*unmeasured*: there is nothing to judge by. *unclear*: slow enough to be suspected, and measured too
roughly to say, though it was measured again.
"""

STATUS: dict[Outcome, int] = {"regressed": 1, "unmeasured": 2, "unclear": 2, "held": 0}
"""Exit statuses; of several findings the first in ORDER counts."""


@dataclass(frozen=True)
class Finding:
    """subject: operator and implementation, or what else it is about. where: case and pass.

    why: everything there is to say, or "". row: the comparison's, where it is about a cell.
    """

    outcome: Outcome
    subject: str
    where: str
    why: str
    row: Row | None = None

    def __str__(self) -> str:
        place = " ".join(filter(None, (self.subject, self.where)))
        return f"{place}: {self.why}" if self.why else place


def findings(
    comparison: Comparison, budgets: Budgets, unsure: Container[Cell] = ()
) -> list[Finding]:
    """One for every cell, what matters first. unsure: suspicious cells that there was no time to
    measure again; what only a clock or one process says of them fails nobody."""
    found = [_finding(row, budgets, row.cell not in unsure) for row in comparison.rows]
    return sorted(found, key=lambda finding: ORDER.index(finding.outcome))


def outcome_of(found: Iterable[Finding]) -> Outcome:
    """What they come to together; nothing found is nothing measured."""
    there = {finding.outcome for finding in found}
    return next((outcome for outcome in ORDER if outcome in there), "unmeasured")


def is_suspicious(row: Row, budgets: Budgets) -> bool:
    """Whether a cell must be measured again before it fails: its time, or another cost that one
    process measures by chance, is beyond its budget."""
    if any(cost.worse and cost.metric in LEAST for cost in row.costs):
        return True
    return is_slow(row, budgets)


def is_slow(row: Row, budgets: Budgets) -> bool:
    """Whether its time is beyond its budget, however sure that is."""
    return row.ratio is not None and row.ratio.ratio >= 1 + budgets.of(row.cell, "time")


def _finding(row: Row, budgets: Budgets, sure: bool) -> Finding:
    line = line_of(row)
    certain, measured = list(_regressions(row, budgets)), list(_excesses(row, budgets))
    if certain or (measured and sure):
        why = "; ".join([*certain, *measured])
        return Finding("regressed", line.subject, line.where, why, row)
    if unmeasured := _unmeasured(row):
        return Finding("unmeasured", line.subject, line.where, unmeasured, row)
    if measured:
        why = "; ".join([*measured, "not measured again"])
        return Finding("unclear", line.subject, line.where, why, row)
    if row.verdict == "unclear" and is_slow(row, budgets):
        return Finding("unclear", line.subject, line.where, _time(row, budgets), row)
    return Finding("held", line.subject, line.where, "", row)


def _regressions(row: Row, budgets: Budgets) -> Iterator[str]:
    """What is certain, however often it is measured."""
    if row.kind in ("failed", "missing"):
        yield row.remark
    if row.kind == "new" and row.statuses[1] in FAILURES and "known error" not in row.remark:
        yield f"{row.remark}: a new failure"
    for value in row.values:
        if value.state == "changed":
            yield f"{value}, allowed {budgets.of(row.cell, value.what):g} tol"
    for cost in row.costs:
        if cost.worse and cost.metric not in LEAST:
            yield _cost(cost)


def _excesses(row: Row, budgets: Budgets) -> Iterator[str]:
    """What chance can make look like a regression."""
    if row.verdict == "slower":
        yield _time(row, budgets)
    for cost in row.costs:
        if cost.worse and cost.metric in LEAST:
            yield _cost(cost)


def _cost(cost: CostChange) -> str:
    return f"{cost}{f', allowed +{cost.allowed:.0%}' if cost.allowed else ''}"


def _unmeasured(row: Row) -> str:
    """Why the two sides of a cell cannot be held against each other, or ""."""
    if set(row.statuses) <= set(FAILURES) and "known error" not in row.remark:
        return f"fails on both sides: {row.also}"
    if row.kind == "redefined":
        return row.remark
    threads = next((str(cost) for cost in row.costs if cost.metric == "threads"), "")
    return f"{threads}: times of other numbers of threads are not compared" if threads else ""


def _time(row: Row, budgets: Budgets) -> str:
    assert row.ratio is not None
    allowed = 1 + budgets.of(row.cell, "time")
    interval = f"[{row.ratio.low:.2f}-{row.ratio.high:.2f}]"
    return f"{row.ratio.ratio:.2f} x the time {interval}, allowed {allowed:.2f}"
