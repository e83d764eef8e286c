"""What must be true of the entropy of a unit's on/off state, and its gradients.

The entropy does not care which state is called on, nor about the order of the batch, nor about the
unit of pre-activations and temperature.
"""

import functools

from theorem import ROWS, SAMPLES, Equations, Theorem, grid, problem, shuffled

from suite.operators.occupancy_entropy import ESTIMATORS

DIMS = {"z": ("R", "N"), "noise": ("R", "N"), "output": ("R",)}
SHAPE = (ROWS, SAMPLES)
NOISY = {"gumbel_straight_through"}


def drawn(estimator, rng):
    """Pre-activations, with noise where the estimator needs it; odd, so that no unit is at 0."""
    arrays = {"z": grid(rng, -2, 2, SHAPE) + 2.0**-9}
    if estimator in NOISY:
        arrays["noise"] = grid(rng, -2, 2, SHAPE)
    return arrays


def stated(estimator, temperature, arrays, g, dtype):
    options = {"estimator": estimator, "temperature": temperature}
    return problem(DIMS, options, arrays, g, dtype, wrt=("z",))


def permutation(estimator, rng, dtype):
    """The entropy of a unit does not depend on the order of the batch."""
    arrays, g, order = drawn(estimator, rng), grid(rng, 0.5, 1.5, ROWS), shuffled(rng)
    rows = order[0][:, 0]
    moved = {name: array[order] for name, array in arrays.items()}
    there = stated(estimator, 0.5, arrays, g, dtype)

    def sides(one, other):
        return other, {"z": one["z"][order], "output": one["output"][rows]}

    return Equations((there, stated(estimator, 0.5, moved, g[rows], dtype)), sides)


def negation(estimator, rng, dtype):
    """On and off change places; the entropy stays, its gradient changes sign."""
    arrays, g = drawn(estimator, rng), grid(rng, 0.5, 1.5, ROWS)
    moved = {name: -array for name, array in arrays.items()}
    there, here = (stated(estimator, 0.5, each, g, dtype) for each in (arrays, moved))
    return Equations((there, here), lambda one, other: ({**other, "z": -other["z"]}, one))


def change_of_unit(estimator, rng, dtype):
    """Only the ratio of pre-activation and temperature counts."""
    arrays, g = drawn(estimator, rng), grid(rng, 0.5, 1.5, ROWS)
    moved = {name: 4 * array for name, array in arrays.items()}
    there, here = stated(estimator, 0.5, arrays, g, dtype), stated(estimator, 2.0, moved, g, dtype)
    return Equations((there, here), lambda one, other: ({**other, "z": 4 * other["z"]}, one))


def _named(state, estimator) -> Theorem:
    name = f"{state.__name__.replace('_', '-')} {estimator}"
    return Theorem("occupancy_entropy", name, functools.partial(state, estimator))


THEOREMS = tuple(
    _named(state, estimator)
    for state in (permutation, negation, change_of_unit)
    for estimator in ESTIMATORS
)
