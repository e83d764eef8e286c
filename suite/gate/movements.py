"""How far answers have moved between runs that kept them, in tolerances of the operator."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from suite import answers, operators
from suite.compare.cells import Cell
from suite.compare.values import Moved
from suite.judge.correctness import units
from suite.judge.references import References
from suite.results import Run

ByCell = Mapping[tuple[str, ...], answers.Answers]
"""A side's answers by cell."""


def kept_answers(runs: Iterable[Run]) -> ByCell:
    """The newest answers of every cell. Raises UnreadableRun for what is damaged."""
    found: dict[tuple[str, ...], answers.Answers] = {}
    for run in runs:
        if run.folder is not None:
            found |= answers.read(run.folder)
    return found


def movements(cell: Cell, a: ByCell, b: ByCell) -> dict[str, Moved]:
    """How far the value and the gradients of a cell have moved: "value", "gradient".

    Nothing where a side kept no answers, or the case is not one of this version.
    """
    key = (cell.operator, cell.implementation, cell.case, cell.pass_, cell.device, cell.clock)
    if key not in a or key not in b:
        return {}
    try:
        operator = operators.get(cell.operator)
        case = operator.case(cell.case)
    except KeyError:
        return {}
    allowed = References().of(operator, case)[0].allowed
    found: dict[str, Moved] = {}
    for name in sorted(set(a[key]) | set(b[key])):
        what = "value" if name == "output" else "gradient"
        moved = _moved(name, a[key].get(name), b[key].get(name), allowed.get(name))
        if what not in found or moved.tolerances > found[what].tolerances:
            found[what] = moved
    return found


def _moved(
    name: str, before: np.ndarray | None, after: np.ndarray | None, allowed: np.ndarray | None
) -> Moved:
    label = "value" if name == "output" else f"gradient to {name}"
    if before is None or after is None or allowed is None:
        return Moved(np.inf, f"{label} on one side alone")
    if before.shape != after.shape or after.shape != allowed.shape:
        return Moved(np.inf, f"{label}: shape {before.shape} -> {after.shape}")
    distance = units(after, before.astype(np.float64), allowed)
    at = np.unravel_index(int(np.argmax(distance)), distance.shape)
    place = ", ".join(str(int(i)) for i in at)
    story = f"{label}[{place}] {float(before[at]):.6g} -> {float(after[at]):.6g}"
    return Moved(float(distance[at]), story)
