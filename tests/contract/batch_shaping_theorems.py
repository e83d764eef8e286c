"""What must be true of a Cramer-von Mises distance to a prior, and its gradients.

Ranks follow a permutation, and forget a change of unit; mean ranks forget that every sample was
there twice, and turn round in a mirror. The statistic is SciPy's.
"""

import functools

import numpy as np
from scipy import stats
from scipy.special import expit, logit
from theorem import ROWS, SAMPLES, Equations, Theorem, distinct, grid, problem, shuffled

from suite.operators.base import round_to

DIMS = {"x": ("R", "N"), "a": ("R",), "b": ("R",), "output": ("R",)}
SHAPE = (ROWS, SAMPLES)
LAWS = {
    "beta": lambda a, b: stats.beta(a, b).cdf,
    "symbeta": lambda a, b: stats.beta(a, 1 - a).cdf,
    "relaxed_bernoulli": lambda a, b: lambda x: expit(b * logit(x) - logit(a)),
    "normal": lambda a, b: stats.norm(a, b).cdf,
}
HAZEN = {"plotting_position": "hazen", "reduction": "none"}
"""Said in the same words everywhere, as another option is another compilation."""


def drawn(prior, rng, *, logits=False):
    """Samples, some of them tied, and the prior's parameters."""
    x = grid(rng, -3, 3, SHAPE, bits=4) if logits or prior == "normal" else unit(rng)
    low, high = (-1, 1) if prior == "normal" else (0.25, 0.75) if prior != "beta" else (0.5, 4)
    arrays = {"x": x, "a": grid(rng, low, high, ROWS)}
    if prior != "symbeta":
        arrays["b"] = grid(rng, 0.5, 4 if prior == "beta" else 2, ROWS)
    return arrays


def unit(rng):
    """In steps of 1/64 in (0, 1), so that some are equal."""
    return grid(rng, 2 / 64, 62 / 64, SHAPE, bits=6)


def stated(options, arrays, cotangent, dtype):
    return problem(DIMS, options, arrays, cotangent, dtype)


def permutation(prior, position, rng, dtype):
    """The loss of a row does not depend on the order of its samples."""
    options = {"prior": prior, "plotting_position": position, "reduction": "none"}
    arrays, g = drawn(prior, rng), grid(rng, 0.5, 1.5, ROWS)
    order = shuffled(rng)
    rows = order[0][:, 0]
    moved = {name: array[order if name == "x" else rows] for name, array in arrays.items()}
    there = stated(options, arrays, g, dtype)

    def sides(one, other):
        want = {name: array[order if name == "x" else rows] for name, array in one.items()}
        return other, want

    return Equations((there, stated(options, moved, g[rows], dtype)), sides)


def change_of_unit(ties, position, rng, dtype):
    """A normal prior's mean and standard deviation move with the samples."""
    options = {"prior": "normal", "ties": ties, "plotting_position": position, "reduction": "none"}
    arrays, g = drawn("normal", rng), grid(rng, 0.5, 1.5, ROWS)
    scale, shift = rng.choice([0.25, 0.75, 3.0, 5.0]), grid(rng, -4, 4, ())
    moved = {name: scale * array for name, array in arrays.items()}
    moved |= {name: moved[name] + shift for name in "xa"}

    def sides(one, other):
        slopes = {name: scale * other[name] for name in arrays}
        return {**slopes, "output": other["output"]}, one

    there, here = (stated(options, each, g, dtype) for each in (arrays, moved))
    return Equations((there, here), sides)


def mirror(prior, position, logits, rng, dtype):
    """x to 1 - x (or z to -z): a beta's parameters change places, a mean goes to one minus it."""
    options = {"prior": prior, "plotting_position": position, "reduction": "none"}
    options |= {"from_logits": True} if logits else {}
    arrays, g = drawn(prior, rng, logits=logits), grid(rng, 0.5, 1.5, ROWS)
    symmetric = logits or prior == "normal"
    moved = {**arrays, "x": -arrays["x"] if symmetric else 1 - arrays["x"]}
    if prior == "beta":
        moved |= {"a": arrays["b"], "b": arrays["a"]}
    else:
        moved["a"] = -arrays["a"] if prior == "normal" else 1 - arrays["a"]

    def sides(one, other):
        back = {**other, "x": -other["x"]}
        back |= {"a": other["b"], "b": other["a"]} if prior == "beta" else {"a": -other["a"]}
        return back, one

    there, here = (stated(options, each, g, dtype) for each in (arrays, moved))
    return Equations((there, here), sides)


def duplicates(prior, rng, dtype):
    """Hazen's positions with mean ranks do not notice that every sample is there twice."""
    options = {"prior": prior, **HAZEN}
    arrays, g = drawn(prior, rng), grid(rng, 0.5, 1.5, ROWS)
    twice = {**arrays, "x": np.repeat(arrays["x"], 2, axis=1)}

    def sides(one, other):
        pairs = other["x"].reshape(*SHAPE, 2)
        # Either copy has half of the gradient.
        return {**other, "x": 2 * pairs}, {**one, "x": np.stack([one["x"]] * 2, axis=2)}

    there, here = (stated(options, each, g, dtype) for each in (arrays, twice))
    return Equations((there, here), sides)


def cramer_von_mises(prior, ties, rng, dtype):
    """N L = W2 - 1/(12 N), with mean ranks less the scatter that ties have lost."""
    options = {"prior": prior, **HAZEN} | ({} if ties == "mid" else {"ties": ties})
    arrays, g = drawn(prior, rng), grid(rng, 0.5, 1.5, ROWS)
    statistic = []
    for r, row in enumerate(arrays["x"]):
        law = LAWS[prior](arrays["a"][r], arrays["b"][r] if "b" in arrays else None)
        m = np.unique(row, return_counts=True)[1] if ties == "mid" else np.ones(1)
        lost = 1 / (12 * SAMPLES) + ((m**3 - m) / (12 * SAMPLES**2)).sum()
        statistic.append(stats.cramervonmises(row, law).statistic - lost)

    def sides(one):
        return {"statistic": SAMPLES * one["output"]}, {"statistic": np.array(statistic)}

    return Equations((stated(options, arrays, g, dtype),), sides)


def logits(prior, rng, dtype):
    """Samples may come as their logits, as long as a float holds either."""
    options = {"prior": prior, **HAZEN}
    arrays, g = drawn(prior, rng), grid(rng, 0.5, 1.5, ROWS)
    x = arrays["x"] = distinct(rng, 0.05, 0.95, SHAPE)
    z = {**arrays, "x": np.asarray(round_to(dtype, logit(x)), np.float64)}

    def sides(one, other):
        return other, {**one, "x": one["x"] * x * (1 - x)}

    there = stated(options, arrays, g, dtype)
    return Equations((there, stated({**options, "from_logits": True}, z, g, dtype)), sides)


def _named(state, *variant) -> Theorem:
    name = " ".join([state.__name__.replace("_", "-"), *(str(v) for v in variant if v)])
    return Theorem("batch_shaping", name, functools.partial(state, *variant))


PRIORS = tuple(LAWS)
THEOREMS = (
    *(_named(permutation, prior, "hazen") for prior in PRIORS),
    _named(permutation, "normal", "ecdf"),
    _named(change_of_unit, "mid", "weibull"),
    _named(change_of_unit, "ordinal", "hazen"),
    *(_named(mirror, prior, "hazen", "") for prior in PRIORS),
    _named(mirror, "beta", "hazen", "logits"),
    _named(mirror, "normal", "weibull", ""),
    *(_named(duplicates, prior) for prior in PRIORS),
    *(_named(cramer_von_mises, prior, "mid") for prior in PRIORS),
    *(_named(cramer_von_mises, prior, "ordinal") for prior in ("relaxed_bernoulli", "normal")),
    *(_named(logits, prior) for prior in PRIORS),
)
