"""The incomplete beta function's derivatives in its parameters, by a series of positive terms.

    I_x(a, b) = x^a (1-x)^b / (a B(a, b)) sum_n t_n,    t_0 = 1,  t_{n+1} = t_n x (a+b+n) / (a+1+n)

for x <= (a+1)/(a+b+2), else from 1 - I_{1-x}(b, a); SciPy has the function but not the derivatives.
The terms have no cancellation, and their logarithms' derivatives are running sums.

Source: NIST Digital Library of Mathematical Functions, 8.17.8.
"""

import numpy as np
from scipy.special import betaln, digamma

_MOST_TERMS = 50_000


def parameter_derivatives(log_x, log_y, a, b):
    """dI/da and dI/db, float64, for log x, log(1 - x), a and b that broadcast to (R, N)."""
    lower = np.exp(log_x) * (a + b + 2) <= a + 1
    p, q = np.where(lower, a, b), np.where(lower, b, a)
    log_u, log_v = np.where(lower, log_x, log_y), np.where(lower, log_y, log_x)
    total, by_p, by_q = _series(np.exp(log_u), p, q)
    front = np.exp(p * log_u + q * log_v - betaln(a, b)) / p
    with np.errstate(invalid="ignore"):
        slope_p = front * (total * (log_u - digamma(p + 1) + digamma(p + q)) + by_p)
        slope_q = front * (total * (log_v - digamma(q) + digamma(p + q)) + by_q)
    # The function is flat where its prefactor has vanished, whatever the logarithms say.
    slope_p, slope_q = (np.where(front == 0, 0.0, slope) for slope in (slope_p, slope_q))
    return np.where(lower, slope_p, -slope_q), np.where(lower, slope_q, -slope_p)


def _series(x, a, b):
    """sum t_n and its derivatives in a and b; samples that have converged drop out."""
    shape, results = x.shape, np.full((3, x.size), np.nan)
    left = np.flatnonzero(~np.isnan(x + a + b))
    x, a, b = (value.reshape(-1)[left] for value in (x, a, b))
    term, by_a, by_b = np.ones_like(x), np.zeros_like(x), np.zeros_like(x)
    sums = np.stack([term, by_a, by_b])
    for n in range(_MOST_TERMS):
        if not left.size:
            break
        ratio = x * (a + b + n) / (a + 1 + n)
        by_b = by_b + 1 / (a + b + n)
        by_a = by_a + (1 - b) / ((a + b + n) * (a + 1 + n))
        term = term * ratio
        sums[0] += term
        sums[1] += term * by_a
        sums[2] += term * by_b
        # What is left is at most a geometric series of the larger of this ratio and the last.
        ratio = np.maximum(ratio, x)
        rest = term * ratio * (1 + np.abs(by_a) + by_b)
        going = rest > 1e-17 * sums[0] * (1 - ratio)
        if not going.all():
            results[:, left[~going]] = sums[:, ~going]
            left, x, a, b = left[going], x[going], a[going], b[going]
            term, by_a, by_b, sums = term[going], by_a[going], by_b[going], sums[:, going]
    return results.reshape(3, *shape)
