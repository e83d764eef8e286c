"""Soft histogram with NumPy and SciPy, blocked over samples.

What one writes without a framework: differences of survival functions above a sample and of CDFs
below it, one signed tail an edge, and an ordinary histogram for the bins around the samples.
Float64 inside, as SciPy's users have it anyway.
"""

import numpy as np
from scipy.special import erfc, expit

from suite.registry import implements

_BLOCK = 1 << 15
_DIRECT = 10**9


def _skip(case):
    work = case.sizes["R"] * case.sizes["N"] * case.sizes["B"]
    return f"O(n B): n B = {work:.1e} is above {_DIRECT:.0e}" if work > _DIRECT else None


def _tail(z, kernel):
    """Survival function for z >= 0, minus the CDF for z < 0."""
    u = np.abs(z)
    if kernel == "gaussian":
        tail = 0.5 * erfc(u / np.sqrt(2))
    elif kernel == "logistic":
        tail = expit(-u)
    else:
        left = np.maximum(1 - u, 0)
        tail = left**2 / 2 if kernel == "triangular" else left**2 * (2 + u) / 4
    return np.copysign(tail, z)


def _pdf(z, kernel):
    if kernel == "gaussian":
        return np.exp(-0.5 * z**2) / np.sqrt(2 * np.pi)
    if kernel == "logistic":
        return expit(z) * expit(-z)
    left = np.maximum(1 - np.abs(z), 0)
    return left if kernel == "triangular" else 0.75 * left * (2 - left)


def _rows(x, edges, bandwidth, weights):
    """Edges in float64 and, row by row, samples, weights and bandwidth; NaN where they are bad."""
    bandwidth = np.broadcast_to(np.asarray(bandwidth, np.float64), x.shape[:1])
    weights = None if weights is None else np.broadcast_to(weights, x.shape)
    edges = np.asarray(edges, np.float64)
    good_edges = np.isfinite(edges).all() and (np.diff(edges) > 0).all()
    rows = []
    for i, h in enumerate(bandwidth):
        w = None if weights is None else weights[i]
        good = good_edges and 0 < h < np.inf and not np.isnan(x[i].max())
        good = good and (w is None or (w.min() >= 0 and w.max() < np.inf))
        rows.append((x[i], w, h if good else np.nan))
    return edges, rows


def _blocks(x, edges, w, h):
    """Slice, samples, weights and the distances (block, B + 1) of every edge in bandwidths."""
    size = max(1, _BLOCK // edges.size)
    for start in range(0, x.size, size):
        part = slice(start, start + size)
        # Infinite samples would make z k(z) NaN; a thousand bandwidths outside are as good.
        at = np.clip(x[part].astype(np.float64), edges[0] - 1000 * h, edges[-1] + 1000 * h)
        weight = np.ones(at.size) if w is None else w[part].astype(np.float64)
        yield part, at, weight, (edges - at[:, None]) / h


def _counts(edges, rows, kernel, overflow):
    counts = np.empty((len(rows), edges.size - 1))
    for row, (x, w, h) in enumerate(rows):
        if np.isnan(h):
            counts[row] = np.nan
            continue
        tails, hard = np.zeros(edges.size), np.zeros(edges.size + 1)
        for _, at, weight, z in _blocks(x, edges, w, h):
            tails += weight @ _tail(z, kernel)
            hard += np.bincount(np.searchsorted(edges, at), weight, hard.size)
        opened = hard - np.diff(np.pad(tails, 1))
        counts[row] = opened[1:-1]
        if overflow == "reflect":
            counts[row, 0] += opened[0]
            counts[row, -1] += opened[-1]
    return counts


def _vjp(
    cotangent, wrt, x, edges, bandwidth, weights=None, *, kernel="gaussian", density=False,
    overflow="drop",
):  # fmt: skip
    """Gradients in the order of wrt; see the formulas of ``suite.operators.soft_histogram``."""
    shapes = {"bandwidth": np.ndim(bandwidth), "weights": np.ndim(weights)}
    wide, rows = _rows(x, edges, bandwidth, weights)
    push = np.asarray(cotangent, np.float64)
    to_edges = np.zeros((len(rows), wide.size))
    if density:
        counts, width = _counts(wide, rows, kernel, overflow), np.diff(wide)
        total = counts.sum(axis=1, keepdims=True)
        mean = (push * counts / width).sum(axis=1, keepdims=True) / total
        stretch = push * counts / (total * width**2)
        to_edges += np.diff(np.pad(stretch, ((0, 0), (1, 1))))
        push = (push / width - mean) / total
    ends = "edge" if overflow == "reflect" else "constant"
    push = np.pad(push, ((0, 0), (1, 1)), mode=ends)
    to_x, to_weights, to_bandwidth = np.empty(x.shape), np.empty(x.shape), np.zeros(len(rows))
    for row, (samples, w, h) in enumerate(rows):
        if np.isnan(h):
            to_x[row] = to_weights[row] = to_edges[row] = to_bandwidth[row] = np.nan
            continue
        step = np.diff(push[row])
        for part, at, weight, z in _blocks(samples, wide, w, h):
            if "weights" in wrt:
                inside = push[row, np.searchsorted(wide, at)]
                to_weights[row, part] = inside + _tail(z, kernel) @ step
            if {"x", "edges", "bandwidth"} & set(wrt):
                k = _pdf(z, kernel)
                to_x[row, part] = weight * (k @ step) / h
                to_edges[row] -= step * (weight @ k) / h
                to_bandwidth[row] += weight @ (k * z) @ step / h
    gradients = {
        "x": to_x,
        "edges": to_edges.sum(axis=0),
        "bandwidth": to_bandwidth if shapes["bandwidth"] else to_bandwidth.sum(),
        "weights": to_weights if shapes["weights"] == 2 else to_weights.sum(axis=0),
    }
    return tuple(gradients[name].astype(x.dtype) for name in wrt)


@implements(
    "soft_histogram",
    framework="numpy",
    dtypes=("float32", "float64", "float16"),
    vjp=_vjp,
    skip=_skip,
)
def soft_histogram(
    x, edges, bandwidth, weights=None, *, kernel="gaussian", density=False, overflow="drop"
):
    """Soft counts of every row; arguments as in ``suite.operators.soft_histogram``."""
    wide, rows = _rows(x, edges, bandwidth, weights)
    counts = _counts(wide, rows, kernel, overflow)
    if density:
        with np.errstate(invalid="ignore"):
            counts = counts / np.diff(wide) / counts.sum(axis=1, keepdims=True)
    return counts.astype(x.dtype)
