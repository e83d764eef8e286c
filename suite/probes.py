"""What every implementation is tried on beside its cells, so that it is right for more than them.

A probe is a small input of a shape that no case has. It is given as it is, again, with a few values
changed in the same memory, and in layouts whose elements are not neighbours. Worker and judge
derive the same arrays from the case's seed; nothing but outputs travels between them.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from suite import workloads
from suite.operators.base import Case, Operator, cotangent, inputs, round_to

Step = Literal["plain", "again", "nudged", "strided", "transposed", "expanded"]
Input = Literal["plain", "nudged", "equal rows"]

STEPS: dict[Step, Input] = {
    "plain": "plain",
    "again": "plain",
    "nudged": "nudged",
    "strided": "plain",
    "transposed": "plain",
    "expanded": "equal rows",
}
"""The calls of a probe in their order, and which values each is given."""

ODD = "odd shapes"

LAYOUTS: tuple[Step, ...] = ("strided", "transposed", "expanded")

SIZES = {"R": 5, "N": 331}
CURVED_SIZES = {"R": 3, "N": 41}
"""Few samples for second derivatives: differences of the gradient must not change ranks."""


@dataclass(frozen=True)
class Probe:
    """A case to try, where second derivatives are taken, and which steps are worth their cost."""

    case: Case
    curved: Case | None
    steps: tuple[Step, ...] = tuple(STEPS)


def probes(operator: Operator, dtypes: Iterable[str], framework: str) -> tuple[Probe, ...]:
    """The probes of an operator in the widest dtype that an implementation has.

    The representative cases and the one with the most gradients, resized. jax, which compiles every
    one of them for seconds and has no layouts, gets the first of them only, and second derivatives
    of the richest, which are mostly refused before anything is compiled.
    """
    dtype = next(d for d in ("float64", "float32", "float16", "bfloat16") if d in tuple(dtypes))
    chosen = {case.name: case for case in _drawn(operator) if case.representative}
    richest = max(_drawn(operator), key=lambda case: _richness(operator, case))
    chosen[richest.name] = richest
    if framework == "jax":
        case = resized(operator, next(iter(chosen.values())), SIZES, dtype)
        steps = tuple(step for step in STEPS if step not in LAYOUTS)
        return (Probe(case, resized(operator, richest, CURVED_SIZES, dtype), steps),)
    return tuple(
        Probe(
            resized(operator, case, SIZES, dtype),
            resized(operator, case, CURVED_SIZES, dtype) if framework != "numpy" else None,
        )
        for case in chosen.values()
    )


def planned(
    operator: Operator, dtypes: Iterable[str], framework: str, plan: str
) -> tuple[Probe, ...]:
    """What a plan's word asks for: ``ODD``, or the name of a case, to be tried as it is.

    The latter is for compilers that would spend seconds on any other shape or layout.
    """
    if plan == ODD:
        return probes(operator, dtypes, framework)
    case = operator.case(plan)
    return (Probe(case, case, ("plain", "again", "nudged")),)


def resized(operator: Operator, case: Case, sizes: dict[str, int], dtype: str) -> Case:
    """The case with other extents of rows and samples, which none of the operator's cases has."""
    taken = {other.sizes.get("N") for other in operator.cases}
    samples = next(n for n in range(sizes["N"], 1 << 20, 2) if n not in taken)
    wanted = {"R": sizes["R"], "N": samples}
    extents = {label: wanted.get(label, extent) for label, extent in case.sizes.items()}
    return dataclasses.replace(case, sizes=extents, dtype=dtype)


def drawing(operator: Operator, kind: Input) -> Operator:
    """The operator, its inputs drawn as a step wants their values."""
    if kind == "plain":
        return operator

    def nudged(case: Case, rng: np.random.Generator) -> dict[str, np.ndarray]:
        """A few values of another draw, far from the ends where a cache would look."""
        arrays = operator.draw(case, rng)
        others = operator.draw(case, np.random.Generator(np.random.Philox(key=[case.seed, 1])))
        for name, array in arrays.items():
            middle = (..., array.shape[-1] // 2) if array.ndim else ()
            arrays[name] = np.array(array, dtype=np.float64)
            arrays[name][middle] = others[name][middle]
        return arrays

    def equal_rows(case: Case, rng: np.random.Generator) -> dict[str, np.ndarray]:
        """The first row for all rows."""
        drawn = operator.draw(case, rng).items()
        return {k: np.array(np.broadcast_to(a[:1], a.shape)) if a.ndim == 2 else a
                for k, a in drawn}  # fmt: skip

    return dataclasses.replace(operator, draw=nudged if kind == "nudged" else equal_rows)


def given(operator: Operator, case: Case, kind: Input) -> dict[str, np.ndarray]:
    """All arrays of a step by name, the cotangent as "output"."""
    arrays = inputs(drawing(operator, kind), case, 0)
    return {**arrays, "output": cotangent(operator, case, 0)}


def direction(case: Case) -> np.ndarray:
    """Along which the gradient is differentiated again: normal, of the first argument's shape."""
    rng = np.random.Generator(np.random.Philox(key=[case.seed + 0xD1F, 0]))
    return round_to(case.dtype, rng.normal(size=case.shape(case.wrt[0])))


def _drawn(operator: Operator) -> list[Case]:
    """Cases whose inputs are drawn, in whatever size; those in float32 where there are some."""
    drawn = [
        case
        for case in operator.cases
        if case.data not in workloads.names() and case.row_axis in case.permute and case.wrt
    ]
    return [case for case in drawn if case.dtype == "float32"] or drawn


def _richness(operator: Operator, case: Case) -> tuple[float, ...]:
    """Gradients, then arrays, then operations a sample."""
    cost = operator.cost(case, "forward+backward")
    each = cost.operations / max(math.prod(case.shape(case.arrays[0])), 1)
    return len(case.wrt), len(case.arrays), each
