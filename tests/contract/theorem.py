"""What a theorem says about an operator's answers, and how far an implementation is from it.

An answer is the value and the gradients of sum(cotangent * value). A theorem ties the answers to
a few problems together, or to something known: its two sides are affine in the answers, so that
their allowed errors follow from those of the answers. Inputs lie on dyadic grids, on which maps are
exact in the dtype: what is measured is the implementation's arithmetic.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from suite import operators
from suite.judge.correctness import units
from suite.operators.base import EPSILON, SMALLEST, Case, Operator, gathered, round_to

ROWS, SAMPLES = 2, 16

Answer = Mapping[str, np.ndarray]


@dataclasses.dataclass(frozen=True)
class Problem:
    """Arguments of an operator with the cotangent of its value."""

    case: Case
    arrays: Mapping[str, np.ndarray]
    cotangent: np.ndarray

    @property
    def exact(self) -> bool:
        """Whether the dtype holds every number of it."""
        arrays = (*self.arrays.values(), self.cotangent)
        return all(np.array_equal(round_to(self.case.dtype, array), array) for array in arrays)


@dataclasses.dataclass(frozen=True)
class Equations:
    """Problems, and the two sides that their answers must make equal."""

    problems: tuple[Problem, ...]
    sides: Callable[..., tuple[Answer, Answer]]


@dataclasses.dataclass(frozen=True)
class Theorem:
    """state(rng, dtype) draws one instance of what the name says, with these options."""

    operator: str
    name: str
    state: Callable[[np.random.Generator, str], Equations]

    @property
    def subject(self) -> Operator:
        return operators.get(self.operator)


@dataclasses.dataclass(frozen=True)
class Distance:
    """In allowed errors: between the two sides, and of the first answer from the reference."""

    sides: float
    reference: float


def grid(rng: np.random.Generator, low: float, high: float, shape, bits: int = 8) -> np.ndarray:
    """Numbers of so many binary places in [low, high]."""
    return rng.integers(int(low * 2**bits), int(high * 2**bits) + 1, size=shape) / 2.0**bits


def distinct(rng: np.random.Generator, low: float, high: float, shape, bits: int = 8):
    """The same, all different in a row; neither end among them."""
    inside = np.arange(int(low * 2**bits) + 1, int(high * 2**bits)) / 2.0**bits
    return np.stack([rng.choice(inside, shape[1], replace=False) for _ in range(shape[0])])


def shuffled(rng: np.random.Generator, samples: int = SAMPLES):
    """An order of rows and samples as two indices that give a new order to an (R, N) array."""
    return rng.permutation(ROWS)[:, None], rng.permutation(samples)[None]


def problem(dims, options, arrays, cotangent, dtype, wrt=None) -> Problem:
    """A problem whose sizes are read off its arrays; differentiated to all of them, or ``wrt``."""
    shapes = {**arrays, "output": cotangent}
    labels = {name: tuple(dims[name][: np.ndim(array)]) for name, array in shapes.items()}
    sizes = {
        label: extent
        for name, array in shapes.items()
        for label, extent in zip(labels[name], np.shape(array), strict=True)
    }
    wrt = tuple(arrays) if wrt is None else wrt
    case = Case("a theorem's", sizes, labels, options=options, dtype=dtype, wrt=wrt)
    made = Problem(case, arrays, cotangent)
    assert made.exact, f"{dtype} rounds what was drawn"
    return made


def distance(
    theorem: Theorem, equations: Equations, answer: Callable[[Problem], Answer]
) -> Distance:
    """How far answers are from what the theorem says."""
    found = [_wide(answer(each)) for each in equations.problems]
    known = [right(theorem.subject, each) for each in equations.problems]
    bounds = [
        allowed(theorem.subject, each, value)
        for each, value in zip(equations.problems, known, strict=True)
    ]
    left, other = equations.sides(*found)
    error = _spread(equations, bounds)
    return Distance(_largest(left, other, error), _largest(found[0], known[0], bounds[0]))


def right(operator: Operator, given: Problem) -> Answer:
    """The reference's answer."""
    arguments = _arguments(given)
    value = {"output": np.asarray(operator.reference(**arguments))}
    return value | operator.reference_gradient(given.cotangent, given.case.wrt, **arguments)


def allowed(operator: Operator, given: Problem, reference: Answer) -> Answer:
    """The error that a careful implementation may make, as the judge computes it."""
    case = given.case
    condition = operator.condition(given.cotangent, case.wrt, **_arguments(given))
    tolerance = operator.tolerance(case.dtype)
    return {
        name: tolerance * condition[name] + EPSILON[case.dtype] * np.abs(value)
        + SMALLEST[case.dtype]
        for name, value in reference.items()
    }  # fmt: skip


def _arguments(given: Problem) -> dict:
    return {**gathered(_wide(given.arrays)), **given.case.options}


def _wide(arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {name: np.asarray(array, np.float64) for name, array in arrays.items()}


def _spread(equations: Equations, bounds: Sequence[Answer]) -> Answer:
    """The allowed errors of both sides: their linear parts, of the answers' allowed errors."""
    nothing = [{name: np.zeros_like(each) for name, each in bound.items()} for bound in bounds]
    moved, still = equations.sides(*bounds), equations.sides(*nothing)
    return {
        name: sum(np.abs(m[name] - s[name]) for m, s in zip(moved, still, strict=True))
        for name in moved[0]
    }


def _largest(got: Answer, want: Answer, error: Answer) -> float:
    assert set(got) == set(want)
    return max(float(units(got[name], want[name], error[name]).max()) for name in got)
