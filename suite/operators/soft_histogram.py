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
from suite.operators.base import ITEM_BYTES, Case, Cost, Operator, Pass
from suite.operators.soft_histogram_cases import CASES, ERROR_CASES, draw
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
    yardsticks=("copy", "sort", "histogram"),
)
