"""Tolerances have teeth: zeros, a constant and the input itself are far from right everywhere."""

import math

import numpy as np
import pytest

from suite import operators
from suite.judge.correctness import expected, units
from suite.operators.base import cotangent, inputs

SMALL = 20_000
FAR = 10.0
"""Tolerances; "wrong" begins at one."""


def small_cases():
    found = []
    for name in operators.names():
        operator = operators.get(name)
        for case in operator.cases:
            if case.profile == "quick" and math.prod(case.shape(case.arrays[0])) <= SMALL:
                found.append(pytest.param(operator, case, id=f"{name}-{case.name}"))
    return found


def impostors(operator, case, wants, name):
    """(what it is, an array) that no honest implementation returns."""
    reference = wants[0].reference[name]
    if reference.any():
        yield "zeros", np.zeros_like(reference)
    # A number has no mean of its own: the constant is another input's answer.
    others = [want.reference[name] for want in wants[:: -1 if reference.size == 1 else 1]]
    finite = others[0][np.isfinite(others[0])]
    constant = np.full_like(reference, finite.mean())
    if np.ptp(reference[np.isfinite(reference)]) > 0 or reference.size == 1:
        yield "a constant", constant
    given = {**inputs(operator, case, 0), "cotangent": cotangent(operator, case, 0)}
    for argument, values in given.items():
        if values.shape == reference.shape and not np.array_equal(values, reference):
            yield argument, values


@pytest.mark.parametrize(("operator", "case"), small_cases())
def test_zeros_a_constant_and_the_input_are_wrong_in_value_and_gradients(operator, case):
    wants = [expected(operator, case, base) for base in (0, 1)]
    for name in ("output", *case.wrt):
        want = wants[0]
        tried = list(impostors(operator, case, wants, name))
        assert tried or case.shape(case.arrays[0])[1] == 1, f"nothing refutes a wrong {name}"
        for what, values in tried:
            error = units(values, want.reference[name], want.allowed[name]).max()
            assert error > FAR, f"{what} passes as {name}: {error:.3g} tolerances"
