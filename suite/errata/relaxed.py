"""Source 003, relaxed: binned kernel density estimates by their published formula.

The formula is ours, from the source; the installed package is examined beside them.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy import special, stats

from suite.errata.entry import Erratum, Evidence
from suite.errata.evaluate import evaluate, midpoints, reference, row

_JAX = ("jax",)
_NOTEBOOK = "'Differentiable Histograms', example notebook of relaxed (arXiv 2203.05570), "
_HIST = "relaxed, ops/histograms.py, hist (arXiv 2203.05570), "
_EDGES = np.linspace(-10, 10, 51).astype(np.float32)
_CENTRES = (_EDGES[1:] + _EDGES[:-1]).astype(np.float64) / 2
# The notebook's law, N(1, 1), without noise.
_TOY = stats.norm.ppf(midpoints(1000)) + 1


def _hist(x, edges=_EDGES, h: float = 0.5, **options: Any) -> np.ndarray:
    edges = np.asarray(edges, np.float32)
    return evaluate(
        "soft_histogram", "published_relaxed", x=row(x), edges=edges, bandwidth=h, **options
    )["output"][0]


def _mean(x, h: float = 0.5) -> tuple[float, float]:
    """The notebook's mean of a histogram, sum of centre times count over N, and its slope."""
    cotangent = _CENTRES / np.size(x)
    found = evaluate(
        "soft_histogram", "published_relaxed", ("x",), cotangent, x=row(x), edges=_EDGES,
        bandwidth=h,
    )  # fmt: skip
    return float(found["output"][0] @ cotangent), float(found["x"].sum())


def _convolution() -> tuple[Evidence, ...]:
    found = []
    for h in (0.5, 1.0):
        law = stats.norm(1, math.sqrt(1 + h * h))
        right = 1000 * (law.cdf(_EDGES[28]) - law.cdf(_EDGES[27]))
        quantity = f"count in (0.8, 1.2), N(1, 1) x 1000, bandwidth {h:g}"
        found.append(Evidence(quantity, _hist(_TOY, h=h)[27], right, 0.1))
    hard = np.histogram(_TOY, _EDGES)[0][27]
    found.append(Evidence("the same, bandwidth 0.001", _hist(_TOY, h=1e-3)[27], hard, 0.6))
    return tuple(found)


def _bandwidth_bias() -> tuple[Evidence, ...]:
    right = 1000 * (stats.norm.cdf(_EDGES[28] - 1.0) - stats.norm.cdf(_EDGES[27] - 1.0))
    return tuple(
        Evidence(f"count in (0.8, 1.2), N(1, 1) x 1000, bandwidth {h:g}", _hist(_TOY, h=h)[27],
                 right, 1.0)
        for h in (0.05, 0.5, 1.0)
    )  # fmt: skip


def _upper_tail() -> tuple[Evidence, ...]:
    found = []
    for z in (-6, 6, 4):
        edges = np.array([z, z + 1], np.float32)
        lo, hi = (z, z + 1) if z > 0 else (-z - 1, -z)
        right = special.ndtr(-lo) - special.ndtr(-hi)
        quantity = f"count of a sample in a bin from {z:g} to {z + 1:g} bandwidths, over the right"
        found.append(Evidence(quantity, _hist([0.0], edges, 1.0)[0] / right, 1, 1e-4))
    return tuple(found)


def _narrow() -> tuple[Evidence, ...]:
    found = []
    for width in (0.1, 1e-3, 1e-5):
        edges = np.array([0.5, 0.5 + width], np.float32)
        exact = special.ndtr(np.float64(edges))
        right = exact[1] - exact[0]
        quantity = f"count in a bin {width:g} bandwidths wide, over the right one"
        found.append(Evidence(quantity, _hist([0.0], edges, 1.0)[0] / right, 1, 1e-5))
    return tuple(found)


def _reflected(x, edges, **options: Any) -> tuple[np.ndarray, np.ndarray]:
    """Published and right histograms with the mass outside added to the outer bins."""
    edges = np.asarray(edges, np.float32)
    options = {"overflow": "reflect", **options}
    right = reference("soft_histogram", x=row(x), edges=edges, bandwidth=0.5, **options)
    return _hist(x, edges, 0.5, **options), right["output"][0]


def _reflect_density() -> tuple[Evidence, ...]:
    edges = np.linspace(-1, 3, 11)
    got, right = _reflected(_TOY, edges, density=True)
    counts, right_counts = _reflected(_TOY, edges)
    inside = _hist(_TOY, edges, 0.5, density=True)
    return (
        Evidence("area of the reflected density, N(1, 1) in (-1, 3)", got.sum() * 0.4, 1, 1e-4),
        Evidence("its first bin", got[0], right[0], 1e-4),
        Evidence("area without reflection", inside.sum() * 0.4, 1, 1e-4),
        Evidence("sum of the reflected counts", counts.sum(), right_counts.sum(), 0.01),
    )


def _reflect_bandwidth() -> tuple[Evidence, ...]:
    found, weight = [], np.arange(10.0) ** 2
    edges = np.linspace(-1, 3, 11).astype(np.float32)
    for overflow in ("drop", "reflect"):
        given: dict[str, Any] = {"x": row(_TOY), "edges": edges, "overflow": overflow}
        given["bandwidth"] = np.array(0.5, np.float32)
        asked = "soft_histogram", "published_relaxed", ("bandwidth",), weight
        slope = evaluate(*asked, **given)["bandwidth"]
        right = reference("soft_histogram", ("bandwidth",), weight, **given)["bandwidth"]
        quantity = f"slope of sum_b b^2 count_b to the bandwidth, overflow={overflow!r}"
        found.append(Evidence(quantity, float(slope), float(right), 0.05))
    return tuple(found)


def _shift() -> tuple[Evidence, ...]:
    mean, slope = _mean(_TOY + 2)
    return (
        Evidence("mean of the soft histogram, N(1, 1) shifted by 2", mean, 3, 1e-3),
        Evidence("its slope to the shift", slope, 1, 1e-3),
    )


def _shift_limits() -> tuple[Evidence, ...]:
    outside, narrow = _mean(_TOY + 8), _mean(_TOY + 2, 1e-3)
    return (
        Evidence("mean of the histogram, N(1, 1) shifted by 8, edges to 10", outside[0], 9, 1e-3),
        Evidence("its slope to the shift", outside[1], 1, 1e-3),
        Evidence("slope at a shift of 2, bandwidth 0.001", narrow[1], 1, 1e-3),
    )


def _peak() -> tuple[Evidence, ...]:
    waiting = stats.gamma.ppf(midpoints(1000), 3)
    shift = 3 - _mean(waiting)[0]
    peak = _CENTRES[int(np.argmax(_hist(waiting + shift)))]
    return (
        Evidence("mean of a Gamma(3) histogram shifted to 3", _mean(waiting + shift)[0], 3, 1e-2),
        Evidence("its peak", float(peak), 3, 0.2),
    )


ENTRIES = (
    Erratum(
        "relaxed-hist-limit",
        _NOTEBOOK + "first paragraphs",
        "A binned kernel density estimate relaxes the histogram, which is its limit of bandwidth "
        "0.",
        "count_b = sum_i [Phi((e_{b+1} - x_i)/h) - Phi((e_b - x_i)/h)]",
        "",
        "none",
        "Holds; at h > 0 it is the histogram of the data convolved with N(0, h^2).",
        _JAX,
        _convolution,
    ),
    Erratum(
        "relaxed-hist-bandwidth-bias",
        _NOTEBOOK + "calls with bandwidth 0.5 and 1.0, bins 0.4 wide",
        "The soft counts stand for the histogram's.",
        "E count_b = N (f * N(0, h^2))(bin)",
        "N f(bin), reached for h small against the law's own width",
        "bias",
        "At the notebook's bandwidths a bin at the peak of N(1, 1) is 10% and 29% too low.",
        _JAX,
        _bandwidth_bias,
    ),
    Erratum(
        "relaxed-hist-upper-tail",
        _HIST + "cdf_up - cdf_dn",
        "Every bin's mass is a difference of normal CDFs.",
        "Phi(v) - Phi(u) in float32",
        "Q(u) - Q(v) with Q(z) = Phi(-z) where u + v > 0",
        "limit",
        "Phi rounds to 1 from 5.4 bandwidths above a sample, so that bins there are 0, and their "
        "logarithm -inf, where bins as far below are right.",
        _JAX,
        _upper_tail,
    ),
    Erratum(
        "relaxed-hist-narrow-bins",
        _HIST + "cdf_up - cdf_dn",
        "The same, however narrow the bin.",
        "Phi(v) - Phi(u), v - u small",
        "quadrature of the density over (u, v)",
        "bias",
        "The difference has an absolute error of 6e-8: up to 2% of a bin 0.00001 bandwidths wide.",
        _JAX,
        _narrow,
    ),
    Erratum(
        "relaxed-hist-reflected-density",
        _HIST + "density with reflect_infinities",
        "Reflecting what is outside into the outer bins gives unit total density.",
        "count_b / (width_b sum count), outer bins + count_{-inf} / inf + count_{+inf} / inf",
        "add the counts outside to the outer bins first, then divide by width and sum",
        "scale",
        "The bins that end at infinity are divided by their infinite width before they are added: "
        "the mass outside is lost from the bins but not from the sum.",
        _JAX,
        _reflect_density,
    ),
    Erratum(
        "relaxed-hist-reflected-bandwidth",
        _HIST + "reflect_infinities, edges at -inf and inf",
        "The histogram can be differentiated in its bandwidth.",
        "dPhi((e - x)/h)/dh = -phi(z) z / h, z = inf",
        "the same, 0 at an infinite edge",
        "nan",
        "0 times infinity: with reflection the bandwidth's gradient is NaN, always.",
        _JAX,
        _reflect_bandwidth,
    ),
    Erratum(
        "relaxed-histogram-mean",
        _NOTEBOOK + "shift_histo and its descent to 3.0",
        "The mean of the soft histogram follows a shift of the data, to a target.",
        "m = sum_b centre_b count_b / N, dm/dshift = 1",
        "",
        "none",
        "Holds where nothing is near the outer edges and h is not small against the bins.",
        _JAX,
        _shift,
    ),
    Erratum(
        "relaxed-histogram-mean-edges",
        _NOTEBOOK + "shift_histo, '/ len(shifted_inputs)'",
        "The same at any target and any bandwidth.",
        "m = sum_b centre_b count_b / N",
        "m = sum_b centre_b count_b / sum_b count_b, edges beyond the data, h >= half a bin",
        "bias",
        "Mass beyond the edges counts as 0: near the last edge m falls when the data rise, and the "
        "slope changes its sign. With h far below the bins the slope is that of few samples.",
        _JAX,
        _shift_limits,
    ),
    Erratum(
        "relaxed-histogram-peak",
        _NOTEBOOK + "'the peak of the histogram ... is at some target value'",
        "The shift that is found puts the histogram's peak at the target.",
        "(mean - t)^2",
        "the mean is put there, not the peak",
        "misnamed",
        "True for symmetric data only.",
        _JAX,
        _peak,
    ),
)
