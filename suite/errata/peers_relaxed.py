"""relaxed 0.4.0 as installed: its operations and metrics on cases whose answer is known.

The formulas of its histogram and its cut are examined in ``suite.errata.relaxed``; here the
package itself runs. Fits and tests are in ``suite.errata.peers_relaxed_inference``.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from scipy import special, stats

from suite.errata.entry import Erratum, Evidence
from suite.errata.evaluate import midpoints

RELAXED = ("relaxed", "jax")

DATA = 1 + 2 * stats.norm.ppf(midpoints(100))


class Normal(NamedTuple):
    """N(mu, sigma^2), both unknown; or sigma known, where it is given."""

    sigma: float | None = None

    def logpdf(self, pars: Any, data: Any) -> Any:
        from jax.scipy.stats import norm

        sigma = pars["sigma"] if self.sigma is None else self.sigma
        return norm.logpdf(data, pars["mu"], sigma).sum()


def estimates() -> dict[str, float]:
    """The maximum likelihood estimates of the data's mean and deviation."""
    return {"mu": float(DATA.mean()), "sigma": float(DATA.std())}


def _cut() -> tuple[Evidence, ...]:
    import jax
    import jax.numpy as jnp
    import relaxed

    x = jnp.array([0.3, -1.0], jnp.float32)
    above, below = (relaxed.cut(x, 0.0, 5.0, keep=keep)[0] for keep in ("above", "below"))
    slope = jax.grad(lambda v: relaxed.cut(v, 0.0, 100.0).sum())(x)[1]
    return (
        Evidence("cut(0.3, 0, slope=5)", float(above), special.expit(1.5), 1e-6),
        Evidence("the same, keep='below'", float(below), special.expit(-1.5), 1e-6),
        Evidence("derivative of cut(x, 0, slope=100) at x = -1", float(slope), 0, 1e-9),
    )


def _hist() -> tuple[Evidence, ...]:
    import jax
    import jax.numpy as jnp
    import relaxed

    x, edges = jnp.zeros(1, jnp.float32), jnp.array([-7.0, -6.0, 0.0, 6.0, 7.0], jnp.float32)
    counts = relaxed.hist(x, edges, 1.0)
    tail = special.ndtr(-6.0) - special.ndtr(-7.0)
    outside = relaxed.hist(x, edges[1:4], 3.0, density=True, reflect_infinities=True)

    def reflected(bandwidth):
        return relaxed.hist(x, edges[1:4], bandwidth, reflect_infinities=True)[0]

    return (
        Evidence("count of a sample at 0 in (0, 6), bandwidth 1", float(counts[2]), 0.5, 1e-6),
        Evidence("count in (-7, -6), over the right one", float(counts[0]) / tail, 1, 1e-3),
        Evidence("count in (6, 7), over the right one", float(counts[3]) / tail, 1, 1e-3),
        Evidence("area of a reflected density", float(outside.sum()) * 6, 1, 1e-5),
        Evidence("slope of a reflected count to the bandwidth",
                 float(jax.grad(reflected)(3.0)), 0, 1e-6),
    )  # fmt: skip


def _fisher() -> tuple[Evidence, ...]:
    import jax.numpy as jnp
    import relaxed

    best = estimates()
    found = np.asarray(relaxed.fisher_info(Normal(), best, jnp.array(DATA)))
    information = len(DATA) / best["sigma"] ** 2
    return (
        Evidence("information on mu, N(1, 1.99^2), 100 samples", found[0, 0], information, 1e-6),
        Evidence("information on sigma", found[1, 1], 2 * information, 1e-6),
        Evidence("information on mu and sigma together", found[0, 1], 0, 1e-6),
    )


def _cramer_rao() -> tuple[Evidence, ...]:
    import jax.numpy as jnp
    import relaxed

    best = estimates()
    found = relaxed.cramer_rao_uncert(Normal(), best, jnp.array(DATA))
    one = relaxed.cramer_rao_uncert(Normal(), best, jnp.array(DATA), return_tree=False)
    sigma = best["sigma"]
    return (
        Evidence("uncertainty of mu", float(found["mu"]), sigma / 10, 1e-8),
        Evidence("uncertainty of sigma", float(found["sigma"]), sigma / math.sqrt(200), 1e-8),
        Evidence("the same as an array", float(one[1]), sigma / math.sqrt(200), 1e-8),
    )


def _asimov() -> tuple[Evidence, ...]:
    import jax
    import jax.numpy as jnp
    from relaxed import metrics

    s, b = np.array([10.0, 5.0]), np.array([50.0, 20.0])
    right = math.sqrt(2 * ((s + b) * np.log1p(s / b) - s).sum())
    two = metrics.asimov_sig(jnp.array(s), jnp.array(b))

    def single(s, dtype=jnp.float32):
        return metrics.asimov_sig(jnp.array([s], dtype), jnp.array([1e4], dtype))

    slope = jax.grad(lambda s: metrics.asimov_sig(s, jnp.array([100.0]))[()])(jnp.zeros(1))[0]
    exact = math.sqrt(2 * (10_001 * np.log1p(1e-4) - 1))
    return (
        Evidence("significance of signals 10, 5 on 50, 20", float(two), right, 1e-9),
        Evidence("of 1 on 10000, float64", float(single(1.0, jnp.float64)), exact, 1e-6),
        Evidence("of 1 on 10000, float32", float(single(1.0)), exact, 1e-6),
        Evidence("its derivative in the signal, 0 on 100", float(slope), 0.1, 1e-6),
    )


def _gaussianity() -> tuple[Evidence, ...]:
    import jax
    import jax.numpy as jnp
    from relaxed import metrics

    found = []
    for sigma in (1.0, 2.0, 5.0):
        data = jnp.array(sigma * stats.norm.ppf(midpoints(25)))
        pars = {"mu": jnp.array(0.0)}
        value = metrics.gaussianity(Normal(sigma), pars, data, jax.random.PRNGKey(0))
        quantity = f"gaussianity of a normal likelihood, 25 samples of deviation {sigma:g}"
        found.append(Evidence(quantity, float(value), 0, 1e-9))
    return tuple(found)


_WHERE = "relaxed 0.4.0, "

ENTRIES = (
    Erratum(
        "peer-relaxed-cut",
        _WHERE + "relaxed.cut",
        "A differentiable cut for any slope, and its gradient.",
        "1 / (1 + exp(-s (x - t))), by autodiff",
        "sigmoid(s (x - t))",
        "nan",
        "Values hold. Where exp overflows, s (t - x) > 88 in float32, the gradient is 0 times "
        "infinity, NaN.",
        RELAXED,
        _cut,
    ),
    Erratum(
        "peer-relaxed-hist",
        _WHERE + "relaxed.hist",
        "Soft counts, densities and reflected bins, differentiable in data and bandwidth.",
        "sum_i Phi(v_i) - Phi(u_i); density divided by widths that reflection made infinite",
        "Phi(-u_i) - Phi(-v_i) above a sample; reflect, then divide",
        "limit",
        "Bins more than 5.4 bandwidths above the data are 0 in float32, their logarithm -inf; a "
        "reflected density loses the mass outside; a reflected bandwidth has the gradient NaN.",
        RELAXED,
        _hist,
    ),
    Erratum(
        "peer-relaxed-fisher-info",
        _WHERE + "relaxed.fisher_info",
        "Returns the Fisher information matrix.",
        "inv(-d^2 log L / d theta^2)",
        "-d^2 log L / d theta^2",
        "misnamed",
        "It returns the inverse of the observed information, the covariance of the estimates.",
        RELAXED,
        _fisher,
    ),
    Erratum(
        "peer-relaxed-cramer-rao",
        _WHERE + "relaxed.cramer_rao_uncert",
        "Uncertainties of the maximum likelihood estimates by the Cramer-Rao bound.",
        "sqrt(diag(fisher_info))",
        "",
        "none",
        "Holds, since fisher_info is inverted already.",
        RELAXED,
        _cramer_rao,
    ),
    Erratum(
        "peer-relaxed-asimov",
        _WHERE + "relaxed.metrics.asimov_sig",
        "Median expected discovery significance of counts, to train with.",
        "sqrt(2 sum (s + b) log(1 + s / b) - s)",
        "the same by log1p and a series in s / b, derivative 1 / sqrt(b) at s = 0",
        "limit",
        "Right in float64 away from s = 0. In float32 a small s / b cancels: twice the right value "
        "for 1 on 10000. At s = 0 the gradient is NaN.",
        RELAXED,
        _asimov,
    ),
    Erratum(
        "peer-relaxed-gaussianity",
        _WHERE + "relaxed.metrics.gaussianity",
        "Mean squared difference between a likelihood and its normal approximation.",
        "covariance = inv(fisher_info), fisher_info being a covariance already",
        "covariance = inv(-d^2 log L / d theta^2)",
        "scale",
        "The approximation has the information for a covariance. A likelihood that is exactly "
        "normal gets 0 only where information and covariance happen to be equal.",
        RELAXED,
        _gaussianity,
    ),
)
