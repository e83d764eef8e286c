"""What must be true of a binned kernel density estimate, and its gradients.

Counts forget the order of the samples and the unit they are in, bins add up, and what is reflected
is not lost.
"""

import functools

import numpy as np
from theorem import ROWS, SAMPLES, Equations, Theorem, grid, problem, shuffled

from suite.smoothing_kernels import KERNELS

DIMS = {"x": ("R", "N"), "edges": ("E",), "bandwidth": ("R",), "weights": ("R", "N")}
DIMS |= {"output": ("R", "B")}
SHAPE, BINS = (ROWS, SAMPLES), 6
BY_SAMPLE = ("x", "weights")


def drawn(rng):
    """Samples in and around uneven bins, a bandwidth and weights (some are zero) for every row."""
    widths = grid(rng, 0.125, 1, BINS, bits=6)
    return {
        "x": grid(rng, -3, 3, SHAPE),
        "edges": np.cumsum([-2.0, *widths]),
        "bandwidth": grid(rng, 0.25, 0.75, ROWS),
        "weights": np.maximum(grid(rng, -0.25, 2, SHAPE), 0),
    }


def cotangent(rng):
    return grid(rng, 0.5, 1.5, (ROWS, BINS))


def stated(options, arrays, g, dtype):
    return problem(DIMS, options, arrays, g, dtype)


def permutation(kernel, rng, dtype):
    """No count depends on the order of the samples."""
    arrays, g, order = drawn(rng), cotangent(rng), shuffled(rng)
    rows = order[0][:, 0]

    def reordered(by_name):
        new = {name: by_name[name][order] for name in BY_SAMPLE}
        by_row = {name: by_name[name][rows] for name in ("bandwidth", "output") if name in by_name}
        return {**by_name, **new, **by_row}

    there = stated({"kernel": kernel}, arrays, g, dtype)
    here = stated({"kernel": kernel}, reordered(arrays), g[rows], dtype)
    return Equations((there, here), lambda one, other: (other, reordered(one)))


def change_of_unit(kernel, density, rng, dtype):
    """Edges and bandwidth move with the samples; a density is one per unit of x."""
    options = {"kernel": kernel, "density": density}
    arrays, g = drawn(rng), cotangent(rng)
    scale, shift = rng.choice([0.25, 0.75, 3.0, 5.0]), grid(rng, -4, 4, ())
    moved = {**arrays, **{name: scale * arrays[name] for name in ("x", "edges", "bandwidth")}}
    moved |= {name: moved[name] + shift for name in ("x", "edges")}
    size = scale if density else 1.0

    def sides(one, other):
        back = {name: size * each for name, each in other.items()}
        slopes = {name: scale * back[name] for name in ("x", "edges", "bandwidth")}
        return {**back, **slopes}, one

    there, here = (stated(options, each, g, dtype) for each in (arrays, moved))
    return Equations((there, here), sides)


def mirror(kernel, rng, dtype):
    """Kernels are symmetric: -x has the bins in reverse."""
    arrays, g = drawn(rng), cotangent(rng)
    moved = {**arrays, "x": -arrays["x"], "edges": -arrays["edges"][::-1]}

    def sides(one, other):
        edges, output = -other["edges"][::-1], other["output"][:, ::-1]
        return {**other, "x": -other["x"], "edges": edges, "output": output}, one

    there = stated({"kernel": kernel}, arrays, g, dtype)
    return Equations((there, stated({"kernel": kernel}, moved, g[:, ::-1].copy(), dtype)), sides)


def merging(kernel, overflow, rng, dtype):
    """The sum of two neighbouring bins is the bin over both; the edge between them is nothing."""
    options = {"kernel": kernel, "overflow": overflow}
    arrays, g = drawn(rng), cotangent(rng)[:, ::2]
    coarse = {**arrays, "edges": arrays["edges"][::2]}

    def sides(fine, whole):
        output = fine["output"][:, ::2] + fine["output"][:, 1::2]
        edges = np.zeros(BINS + 1)
        edges[::2] = whole["edges"]
        return {**fine, "output": output}, {**whole, "edges": edges}

    there = stated(options, arrays, np.repeat(g, 2, axis=1), dtype)
    return Equations((there, stated(options, coarse, g, dtype)), sides)


def nothing_lost(kernel, rng, dtype):
    """Reflected counts sum to the weights' sum, whatever x, edges and bandwidth are."""
    arrays = drawn(rng)
    given = stated({"kernel": kernel, "overflow": "reflect"}, arrays, np.ones((ROWS, BINS)), dtype)

    def sides(one):
        slopes = {name: np.zeros_like(array) for name, array in arrays.items()}
        total = arrays["weights"].sum(axis=1)
        want = {**slopes, "weights": np.ones(SHAPE), "output": total}
        return {**one, "output": one["output"].sum(axis=1)}, want

    return Equations((given,), sides)


def _named(state, *variant) -> Theorem:
    words = ("density" if v is True else v for v in variant if v)
    name = " ".join([state.__name__.replace("_", "-"), *words])
    return Theorem("soft_histogram", name, functools.partial(state, *variant))


THEOREMS = (
    *(_named(permutation, kernel) for kernel in KERNELS),
    *(_named(change_of_unit, kernel, False) for kernel in KERNELS),
    _named(change_of_unit, "gaussian", True),
    *(_named(mirror, kernel) for kernel in KERNELS),
    *(_named(merging, kernel, "drop") for kernel in KERNELS),
    _named(merging, "gaussian", "reflect"),
    *(_named(nothing_lost, kernel) for kernel in KERNELS),
)
