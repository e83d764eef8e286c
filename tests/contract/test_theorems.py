"""Theorems have teeth: the reference keeps them; zeros, a constant and the input are far off."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from theorem import allowed, distance, right
from theorems import THEOREMS

from suite import operators

FAR = 10.0
"""Allowed errors; an implementation may make one."""


def philox(seed):
    return np.random.Generator(np.random.Philox(seed))


every_theorem = pytest.mark.parametrize("theorem", THEOREMS, ids=lambda t: f"{t.operator} {t.name}")


def test_every_operator_has_theorems_and_no_two_of_one_name():
    assert {theorem.operator for theorem in THEOREMS} == set(operators.names())
    names = [(theorem.operator, theorem.name) for theorem in THEOREMS]
    assert len(set(names)) == len(names)


@every_theorem
@settings(deadline=None, derandomize=True, max_examples=4)
@given(seed=st.integers(0, 2**32), dtype=st.sampled_from(["float32", "float64"]))
def test_the_reference_keeps_them_to_a_fraction_of_the_allowed_error(theorem, dtype, seed):
    equations = theorem.state(philox(seed), dtype)
    found = distance(theorem, equations, lambda given: right(theorem.subject, given))
    assert found.sides <= 0.5, theorem.state.func.__doc__


FAKES = {
    "zeros": lambda value, samples: np.zeros_like(value),
    "a constant": lambda value, samples: np.full_like(value, value.mean()),
    "the input": lambda value, samples: np.resize(samples, value.shape),
}


@every_theorem
def test_zeros_a_constant_and_the_input_are_far_from_them(theorem):
    equations = theorem.state(philox(7), "float32")
    for what, fake in FAKES.items():

        def answer(given, fake=fake):
            samples = next(iter(given.arrays.values()))
            honest = right(theorem.subject, given)
            return {name: fake(value, samples) for name, value in honest.items()}

        found = distance(theorem, equations, answer)
        assert max(found.sides, found.reference) > FAR, what


@every_theorem
def test_answers_that_err_more_than_they_may_are_told_by_the_two_sides_alone(theorem):
    """Each element off by twenty times what is allowed, up or down."""
    rng = philox(8)

    def blurred(given):
        answer = right(theorem.subject, given)
        error = allowed(theorem.subject, given, answer)
        return {
            name: values + 20 * error[name] * rng.choice([-1, 1], size=values.shape)
            for name, values in answer.items()
        }

    assert distance(theorem, theorem.state(philox(7), "float32"), blurred).sides > 1.0
