"""What must be true of empirical distribution functions, and the surrogates of their gradients.

A value is a rank: it forgets every increasing map and turns round under a decreasing one. A
surrogate with a scale follows a change of unit.
"""

import functools

import numpy as np
from theorem import ROWS, SAMPLES, Equations, Theorem, grid, problem, shuffled

DIMS = {"x": ("R", "N"), "output": ("R", "N")}
SHAPE = (ROWS, SAMPLES)
SCALES = {"identity": None, "density": 0.5, "soft_rank": 0.5}
STEPS = {"ecdf": SAMPLES, "hazen": SAMPLES, "weibull": SAMPLES + 1}


def drawn(rng):
    """Samples in steps of an eighth, so that some are equal."""
    return grid(rng, -2, 2, SHAPE, bits=3)


def cotangent(rng):
    return grid(rng, -1.5, 1.5, SHAPE)


def stated(options, x, g, dtype):
    return problem(DIMS, options, {"x": x}, g, dtype)


def permutation(surrogate, ties, rng, dtype):
    """A sample keeps its value wherever it stands."""
    options = {"surrogate": surrogate, "scale": SCALES[surrogate], "ties": ties}
    x, g, order = drawn(rng), cotangent(rng), shuffled(rng)
    there, here = stated(options, x, g, dtype), stated(options, x[order], g[order], dtype)

    def sides(one, other):
        return other, {name: array[order] for name, array in one.items()}

    return Equations((there, here), sides)


def increasing(ties, position, rng, dtype):
    """No increasing map changes a value, nor the straight-through gradient."""
    options = {"ties": ties, "plotting_position": position}
    x, g = drawn(rng), cotangent(rng)
    values, index = np.unique(x, return_inverse=True)
    steps = np.exp2(rng.integers(-6, 3, size=values.size))
    mapped = (np.cumsum(steps) - 3.0)[index].reshape(SHAPE)
    there, here = (stated(options, each, g, dtype) for each in (x, mapped))
    return Equations((there, here), lambda one, other: (other, one))


def decreasing(surrogate, ties, position, rng, dtype):
    """A decreasing map turns the ranks round; of m equal samples the largest rank is m higher.

    The surrogates are even in x, so that their gradients stay.
    """
    options = {"surrogate": surrogate, "scale": SCALES[surrogate]}
    options |= {"ties": ties, "plotting_position": position}
    x, g = drawn(rng), cotangent(rng)
    equal = (x[:, :, None] == x[:, None, :]).sum(axis=2) if ties == "max" else 1
    offset = 0 if position == "hazen" else 1
    both = (SAMPLES + equal - 1 + offset) / STEPS[position]

    def sides(one, other):
        return {**other, "output": both - other["output"]}, one

    there, here = (stated(options, each, g, dtype) for each in (x, -x))
    return Equations((there, here), sides)


def change_of_unit(surrogate, rng, dtype):
    """With its scale in the new unit, a surrogate's gradient is one per unit of x."""
    options = {"surrogate": surrogate, "scale": SCALES[surrogate]}
    x, g = drawn(rng), cotangent(rng)
    moved = 4 * x + grid(rng, -4, 4, ())
    there = stated(options, x, g, dtype)
    here = stated({**options, "scale": 4 * SCALES[surrogate]}, moved, g, dtype)
    return Equations((there, here), lambda one, other: ({**other, "x": 4 * other["x"]}, one))


def _named(state, *variant) -> Theorem:
    name = " ".join([state.__name__.replace("_", "-"), *variant])
    return Theorem("ecdf", name, functools.partial(state, *variant))


THEOREMS = (
    *(_named(permutation, surrogate, "max") for surrogate in SCALES),
    _named(permutation, "identity", "mid"),
    _named(increasing, "max", "ecdf"),
    _named(increasing, "mid", "hazen"),
    _named(increasing, "ordinal", "weibull"),
    *(_named(decreasing, surrogate, "max", "ecdf") for surrogate in SCALES),
    _named(decreasing, "identity", "mid", "hazen"),
    _named(decreasing, "identity", "mid", "weibull"),
    *(_named(change_of_unit, surrogate) for surrogate in ("density", "soft_rank")),
)
