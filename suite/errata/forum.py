"""Source 000, the forum thread: a differentiable ECDF by argsort, straight through."""

from __future__ import annotations

import math

import numpy as np
from scipy import stats

from suite.errata.entry import Erratum, Evidence
from suite.errata.evaluate import evaluate, midpoints, row

_CLOSURE = (
    "PyTorch forum, 'Differentiating w.r.t. empirical probability distributions', second post, "
)


def _positions(x, name: str = "published_forum") -> np.ndarray:
    return evaluate("ecdf", name, x=row(x))["output"][0]


def _distance(x, y, name: str = "published_forum") -> float:
    """The closure's loss: mean squared difference of what it calls the ECDFs of x and y."""
    return float(np.mean((_positions(x, name) - _positions(y, name)) ** 2))


def _push(x, y, name: str) -> np.ndarray:
    """The closure's gradient to y."""
    target = _positions(x, name)
    cotangent = 2 * (_positions(y, name) - target) / len(target)
    return evaluate("ecdf", name, ("x",), cotangent, x=row(y))["x"][0]


def _normals(columns: int) -> np.ndarray:
    return np.random.Generator(np.random.Philox(0)).normal(size=(columns, 20_000))


def _argsort() -> tuple[Evidence, ...]:
    v, noise = _normals(2)
    published, ranks = (_push(v, v + noise, name) for name in ("published_forum", "torch_eager"))
    agreement = published @ ranks / np.linalg.norm(published) / np.linalg.norm(ranks)
    slope = (math.sqrt(0.5) - 1) / math.sqrt(math.pi)
    return (
        Evidence("'ECDF' at the first of the samples 3, 1, 2", _positions([3, 1, 2])[0], 1, 1e-6),
        Evidence("correlation of 20000 normal samples' 'ECDF' with their ranks",
                 float(np.corrcoef(_positions(v), stats.rankdata(v))[0, 1]), 1, 1e-6),
        Evidence("loss of y = -x, whose ECDFs are u and 1 - u", _distance(v, -v), 1 / 3, 1e-3),
        Evidence("loss of a y that is independent of x", _distance(v, noise), 1 / 6, 5e-3),
        Evidence("cosine of its gradient with that of ranks, y = x + noise", agreement, 1, 1e-3),
        Evidence("slope of the loss in t, y = t x + noise, at t = 1", published @ v, slope, 1e-2),
    )  # fmt: skip


def _increasing() -> tuple[Evidence, ...]:
    quantiles = stats.norm.ppf(midpoints(999))
    v = np.random.Generator(np.random.Philox(1)).permutation(quantiles)
    return (
        Evidence("loss of y = exp(x)", _distance(v, np.exp(v)), 0, 1e-9),
        Evidence("loss of y = 5 x - 100", _distance(v, 5 * v - 100), 0, 1e-9),
        Evidence("largest slope of the loss to y = exp(x)",
                 float(np.abs(_push(v, np.exp(v), "published_forum")).max()), 0, 1e-7),
    )  # fmt: skip


def _range() -> tuple[Evidence, ...]:
    four = _positions([1, 2, 3, 4])
    return (
        Evidence("'ECDF' at the smallest of 4 sorted samples", four[0], 1 / 4, 1e-6),
        Evidence("at the second", four[1], 2 / 4, 1e-6),
        Evidence("at the largest", four[3], 1, 1e-6),
    )


def _one_sample() -> tuple[Evidence, ...]:
    return (Evidence("'ECDF' at the only sample", _positions([0.3])[0], 1, 0),)


def _scale() -> tuple[Evidence, ...]:
    found = []
    for spread in (0.1, 1.0, 10.0):
        samples = row(spread * stats.norm.ppf(midpoints(999)))
        slope = evaluate("ecdf", "published_forum", ("x",), x=samples)["x"][0, 499]
        right = stats.norm.pdf(0, scale=spread)
        quantity = f"slope of the ECDF at the median of N(0, {spread:g}^2)"
        found.append(Evidence(quantity, slope, right, 1e-3))
    return tuple(found)


def _rounding() -> tuple[Evidence, ...]:
    offsets = np.arange(5)
    return tuple(
        Evidence(f"p = 1/4 of the samples {start:.0e} + (0..4)",
                 _positions(start + offsets)[1], 0.25, 1e-6)
        for start in (0.0, 1e4, 1e7)
    )  # fmt: skip


ENTRIES = (
    Erratum(
        "forum-argsort",
        _CLOSURE + "ecdf_actual and ecdf_pred",
        "argsort over its maximum is the ECDF at every sample, so the loss compares the "
        "distribution functions of input and output.",
        "p = argsort(x) / max(argsort(x))",
        "p_i = #{j: x_j <= x_i} / N = rank(x_i) / N, rank = argsort(argsort(x)) + 1",
        "misnamed",
        "argsort(x)[i] is where the i-th smallest sample came from, not the rank of sample i, and "
        "uncorrelated with it. A decreasing map costs as much as an independent one, and the "
        "gradient of one sample is another's: it does not descend.",
        ("torch",),
        _argsort,
    ),
    Erratum(
        "forum-increasing-map",
        _CLOSURE + "'it actually seems to learn'",
        "Once the map is increasing, its ECDF is that of its input and the loss is at its minimum.",
        "mean (p(x) - p(y))^2 = 0 for y = m(x), m increasing",
        "",
        "none",
        "True, and by argsort too, since both sort alike. It also means that the loss says nothing "
        "of the map but that it increases: the distribution of the output is not learned.",
        ("torch",),
        _increasing,
    ),
    Erratum(
        "forum-ecdf-range",
        _CLOSURE + "the divisions by .max()",
        "The index over the largest index is the ECDF.",
        "p_(i) = (i - 1) / (N - 1), i = 1..N",
        "p_(i) = i / N",
        "bias",
        "Even where argsort is the rank, as for sorted samples, the first gets 0, the i-th "
        "(N - i) / (N (N - 1)) too little.",
        ("torch",),
        _range,
    ),
    Erratum(
        "forum-one-sample",
        _CLOSURE + "the divisions by .max()",
        "The index over the largest index is the ECDF, for any batch.",
        "p = 0 / max(0) for N = 1",
        "p = 1",
        "nan",
        "A last batch of one sample makes the loss and with it all weights NaN.",
        ("torch",),
        _one_sample,
    ),
    Erratum(
        "forum-straight-through-scale",
        _CLOSURE + "ecdf_pred = Variable(ecdf_pred.data-y.data)+y",
        "The ECDF can be differentiated by letting the gradient of y through unchanged.",
        "dp_i/dy_i = 1",
        "dp_i/dy_i = f(y_i), the density; estimated, f_h(y_i) = 1/N sum_j phi((y_i - y_j)/h)/h",
        "scale",
        "The slope of a distribution function is the density: an output ten times as wide gets a "
        "gradient that is ten times too large, and the tails are pushed as hard as the middle.",
        ("torch",),
        _scale,
    ),
    Erratum(
        "forum-straight-through-rounding",
        _CLOSURE + "ecdf_pred = Variable(ecdf_pred.data-y.data)+y",
        "The rewritten ecdf_pred has the value of the ECDF.",
        "(p - y) + y in float32",
        "p + (y - y), the bracket with its gradient: exactly p",
        "bias",
        "p - y is rounded to y's spacing: 0.001 at 1e4, 1 at 1e7. Samples with a large offset lose "
        "their ECDF.",
        ("torch",),
        _rounding,
    ),
)
