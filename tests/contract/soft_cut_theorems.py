"""What must be true of a soft selection, and its gradients.

What is above is not below, a mirror exchanges the two, and threshold and steepness follow the
samples' unit.
"""

import functools

from theorem import ROWS, SAMPLES, Equations, Theorem, grid, problem, shuffled

DIMS = {"x": ("R", "N"), "threshold": ("R",), "steepness": ("R",), "output": ("R", "N")}
SHAPE = (ROWS, SAMPLES)


def drawn(rng):
    return {
        "x": grid(rng, -2, 2, SHAPE),
        "threshold": grid(rng, -1, 1, ROWS),
        "steepness": grid(rng, 0.5, 4, ROWS),
    }


def cotangent(rng):
    return grid(rng, 0.5, 1.5, SHAPE)


def stated(keep, arrays, g, dtype):
    return problem(DIMS, {"keep": keep}, arrays, g, dtype)


def permutation(rng, dtype):
    """A sample is selected by itself."""
    arrays, g, order = drawn(rng), cotangent(rng), shuffled(rng)

    def reordered(by_name):
        return {k: v[order if v.ndim == 2 else order[0][:, 0]] for k, v in by_name.items()}

    there = stated("above", arrays, g, dtype)
    here = stated("above", reordered(arrays), g[order], dtype)
    return Equations((there, here), lambda one, other: (other, reordered(one)))


def change_of_unit(rng, dtype):
    """The threshold is in units of x, the steepness in their inverse."""
    arrays, g = drawn(rng), cotangent(rng)
    scale, shift = rng.choice([0.25, 0.5, 4.0]), grid(rng, -4, 4, ())
    moved = {name: scale * arrays[name] + shift for name in ("x", "threshold")}
    moved["steepness"] = arrays["steepness"] / scale

    def sides(one, other):
        slopes = {name: scale * other[name] for name in ("x", "threshold")}
        return {**other, **slopes, "steepness": other["steepness"] / scale}, one

    there, here = (stated("above", each, g, dtype) for each in (arrays, moved))
    return Equations((there, here), sides)


def complement(rng, dtype):
    """What is kept above and what is kept below are everything."""
    arrays, g = drawn(rng), cotangent(rng)

    def sides(above, below):
        left_out = {name: -each for name, each in below.items()}
        return {**left_out, "output": 1 - below["output"]}, above

    there, here = (stated(keep, arrays, g, dtype) for keep in ("above", "below"))
    return Equations((there, here), sides)


def mirror(rng, dtype):
    """Above in x is below in -x."""
    arrays, g = drawn(rng), cotangent(rng)
    moved = {**arrays, "x": -arrays["x"], "threshold": -arrays["threshold"]}

    def sides(one, other):
        return {**other, **{name: -other[name] for name in ("x", "threshold")}}, one

    there, here = stated("above", arrays, g, dtype), stated("below", moved, g, dtype)
    return Equations((there, here), sides)


def _named(state) -> Theorem:
    name = state.__name__.replace("_", "-")
    return Theorem("soft_cut", name, functools.partial(state))


THEOREMS = tuple(map(_named, (permutation, change_of_unit, complement, mirror)))
