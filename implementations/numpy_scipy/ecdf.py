"""ECDF with NumPy and SciPy: ``scipy.stats.rankdata``, and pair sums in blocks."""

import math

import numpy as np
from scipy.special import expit
from scipy.stats import rankdata

from suite.registry import implements

_BLOCK = 1 << 20
_MOST_PAIRS = 1 << 32
_METHOD = {"max": "max", "mid": "average", "ordinal": "ordinal"}


def _skip(case):
    rows, samples = case.sizes["R"], case.sizes["N"]
    pairs = rows * samples**2
    if case.options.get("surrogate", "identity") == "identity" or pairs <= _MOST_PAIRS:
        return None
    return f"the sum over R N^2 = {pairs:.2g} pairs exceeds 2^32"


def _blocks(samples):
    step = max(1, _BLOCK // samples)
    return (slice(start, start + step) for start in range(0, samples, step))


def _density(x, scale):
    """The Gaussian kernel density estimate of every row at its own samples."""
    result = np.empty_like(x)
    for row, into in zip(x, result, strict=True):
        for i in _blocks(row.size):
            z = (row[i, None] - row) / scale
            into[i] = np.exp(-0.5 * z * z).sum(axis=1)
    return result / (math.sqrt(2 * math.pi) * scale * x.shape[1])


def _soft_rank(x, cotangent, scale):
    """sum_j sigmoid'((x_i - x_j) / scale) (g_i - g_j) / scale."""
    result = np.empty_like(x)
    for row, g, into in zip(x, cotangent, result, strict=True):
        for i in _blocks(row.size):
            tail = expit(-np.abs(row[i, None] - row) / scale)
            slope = tail * (1 - tail)
            into[i] = (slope * (g[i, None] - g)).sum(axis=1)
    return result / scale


def _vjp(
    cotangent, wrt, x, *, plotting_position="ecdf", ties="max", surrogate="identity", scale=None
):
    samples = x.shape[1]
    if surrogate == "identity":
        gradient = cotangent.copy()
    elif surrogate == "density":
        gradient = cotangent * _density(x, scale)
    else:
        steps = samples + 1 if plotting_position == "weibull" else samples
        gradient = _soft_rank(x, cotangent, scale) / steps
    gradient[np.isnan(x).any(axis=1)] = np.nan
    return (gradient,)


@implements(
    "ecdf", framework="numpy", dtypes=("float32", "float64", "float16"), vjp=_vjp, skip=_skip
)
def ecdf(x, *, plotting_position="ecdf", ties="max", surrogate="identity", scale=None):
    """Plotting position of every sample; arguments as in ``suite.operators.ecdf``."""
    rank = rankdata(x, method=_METHOD[ties], axis=1, nan_policy="propagate")
    if plotting_position == "hazen":
        rank = rank - 0.5
    samples = x.shape[1]
    return (rank / (samples + 1 if plotting_position == "weibull" else samples)).astype(x.dtype)
