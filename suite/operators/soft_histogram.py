"""Soft histogram: a binned kernel density estimate, differentiable in everything it is made of.

    count_b = sum_i w_i m_bi,    m_bi = K((e_{b+1} - x_i) / h) - K((e_b - x_i) / h)

with K the CDF of the kernel: "gaussian" (h its standard deviation), "logistic" (h its scale),
"triangular" or "epanechnikov" (h half their support). ``overflow="reflect"`` adds the mass outside
the edges to the two outer bins, so that a row's counts sum to its weights; "drop" leaves it out.
``density=True`` divides a row so that its counts times the bins' widths sum to one in both modes
(NaN for a row without any mass inside).

Arguments: x (R, N), an infinite one being a sample outside; edges (B + 1,), increasing, in units of
x; bandwidth h > 0 in units of x, a host scalar, () or (R,); weights (N,) or (R, N), finite and
>= 0, one by default. Returns (R, B). With g the cotangent of the counts, c_e = g_{e-1} - g_e its
step down at an edge and z_ei = (e - x_i) / h, the gradients are

    x_i  -w_i / h sum_e c_e k(z_ei)        bandwidth  -1 / h sum_i w_i sum_e c_e z_ei k(z_ei)
    e     c_e / h sum_i w_i k(z_ei)        w_i         sum_b g_b m_bi

Accuracy: each bin is right to 1e-5 of itself in float32, up to 8 bandwidths from the nearest sample
on either side and however narrow it is, so that logarithms of bins can be differentiated.

Source: N. Simpson, L. Heinrich, "neos: End-to-End-Optimised Summary Statistics for High Energy
Physics", 2022, arXiv 2203.05570 (binned kernel density estimates).
"""

from __future__ import annotations

import numpy as np

from suite.kernel_counts import kernel_counts
from suite.operators.arguments import (
    is_array,
    require_array,
    require_between,
    require_choice,
    require_parameter,
    require_shape,
    require_values,
)
from suite.operators.base import ITEM_BYTES, Case, Cost, ErrorCase, Operator, Pass
from suite.smoothing_kernels import KERNELS, REACH, bin_mass, density_difference
from suite.smoothing_kernels import density as kernel_density

OVERFLOW = ("drop", "reflect")


def reference(
    x, edges, bandwidth, weights=None, *, kernel="gaussian", density=False, overflow="drop"
):
    """The soft counts or densities of every row, (R, B), float64."""
    counts = kernel_counts(x, edges, bandwidth, weights, kernel, overflow).counts()
    if not density:
        return counts
    return counts / np.diff(edges) / counts.sum(axis=1, keepdims=True)


def reference_gradient(
    cotangent, wrt, x, edges, bandwidth, weights=None, *, kernel="gaussian", density=False,
    overflow="drop",
):  # fmt: skip
    """Gradients of sum(cotangent * histogram) to each name of ``wrt``."""
    given = kernel_counts(x, edges, bandwidth, weights, kernel, overflow)
    to_edges = np.zeros((x.shape[0], len(edges))) + given.poison
    if density:
        counts, width = given.counts(), np.diff(edges)
        total = counts.sum(axis=1, keepdims=True)
        share = cotangent * counts / (total * width)
        cotangent = (cotangent / width - share.sum(axis=1, keepdims=True)) / total
        to_edges -= _steps(share / width)
    to_x, to_weights = np.zeros(x.shape) + given.poison, np.zeros(x.shape) + given.poison
    to_bandwidth = given.poison[:, 0]
    steps = _steps(cotangent) / given.bandwidth[:, None]
    for at in given.blocks():
        g, step = cotangent[at.row, at.bins], steps[at.row, at.edges]
        if "x" in wrt:
            fall = density_difference(kernel, at.z, at.width)
            to_x[at.row, at.samples] = at.weight * (fall @ g) / given.bandwidth[at.row]
        if "edges" in wrt or "bandwidth" in wrt:
            k = kernel_density(kernel, at.z)
            to_edges[at.row, at.edges] += step * (at.weight @ k)
            to_bandwidth[at.row] -= at.weight @ (k * at.z) @ step
        if "weights" in wrt:
            to_weights[at.row, at.samples] = bin_mass(kernel, at.z, at.width) @ g
    return _shaped(wrt, bandwidth, weights, to_x, to_edges, to_bandwidth, to_weights)


def _steps(values: np.ndarray) -> np.ndarray:
    """Value below minus value above every edge, zero outside: (R, B) to (R, B + 1)."""
    return -np.diff(np.pad(values, ((0, 0), (1, 1))))


def _around(values: np.ndarray) -> np.ndarray:
    """Value below plus value above every edge, zero outside: (R, B) to (R, B + 1)."""
    padded = np.pad(values, ((0, 0), (1, 1)))
    return padded[:, 1:] + padded[:, :-1]


def _shaped(wrt, bandwidth, weights, to_x, to_edges, to_bandwidth, to_weights):
    """Per-row terms, summed to the arguments' shapes."""
    gradients = {
        "x": to_x,
        "edges": to_edges.sum(axis=0),
        "bandwidth": to_bandwidth if np.ndim(bandwidth) else to_bandwidth.sum(),
        "weights": to_weights if np.ndim(weights) == 2 else to_weights.sum(axis=0),
    }
    return {name: gradients[name] for name in wrt}


def condition(
    cotangent, wrt, x, edges, bandwidth, weights=None, *, kernel="gaussian", density=False,
    overflow="drop",
):  # fmt: skip
    """Every kernel mass, and its change per bandwidth beside it, relative to themselves.

    More than 8 bandwidths away a rounding of z weighs z^2 / 64 times as much. A compact kernel ends
    at z = 1, where a rounding of z (1/50 of the tolerance) is all there is.
    """
    given = kernel_counts(x, edges, bandwidth, weights, kernel, overflow)
    end = 0.02 if REACH[kernel] == 1 else 0.0
    output, to_edges = np.zeros((len(x), len(edges) - 1)), np.zeros((len(x), len(edges)))
    push = np.abs(cotangent)
    if density:
        counts, width = given.counts(), np.diff(edges)
        total = counts.sum(axis=1, keepdims=True)
        share = push * counts / (total * width)
        push = (push / width + share.sum(axis=1, keepdims=True)) / total
        to_edges += _around(share / width)
    around = _around(push)
    to_x, to_weights, to_bandwidth = np.zeros(x.shape), np.zeros(x.shape), np.zeros(len(x))
    for at in given.blocks():
        h, g = given.bandwidth[at.row], push[at.row, at.bins]
        far = np.maximum(1, at.z**2 / 64)
        apart = at.z[:, 1:] * at.z[:, :-1] > 0
        far_bin = np.where(apart, np.minimum(far[:, 1:], far[:, :-1]), 1)
        fall = np.abs(density_difference(kernel, at.z, at.width))
        mass = bin_mass(kernel, at.z, at.width)
        ends = end * (mass > 0)
        to_x[at.row, at.samples] = at.weight * ((far_bin * (mass + fall + ends)) @ g) / h
        if "edges" in wrt or "bandwidth" in wrt:
            k = kernel_density(kernel, at.z)
            at_edges = at.weight @ (far * (k + end * (k > 0))) / h
            to_edges[at.row, at.edges] += at_edges * around[at.row, at.edges]
            stretched = far_bin * (mass + np.abs(np.diff(k * at.z)) + ends)
            to_bandwidth[at.row] += at.weight @ (stretched @ g) / h
        mass = far_bin * (mass + end * fall)
        output[at.row, at.bins] += at.weight @ mass
        to_weights[at.row, at.samples] = mass @ g
    if density:
        output = (output + counts * output.sum(axis=1, keepdims=True) / total) / (total * width)
    return {
        "output": output,
        **_shaped(wrt, bandwidth, weights, to_x, to_edges, to_bandwidth, to_weights),
    }


def tolerance(dtype):
    """The accuracy that the operator demands; differences of float64 tails keep ten digits."""
    return 1e-10 if dtype == "float64" else 1e-5


def cost(case: Case, pass_: Pass) -> Cost:
    """Read the samples (twice with a backward pass), write their gradients; moments, not O(N B).

    Eight multiply-adds deposit a sample's moments, eight more evaluate its gradient's polynomial.
    """
    elements = case.sizes["R"] * case.sizes["N"]
    read = elements + case.sizes["N"] * (len(case.dims.get("weights", ())) == 1)
    read += elements * (len(case.dims.get("weights", ())) == 2)
    written = sum(int(np.prod(case.shape(name))) for name in case.wrt)
    ends = 2 * case.sizes["R"] * case.sizes["B"]
    if pass_ == "forward":
        return Cost((read + ends) * ITEM_BYTES[case.dtype], 16 * elements, elements)
    moved = 2 * read + written + ends
    return Cost(moved * ITEM_BYTES[case.dtype], 32 * elements, elements)


def check(x, edges, bandwidth, weights=None, *, kernel="gaussian", density=False, overflow="drop"):
    """Raise for a wrong rank, dtype or shape, one edge, a bandwidth <= 0, an unknown option."""
    require_array("x", x, ndim=(2,))
    require_array("edges", edges, ndim=(1,), like=x)
    if edges.shape[0] < 2:
        raise ValueError(f"edges has shape {tuple(edges.shape)}: expected at least 2 edges")
    require_parameter("bandwidth", bandwidth, x.shape[0], like=x, above=0.0)
    if weights is not None:
        require_array("weights", weights, ndim=(1, 2), like=x)
        require_shape("weights", weights, [(x.shape[1],), tuple(x.shape)])
    require_choice("kernel", kernel, KERNELS)
    require_choice("overflow", overflow, OVERFLOW)
    if not isinstance(density, (bool, np.bool_)):
        raise TypeError(f"density={density!r}: expected True or False")


def check_values(
    x, edges, bandwidth, weights=None, *, kernel="gaussian", density=False, overflow="drop"
):
    """Raise for edges that do not increase or are infinite, bandwidths <= 0, bad weights."""
    require_values("edges", edges, abs(edges) == np.inf, "finite numbers")
    upper, lower = edges[1:], edges[:-1]
    require_values("edges", upper, ~(upper > lower), "numbers that increase")
    if is_array(bandwidth):
        require_between("bandwidth", bandwidth, above=0.0)
    if weights is not None:
        require_values(
            "weights", weights, (weights < 0) | (weights == np.inf), "finite numbers >= 0"
        )


def draw(case, rng):
    """Samples and edges by the case's ``data``; bandwidths in 0.2 to 0.6; some weights are zero."""
    edges, x = _DATA[case.data](case, rng)
    arrays = {"x": x, "edges": edges}
    if "bandwidth" in case.dims:
        arrays["bandwidth"] = rng.uniform(0.2, 0.6, size=case.shape("bandwidth"))
    if "weights" in case.dims:
        arrays["weights"] = np.maximum(rng.uniform(-0.2, 2.0, size=case.shape("weights")), 0.0)
    return arrays


def _normal(case, rng):
    """The published toy: N(1, 1) on +-10."""
    return np.linspace(-10, 10, case.sizes["E"]), rng.normal(1.0, 1.0, case.shape("x"))


def _central(case, rng):
    """Edges at +-2 only, so that 5% of the mass is outside."""
    return np.linspace(-2, 2, case.sizes["E"]), rng.normal(size=case.shape("x"))


def _uneven(case, rng):
    """Bins of widths 0.05 to 1 in random order."""
    widths = np.geomspace(0.05, 1.0, case.sizes["B"])
    edges = np.cumsum([0.0, *np.random.Generator(np.random.Philox(7)).permutation(widths)])
    return edges - edges[-1] / 2, rng.normal(size=case.shape("x"))


def _narrow(case, rng):
    """Every other bin is 0.002 bandwidths wide, out to 8 bandwidths from the samples."""
    h = case.options["bandwidth"]
    starts = np.linspace(-1 - 8 * h, 1 + 7.99 * h, case.sizes["E"] // 2)
    edges = np.sort(np.concatenate([starts, starts + 0.002 * h]))
    return edges, rng.uniform(-1, 1, size=case.shape("x"))


def _tails(case, rng):
    """Two clusters 16 bandwidths apart, with bins out to 8 bandwidths on all four sides."""
    h = case.options["bandwidth"]
    x = rng.uniform(-0.1, 0.1, size=case.shape("x"))
    x[:, ::2] += 16 * h + 0.2
    return np.linspace(-0.1 - 8 * h, 0.3 + 24 * h, case.sizes["E"]), x


def _workload(name, low, high):
    def make(case, rng):
        from suite.workloads import load

        x = load(name).astype(np.float64)
        return np.linspace(low, high, case.sizes["E"]), rng.permuted(x, axis=1)[: case.sizes["R"]]

    return make


_DATA = {
    "normal": _normal,
    "central": _central,
    "uneven": _uneven,
    "narrow": _narrow,
    "tails": _tails,
    "breast_cancer_signal_scores": _workload("breast_cancer_signal_scores", 0.0, 1.0),
    "breast_cancer_background_scores": _workload("breast_cancer_background_scores", 0.0, 1.0),
    "digits_activations": _workload("digits_activations", 0.0, 4.0),
}


def _case(name, rows, samples, bins, *, arrays=(), profile="quick", **keywords):
    sizes = {"R": rows, "N": samples, "B": bins, "E": bins + 1}
    dims = {"x": ("R", "N"), "edges": ("E",), **dict(arrays), "output": ("R", "B")}
    return Case(name, sizes, dims, profile=profile, **keywords)


_ALL = ("x", "edges", "bandwidth", "weights")
_RELAXED = "relaxed's toy, arXiv 2203.05570"
_SCORES = "breast-cancer scores, out of fold"

CASES = (
    _case("relaxed-bandwidth-0.5", 1, 1000, 50, options={"bandwidth": 0.5}, source=_RELAXED),
    _case("relaxed-bandwidth-1.0", 1, 1000, 50, options={"bandwidth": 1.0}, source=_RELAXED),
    _case("n1e5-B50", 1, 100_000, 50, options={"bandwidth": 0.4}, representative=True, memory=True),
    _case("everything", 4, 500, 20, data="uneven", wrt=_ALL, representative=True,
          arrays={"bandwidth": ("R",), "weights": ("R", "N")},
          options={"density": True, "overflow": "reflect"}),
    _case("everything-float64", 4, 500, 20, data="uneven", wrt=_ALL, dtype="float64",
          arrays={"bandwidth": (), "weights": ("N",)},
          options={"kernel": "logistic", "density": True, "overflow": "drop"}),
    _case("gaussian-tails", 2, 200, 48, data="tails", wrt=("x", "edges"),
          options={"bandwidth": 0.25}),
    _case("logistic-tails", 2, 200, 48, data="tails", wrt=("x", "edges"),
          options={"bandwidth": 0.25, "kernel": "logistic"}),
    _case("gaussian-narrow", 2, 200, 41, data="narrow", options={"bandwidth": 0.25}),
    _case("logistic-narrow-float64", 2, 200, 41, data="narrow", dtype="float64",
          options={"bandwidth": 0.25, "kernel": "logistic"}),
    _case("triangular-reflect", 4, 500, 20, data="central", wrt=_ALL,
          arrays={"bandwidth": ("R",), "weights": ("N",)},
          options={"kernel": "triangular", "overflow": "reflect"}),
    _case("epanechnikov-density", 4, 500, 20, data="central", wrt=("x", "bandwidth"),
          arrays={"bandwidth": ()}, options={"kernel": "epanechnikov", "density": True}),
    _case("rows-64x512", 64, 512, 32, data="central", options={"bandwidth": 0.3}),
    _case("float16", 4, 512, 32, data="central", options={"bandwidth": 0.3}, dtype="float16"),
    _case("bfloat16", 4, 512, 32, data="central", options={"bandwidth": 0.3}, dtype="bfloat16",
          profile="full"),
    _case("scores-signal", 8, 212, 20, data="breast_cancer_signal_scores", source=_SCORES,
          options={"bandwidth": 0.05, "density": True, "overflow": "reflect"}),
    _case("scores-background", 8, 357, 20, data="breast_cancer_background_scores", source=_SCORES,
          options={"bandwidth": 0.05, "kernel": "logistic"}),
    _case("activations-tied", 32, 512, 40, data="digits_activations", source="digits, after ReLU",
          options={"bandwidth": 0.1, "overflow": "reflect"}),
    *(_case(f"n1e{power}-B{bins}", 1, 10**power, bins, profile="full", memory=power >= 6,
            options={"bandwidth": 20.0 / bins})
      for power in (3, 4, 5, 6, 7) for bins in (50, 1000) if (power, bins) != (5, 50)),
)  # fmt: skip


def _bad(name, raises, match, *, by_value=False, **changes):
    arguments = {
        "x": np.linspace(-1.0, 1.0, 6, dtype=np.float32).reshape(2, 3),
        "edges": np.linspace(-2.0, 2.0, 5, dtype=np.float32),
        "bandwidth": 0.5,
    }
    return ErrorCase(name, {**arguments, **changes}, raises, match, by_value)


def _single(*values):
    return np.array(values, np.float32)


ERROR_CASES = (
    _bad("x-rank", ValueError, ("x", "(6,)"), x=np.zeros(6, np.float32)),
    _bad("x-empty", ValueError, ("x", "(2, 0)"), x=np.zeros((2, 0), np.float32)),
    _bad("x-integer", TypeError, ("x", "int32"), x=np.zeros((2, 3), np.int32)),
    _bad("edges-rank", ValueError, ("edges", "(2, 3)"), edges=np.zeros((2, 3), np.float32)),
    _bad("edges-one", ValueError, ("edges", "(1,)", "2"), edges=_single(0)),
    _bad("edges-dtype", TypeError, ("edges", "float64"), edges=np.linspace(0, 1, 4)),
    _bad("edges-list", TypeError, ("edges", "list"), edges=[0.0, 1.0]),
    _bad("edges-equal", ValueError, ("edges", "0", "increase"), by_value=True,
         edges=_single(-1, 0, 0, 1)),
    _bad("edges-decrease", ValueError, ("edges", "0.0"), by_value=True, edges=_single(1, 0, -1)),
    _bad("edges-infinite", ValueError, ("edges", "inf"), by_value=True,
         edges=_single(0, 1, np.inf)),
    _bad("bandwidth-zero", ValueError, ("bandwidth", "0"), bandwidth=0.0),
    _bad("bandwidth-nan", ValueError, ("bandwidth", "nan"), bandwidth=float("nan")),
    _bad("bandwidth-infinite", ValueError, ("bandwidth", "inf"), bandwidth=float("inf")),
    _bad("bandwidth-text", TypeError, ("bandwidth", "scott"), bandwidth="scott"),
    _bad("bandwidth-shape", ValueError, ("bandwidth", "(3,)"), bandwidth=_single(1, 1, 1)),
    _bad("bandwidth-negative", ValueError, ("bandwidth", "-1"), by_value=True,
         bandwidth=_single(1, -1)),
    _bad("weights-shape", ValueError, ("weights", "(2,)"), weights=_single(1, 1)),
    _bad("weights-dtype", TypeError, ("weights", "int64"), weights=np.ones(3, np.int64)),
    _bad("weights-negative", ValueError, ("weights", "-2"), by_value=True,
         weights=_single(1, -2, 1)),
    _bad("weights-infinite", ValueError, ("weights", "inf"), by_value=True,
         weights=_single(1, np.inf, 1)),
    _bad("kernel", ValueError, ("kernel", "'uniform'", "'gaussian'"), kernel="uniform"),
    _bad("overflow", ValueError, ("overflow", "'clip'", "'reflect'"), overflow="clip"),
    _bad("density", TypeError, ("density", "'yes'"), density="yes"),
)  # fmt: skip

OPERATOR = Operator(
    name="soft_histogram",
    summary="binned kernel density estimate of every row",
    draw=draw,
    reference=reference,
    reference_gradient=reference_gradient,
    condition=condition,
    tolerance=tolerance,
    cost=cost,
    check=check,
    check_values=check_values,
    cases=CASES,
    error_cases=ERROR_CASES,
    options={"kernel": KERNELS, "density": (False, True), "overflow": OVERFLOW},
)
