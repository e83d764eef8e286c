"""Every operator's analytic gradient is the slope of its reference, by central differences."""

import math

import numpy as np
import pytest

from suite import operators
from suite.operators.base import cotangent, gathered, inputs

SMALL = 20_000
STEPS = (1e-4, 1e-5, 1e-6)

# Gradients that are defined and not derived, as the operators' docstrings say.
SURROGATES = {
    "energy_contrastive_divergence": lambda options: True,
    "ecdf": lambda options: True,
    "occupancy_entropy": lambda options: "straight_through" in options["estimator"],
}


def differentiable():
    """The small cases of all operators whose gradient is that of their value."""
    found = []
    for name in operators.names():
        operator = operators.get(name)
        surrogate = SURROGATES.get(name, lambda options: False)
        for case in operator.cases:
            size = math.prod(case.shape(case.arrays[0]))
            if size <= SMALL and case.data != "steep" and not surrogate(case.options):
                found.append(pytest.param(operator, case, id=f"{name}-{case.name}"))
    return found


def direction(name, values, gradient, main, rng):
    """How the argument moves: the samples as a smooth function of themselves, since ranks are held
    constant, so that equal ones stay equal and order is kept; parameters in proportion."""
    if name != main:
        return values * rng.normal(size=values.shape)
    spread = np.std(values) + 1e-3
    a_row = (len(values), *(1,) * (values.ndim - 1))
    frequency = rng.uniform(0.5, 1.0, size=a_row) / spread
    moved = spread * np.cos(frequency * values + rng.uniform(0, 6, size=a_row))
    return np.where(np.isfinite(gradient), moved, 0.0)


@pytest.mark.parametrize(("operator", "case"), differentiable())
def test_the_analytic_gradient_is_the_slope_of_the_reference(operator, case):
    arrays = {k: v.astype(np.float64) for k, v in inputs(operator, case, 0).items()}
    weight = cotangent(operator, case, 0).astype(np.float64)
    gradient = operator.reference_gradient(weight, case.wrt, **gathered(arrays), **case.options)
    assert set(gradient) == set(case.wrt)
    rng = np.random.Generator(np.random.Philox(5))

    def value(name, moved):
        arguments = {**gathered({**arrays, name: moved}), **case.options}
        return (weight * operator.reference(**arguments)).sum()

    for name, slope in gradient.items():
        assert np.shape(slope) == case.shape(name)
        along = direction(name, arrays[name], slope, case.arrays[0], rng)
        terms = np.where(along == 0, 0.0, slope) * along
        errors = []
        for step in STEPS:
            up, down = (value(name, arrays[name] + sign * step * along) for sign in (1, -1))
            errors.append(abs((up - down) / (2 * step) - terms.sum()))
        assert np.nanmin(errors) <= 1e-6 * np.abs(terms).sum() + 1e-12, (name, errors, terms.sum())
