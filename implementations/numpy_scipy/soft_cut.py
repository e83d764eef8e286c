"""Soft cut with NumPy and SciPy."""

import numpy as np
from scipy.special import expit

from suite.registry import implements


def _terms(x, threshold, steepness, keep):
    """Bounded distance, bounded slope and the signed argument of the sigmoid."""
    largest = np.finfo(x.dtype).max
    threshold, steepness = (np.asarray(p, x.dtype) for p in (threshold, steepness))
    threshold, steepness = (p[:, None] if p.ndim else p for p in (threshold, steepness))
    steepness = np.where(steepness > 0, np.minimum(steepness, largest), np.nan).astype(x.dtype)
    with np.errstate(over="ignore"):
        distance = np.clip(x - threshold, -largest, largest)
        z = steepness * distance
    return distance, steepness, z if keep == "above" else -z


def _vjp(cotangent, wrt, x, threshold, steepness, *, keep="above"):
    distance, slope, z = _terms(x, threshold, steepness, keep)
    push = cotangent * expit(z) * expit(-z)
    push = push if keep == "above" else -push
    terms = {"x": push * slope, "threshold": -push * slope, "steepness": push * distance}
    given = {"x": x, "threshold": threshold, "steepness": steepness}
    return tuple(_sum_to(terms[name], np.ndim(given[name])) for name in wrt)


def _sum_to(terms, ndim):
    return terms if ndim == 2 else terms.sum(axis=1) if ndim else terms.sum()


@implements("soft_cut", framework="numpy", dtypes=("float32", "float64", "float16"), vjp=_vjp)
def soft_cut(x, threshold, steepness, *, keep="above"):
    """Sigmoid selection of samples; arguments as in ``suite.operators.soft_cut``."""
    return expit(_terms(x, threshold, steepness, keep)[2])
