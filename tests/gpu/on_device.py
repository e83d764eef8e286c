"""How the tests of this folder call an implementation, and what they compare; on any device."""

from __future__ import annotations

import contextlib
import dataclasses
import math
from collections.abc import Iterator
from typing import Any

import torch
from chosen import DETERMINISTIC, ROWS_SAMPLES
from every_kernel import sized

from suite import frameworks, operators, registry
from suite.frameworks.cuda_graph import CapturedCall
from suite.judge.correctness import Expected, expected, units
from suite.judge.probed import REPEATS
from suite.operators.base import PASSES, Case, Operator, cotangent, inputs
from suite.registry import Declaration


def case_of(
    operator: Operator, rows: int = ROWS_SAMPLES[0], samples: int = ROWS_SAMPLES[1]
) -> Case:
    """The first representative case in another size."""
    return sized(next(case for case in operator.cases if case.representative), rows, samples)


@dataclasses.dataclass
class Problem:
    """An implementation and a case for it, its arrays on the device."""

    declaration: Declaration
    case: Case
    device: str

    @property
    def operator(self) -> Operator:
        return operators.get(self.declaration.operator)

    @property
    def framework(self) -> Any:
        return frameworks.get(self.declaration.framework)

    def unsupported(self) -> str | None:
        """Why the implementation cannot do the case, or None."""
        skip = registry.load_declared(self.declaration).skip
        return skip(self.case) if skip else None

    def target(self, pass_: str) -> Any:
        """The pass as a function of arrays by name and a cotangent."""
        implementation = registry.load_declared(self.declaration)
        function = registry.checked(implementation, check_values=False)
        if pass_ == PASSES[0]:
            return self.framework.forward(function, self.case.options)
        return self.framework.forward_backward(function, self.case.options, self.case.wrt)

    def given(self, base: int = 0) -> tuple[dict[str, Any], Any]:
        """Arrays and cotangent of a base input."""
        weight = self._array(cotangent(self.operator, self.case, base))
        drawn = inputs(self.operator, self.case, base).items()
        return {name: self._array(values) for name, values in drawn}, weight

    def expected(self, base: int = 0) -> Expected:
        return expected(self.operator, self.case, base)

    def run(self, pass_: str, base: int = 0) -> tuple:
        return self.target(pass_)(*self.given(base))

    def names(self, pass_: str) -> tuple[str, ...]:
        return ("output", *self.case.wrt) if pass_ == PASSES[1] else ("output",)

    def _array(self, values: Any) -> Any:
        return self.framework.array(values, self.case.dtype, self.device)


def worst(problem: Problem, found: tuple, want: Expected, pass_: str) -> float:
    """The largest error of any array, in units of the case's tolerance."""
    pairs = zip(problem.names(pass_), found, strict=True)
    return max(
        float(units(problem.framework.numpy(array), want.reference[name], want.allowed[name]).max())
        for name, array in pairs
    )


def replayed(problem: Problem, pass_: str, bases: tuple[int, ...]) -> list[float]:
    """Errors of one captured graph replayed on several inputs in turn.

    Raises :class:`suite.frameworks.contract.Uncapturable` where there can be no graph.
    """
    call, errors = CapturedCall(torch, problem.target(pass_)), []
    for base in bases:
        found = call(*call.load(*problem.given(base)))
        errors.append(worst(problem, found, problem.expected(base), pass_))
    return errors


def differences(problem: Problem, one: tuple, other: tuple, pass_: str) -> list[str]:
    """Names of the arrays that two answers to one input do not share.

    To the bit where the implementation is deterministic, else to an eighth of the tolerance, as
    the judge has it.
    """
    exact = (problem.declaration.operator, problem.declaration.name) in DETERMINISTIC
    if not exact:
        numpy = problem.framework.numpy
        return apart(problem, tuple(map(numpy, one)), tuple(map(numpy, other)), pass_, REPEATS)
    pairs = zip(problem.names(pass_), one, other, strict=True)
    return [name for name, first, second in pairs if not torch.equal(first, second)]


def apart(problem: Problem, one: tuple, other: tuple, pass_: str, share: float) -> list[str]:
    """Names of the NumPy arrays that are further apart than a share of the tolerance."""
    allowed = problem.expected().allowed
    pairs = zip(problem.names(pass_), one, other, strict=True)
    return [
        name
        for name, first, second in pairs
        if not units(second, first, share * allowed[name]).max() <= 1.0
    ]


def between(one: Problem, other: Problem, pass_: str) -> list[str]:
    """Names of the arrays that are not right in the first, or in which the two do not agree.

    To two tolerances, as both answers have one: XLA makes subnormal numbers zero, and half types
    may be rounded to either side.
    """
    found, wanted = (
        tuple(map(problem.framework.numpy, problem.run(pass_))) for problem in (one, other)
    )
    reference = one.expected().reference
    exact = tuple(reference[name] for name in one.names(pass_))
    wrong = {*apart(one, exact, found, pass_, 1.0), *apart(one, wanted, found, pass_, 2.0)}
    return sorted(wrong)


LARGE_CALLS: dict[str, dict[str, Any]] = {
    "batch_shaping": {"a": 0.2, "b": 1.3, "prior": "normal", "reduction": "none"},
    "ecdf": {"surrogate": "density", "scale": 0.5},
    "occupancy_entropy": {"estimator": "sigmoid"},
    "soft_cut": {"threshold": 0.2, "steepness": 2.0},
    "soft_histogram": {"bandwidth": 0.4},
}
"""Arguments beside the samples with which every row has a value and a gradient of its own."""


def large_call(declaration: Declaration, x: Any, weight: Any = None) -> tuple[Any, Any]:
    """Value and gradient to the samples, the cotangent one everywhere or as given."""
    function = registry.load(declaration.operator, declaration.name, check_values=False)
    leaf = x.detach().requires_grad_()
    more = dict(LARGE_CALLS[declaration.operator])
    if declaration.operator == "soft_histogram":
        more["edges"] = torch.linspace(-4, 4, 51, device=x.device, dtype=x.dtype)
    output = function(leaf, **more)
    weight = torch.ones_like(output) if weight is None else weight
    (gradient,) = torch.autograd.grad(output, leaf, weight)
    return output.detach(), gradient


def last_rows_alone(declaration: Declaration, x: Any, rows: int = 3) -> None:
    """Assert that the last rows of many are worth what they are alone; indices may not wrap."""
    whole = large_call(declaration, x)
    alone = large_call(declaration, x[-rows:].clone())
    rtol = max(1e-4, 2 * torch.finfo(x.dtype).eps)
    for many, few in zip(whole, alone, strict=True):
        largest = float(few.abs().max())
        assert largest > 0
        torch.testing.assert_close(many[-rows:], few, rtol=rtol, atol=1e-5 * largest)


def needed(elements: int, itemsize: int) -> int:
    """Bytes that a call on so many samples may need: input, gradient, and sorting in between."""
    return elements * (6 * itemsize + 16)


@contextlib.contextmanager
def little_memory(spare: int) -> Iterator[None]:
    """Let torch's allocator have no more than it has, and ``spare`` bytes."""
    torch.cuda.synchronize()
    torch.cuda.empty_cache()
    total = torch.cuda.get_device_properties(0).total_memory
    torch.cuda.set_per_process_memory_fraction((torch.cuda.memory_reserved() + spare) / total)
    try:
        yield
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
        torch.cuda.empty_cache()


def shape_above(elements: int, samples: int) -> tuple[int, int]:
    """Rows of so many samples that together exceed the number of elements."""
    return math.floor(elements / samples) + 2, samples
