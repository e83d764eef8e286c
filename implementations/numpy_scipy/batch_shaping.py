"""Batch shaping with NumPy and SciPy: sort, evaluate the CDF, subtract."""

import numpy as np
from scipy.special import (
    betainc,
    betaincc,
    betaln,
    expit,
    log_expit,
    logit,
    ndtr,
    xlog1py,
    xlogy,
)

from implementations.numpy_scipy.incomplete_beta import parameter_derivatives
from suite.registry import implements


def _inside(parameter, low, high):
    """A parameter in float64 as a column, NaN where it is not strictly between the bounds."""
    value = np.asarray(parameter, np.float64)
    value = value[:, None] if value.ndim else value
    return np.where((value > low) & (value < high), value, np.nan)


def _beta(x, a, b, from_logits, slopes):
    a, b = _inside(a, 0, np.inf), _inside(b, 0, np.inf)
    if from_logits:
        x = x.astype(np.float64)
        cdf = np.where(x <= 0, betainc(a, b, expit(x)), betaincc(b, a, expit(-x)))
        log_x, log_y = log_expit(x), log_expit(-x)
        pdf = np.exp(a * log_x + b * log_y - betaln(a, b))
    else:
        with np.errstate(divide="ignore", invalid="ignore"):
            log_x, log_y = np.log(x, dtype=np.float64), np.log1p(-x, dtype=np.float64)
        cdf = betainc(a, b, x)
        pdf = np.exp(xlogy(a - 1, x) + xlog1py(b - 1, -x) - betaln(a, b))
    return cdf, pdf, *(parameter_derivatives(log_x, log_y, a, b) if slopes else (None, None))


def _symbeta(x, a, b, from_logits, slopes):
    a = np.asarray(a, np.float64)
    cdf, pdf, d_a, d_b = _beta(x, a, 1 - a, from_logits, slopes)
    return cdf, pdf, d_a - d_b if slopes else None, None


def _relaxed_bernoulli(x, a, b, from_logits, slopes):
    a, b = _inside(a, 0, 1), _inside(b, 0, np.inf)
    z = x if from_logits else logit(x)
    t = b * z - logit(a)
    cdf, rest = expit(t), expit(-t)
    slope = pdf = cdf * rest
    if not from_logits:
        with np.errstate(divide="ignore", invalid="ignore"):
            # At 0 and 1 a power of the odds is left over.
            power = np.where(b < 1, np.inf, np.where(b > 1, 0.0, 1.0))
            odds = np.where(x == 0, (1 - a) / a, a / (1 - a))
            pdf = np.where((x == 0) | (x == 1), power * odds, slope / (x * (1 - x)))
    with np.errstate(invalid="ignore"):
        d_b = np.where(slope == 0, 0.0, slope * z) if slopes else None
    return cdf, b * pdf, -slope / (a * (1 - a)) if slopes else None, d_b


def _normal(x, a, b, from_logits, slopes):
    a, b = _inside(a, -np.inf, np.inf), _inside(b, 0, np.inf)
    u = ((expit(x) if from_logits else x) - a) / b
    pdf = np.exp(-0.5 * u * u) / (np.sqrt(2 * np.pi) * b)
    d_a, d_b = (-pdf, -u * pdf) if slopes else (None, None)
    return ndtr(u), pdf * expit(x) * expit(-x) if from_logits else pdf, d_a, d_b


_PRIORS = {
    "beta": _beta,
    "symbeta": _symbeta,
    "relaxed_bernoulli": _relaxed_bernoulli,
    "normal": _normal,
}


def _sorted(x, from_logits, clip):
    """Clamped samples in ascending order, and the stable order."""
    if clip is not None:
        x = np.clip(x, *(logit(np.array(clip, float)) if from_logits else clip)).astype(x.dtype)
    order = np.argsort(x, axis=1, kind="stable")
    return np.take_along_axis(x, order, axis=1), order


def _positions(ascending, plotting_position, ties):
    """Plotting positions of sorted samples, (N,) without ties, else (R, N)."""
    rows, samples = ascending.shape
    rank = np.arange(1.0, samples + 1)
    if ties == "mid" and (ascending[:, 1:] == ascending[:, :-1]).any():
        starts = np.ones(ascending.shape, bool)
        starts[:, 1:] = ascending[:, 1:] != ascending[:, :-1]
        first = np.flatnonzero(starts)
        size = np.diff(first, append=ascending.size)
        rank = np.repeat(first % samples + (size + 1) / 2, size).reshape(rows, samples)
    if plotting_position == "hazen":
        return (rank - 0.5) / samples
    return rank / (samples + 1 if plotting_position == "weibull" else samples)


def _vjp(
    cotangent,
    wrt,
    x,
    a,
    b=None,
    *,
    prior,
    plotting_position="weibull",
    ties="mid",
    from_logits=False,
    clip=None,
    reduction="mean",
):
    rows, samples = x.shape
    ascending, order = _sorted(x, from_logits, clip)
    slopes = "a" in wrt or "b" in wrt
    cdf, pdf, d_a, d_b = _PRIORS[prior](ascending, a, b, from_logits, slopes)
    residual = cdf - _positions(ascending, plotting_position, ties)
    residual[np.isnan(residual).any(axis=1)] = np.nan
    weight = np.reshape(cotangent, (-1, 1)) * 2 / samples / (rows if reduction == "mean" else 1)
    residual = residual * weight
    gradients = {}
    if "x" in wrt:
        with np.errstate(invalid="ignore"):
            terms = np.where(residual == 0, 0.0, residual * pdf)
        gradients["x"] = np.empty_like(x)
        np.put_along_axis(gradients["x"], order, terms.astype(x.dtype), axis=1)
        if clip is not None:
            lo, hi = logit(np.array(clip, float)) if from_logits else clip
            outside = ((x < lo) | (x > hi)) & ~np.isnan(gradients["x"])
            gradients["x"][outside] = 0
    for name, parameter, slope in (("a", a, d_a), ("b", b, d_b)):
        if name in wrt:
            terms = residual * slope
            gradients[name] = terms.sum(axis=1) if np.ndim(parameter) else terms.sum()
    return tuple(gradients[name] for name in wrt)


@implements("batch_shaping", framework="numpy", dtypes=("float32", "float64", "float16"), vjp=_vjp)
def batch_shaping(
    x,
    a,
    b=None,
    *,
    prior,
    plotting_position="weibull",
    ties="mid",
    from_logits=False,
    clip=None,
    reduction="mean",
):
    """Distance to a prior; arguments as in ``suite.operators.batch_shaping``."""
    ascending, _ = _sorted(x, from_logits, clip)
    cdf = _PRIORS[prior](ascending, a, b, from_logits, slopes=False)[0]
    residual = cdf - _positions(ascending, plotting_position, ties)
    loss = np.mean(residual * residual, axis=1)
    if reduction != "none":
        loss = loss.mean() if reduction == "mean" else loss.sum()
    return np.asarray(loss, x.dtype)
