"""Is the value right, is the gradient exact: outputs against the float64 reference.

The error of an element, in units of the dtype's tolerance, is

    |got - reference| / (tolerance * condition + rounding * |reference| + smallest)

with the operator's tolerance and condition, the rounding of the output's dtype and its smallest
number. A cell is right when no element exceeds one unit. An infinite reference must be met by the
same infinity, NaN by NaN; NaN anywhere else makes the status ``nan``, other failures ``wrong``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from suite.operators.base import (
    BASES,
    EPSILON,
    SMALLEST,
    Case,
    Operator,
    cotangent,
    gathered,
    inputs,
)
from suite.rounds import Round, permuted, positions, reorder, round_of

Verdict = Literal["ok", "wrong", "nan"]


@dataclass(frozen=True)
class Expected:
    """Reference and allowed absolute error of "output" and of every gradient, for one base."""

    reference: Mapping[str, np.ndarray]
    allowed: Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Kept:
    """What a worker kept of one array in one round: all of it, or positions and the sum."""

    round: int
    name: str
    values: np.ndarray
    total: float | None = None


@dataclass(frozen=True)
class Judgement:
    """errors: units of tolerance, by name ("output" and arguments). reason: the worst element."""

    verdict: Verdict
    errors: Mapping[str, float]
    reason: str = ""

    @property
    def value_error(self) -> float:
        return self.errors["output"]

    @property
    def gradient_error(self) -> float | None:
        gradients = [error for name, error in self.errors.items() if name != "output"]
        return max(gradients) if gradients else None


def expected(operator: Operator, case: Case, base: int) -> Expected:
    """Reference, gradients and allowed errors of one base input (a few passes in float64)."""
    arrays = {k: v.astype(np.float64) for k, v in inputs(operator, case, base).items()}
    weight = cotangent(operator, case, base).astype(np.float64)
    with np.errstate(all="ignore"):
        arguments = {**gathered(arrays), **case.options}
        reference = {"output": operator.reference(**arguments)}
        reference |= operator.reference_gradient(weight, case.wrt, **arguments)
        condition = operator.condition(weight, case.wrt, **arguments)
        tolerance = operator.tolerance("float64" if case.dtype == "float64" else "float32")
        allowed = {
            name: tolerance * np.asarray(condition[name], dtype=np.float64)
            + EPSILON[case.dtype] * np.abs(np.where(np.isfinite(value), value, 0.0))
            + SMALLEST[case.dtype]
            for name, value in reference.items()
        }
    return Expected({k: np.asarray(v) for k, v in reference.items()}, allowed)


def units(got: np.ndarray, reference: np.ndarray, allowed: np.ndarray) -> np.ndarray:
    """Elementwise error in units of the allowed one; inf where NaN or an infinity disagrees."""
    got = np.asarray(got, dtype=np.float64)
    with np.errstate(all="ignore"):
        error = np.abs(got - reference) / allowed
    exact = (got == reference) | (np.isnan(got) & np.isnan(reference))
    return np.where(exact, 0.0, np.where(np.isfinite(got) & np.isfinite(reference), error, np.inf))


def judge(
    operator: Operator, case: Case, kept: Iterable[Kept], by_base: Mapping[int, Expected]
) -> Judgement:
    """Judge everything a worker kept of one cell. ``by_base`` maps a base to its expectation."""
    worst: dict[str, float] = {}
    reason, verdict = "", "ok"
    where = None
    sums: dict[tuple[int, str], tuple[float, float]] = {}
    for item in kept:
        dims = case.dims[item.name]
        if not set(dims) & set(permuted(case)):
            where = Round(item.round, item.round % BASES, {})
        elif where is None or where.index != item.round or not where.orders:
            where = round_of(case, item.round)
        want = by_base[where.base]
        reference, allowed = want.reference[item.name], want.allowed[item.name]
        if item.total is None and item.values.shape != reference.shape:
            text = f"{item.name} has shape {item.values.shape}, expected {reference.shape}"
            return Judgement("wrong", {**worst, "output": np.inf, item.name: np.inf}, text)
        if item.total is not None:
            key = where.base, item.name
            if key not in sums:
                sums[key] = float(reference.sum()), float(allowed.sum())
            total = units(np.asarray(item.total), *map(np.asarray, sums[key]))
            worst[item.name] = max(worst.get(item.name, 0.0), float(total))
            at = positions(case, item.round, reference.size)
            reference, allowed = (
                a[_source(at, a.shape, dims, where)] for a in (reference, allowed)
            )
        else:
            reference = reorder(reference, dims, where.orders)
            allowed = reorder(allowed, dims, where.orders)
        error = units(item.values, reference, allowed)
        largest = float(error.max(initial=0.0))
        if largest > max(1.0, max(worst.values(), default=0.0)):
            reason, verdict = _worst(item, reference, error)
        worst[item.name] = max(worst.get(item.name, 0.0), largest)
    if verdict == "ok" and max(worst.values(), default=np.inf) > 1.0:
        verdict, reason = "wrong", "the sum over all elements of a round is off"
    worst.setdefault("output", np.inf)
    return Judgement(verdict, worst, reason)  # type: ignore[arg-type]


def _source(
    at: np.ndarray, shape: tuple[int, ...], dims: tuple[str, ...], where: Round
) -> tuple[np.ndarray, ...]:
    """Where in an array of the base input the elements are that a round has at flat positions."""
    return tuple(
        where.orders[label][index] if label in where.orders else index
        for label, index in zip(dims, np.unravel_index(at, shape), strict=True)
    )


def _worst(item: Kept, reference: np.ndarray, error: np.ndarray) -> tuple[str, str]:
    """Name the worst element of an array that failed."""
    at = np.unravel_index(int(np.argmax(error)), error.shape)
    got, want = float(item.values[at]), float(reference[at])
    place = ", ".join(str(int(i)) for i in at)
    what = "value" if item.name == "output" else f"gradient to {item.name}"
    text = f"{what}[{place}] = {got:.6g}, expected {want:.6g}"
    if f"{got:.6g}" == f"{want:.6g}":
        text += f", off by {got - want:.2g}"
    text += f" ({error[at]:.3g} x tolerance)"
    return text, "nan" if np.isnan(got) and not np.isnan(want) else "wrong"
