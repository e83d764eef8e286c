"""Occupancy entropy with NumPy and SciPy."""

import math

import numpy as np
from scipy.special import entr, expit, log_expit, logsumexp

from suite.registry import implements


def _argument(z, temperature, noise):
    """(z + noise) / temperature, its whole row NaN when one of its samples is."""
    v = z if noise is None else z + noise
    with np.errstate(over="ignore"):
        v = v / z.dtype.type(temperature)
    v[np.isnan(v).any(axis=1)] = np.nan
    return v


def _log_means(v):
    """log p and log(1 - p) of p = mean sigmoid(v), bounded so that 0 times them is 0."""
    lowest = float(-np.finfo(v.dtype).max)
    on, off = (logsumexp(log_expit(w), axis=1, keepdims=True) for w in (v, -v))
    on, off = (np.maximum(w - math.log(v.shape[1]), lowest) for w in (on, off))
    # A difference of logarithms has no digits left near log 1; the other one has them.
    on_near_one, off_near_one = (np.log1p(-np.exp(np.minimum(w, -0.5))) for w in (off, on))
    return np.where(on > -0.5, on_near_one, on), np.where(off > -0.5, off_near_one, off)


def _count(v):
    """The number of samples of every unit that are on, NaN kept."""
    return np.where(np.isnan(v[:, 0]), np.nan, (v > 0).sum(axis=1))


def _vjp(cotangent, wrt, z, noise=None, *, estimator, temperature=1.0):
    v = _argument(z, temperature, noise)
    samples = z.shape[1]
    slope = expit(v) * expit(-v)
    if estimator == "mean_bernoulli":
        factor = -np.clip(v, -1e30, 1e30)
    elif estimator == "sigmoid":
        on, off = _log_means(v)
        factor = off - on
    else:
        on = np.clip(_count(v), 0.5, samples - 0.5)[:, None]
        factor = np.log((samples - on) / on)
    return ((cotangent[:, None] / (samples * temperature) * slope * factor).astype(z.dtype),)


@implements(
    "occupancy_entropy", framework="numpy", dtypes=("float32", "float64", "float16"), vjp=_vjp
)
def occupancy_entropy(z, *, estimator, temperature=1.0, noise=None):
    """Entropy of units being on; arguments as in ``suite.operators.occupancy_entropy``."""
    v = _argument(z, temperature, noise)
    if estimator == "mean_bernoulli":
        v = np.clip(v, -1e30, 1e30)
        return -(expit(v) * log_expit(v) + expit(-v) * log_expit(-v)).mean(axis=1)
    if estimator == "sigmoid":
        on, off = (w[:, 0] for w in _log_means(v))
        return -(np.exp(on) * on + np.exp(off) * off)
    on, samples = _count(v), z.shape[1]
    return (entr(on / samples) + entr((samples - on) / samples)).astype(z.dtype)
