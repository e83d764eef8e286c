"""relaxed 0.4.0 as installed: every public function on a case whose answer is known.

The formulas of its histogram and its cut are examined in ``suite.errata.relaxed``; here the
package itself runs. Models are normal, so that fits, information and tests have closed forms.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from scipy import special, stats

from suite.errata.entry import Erratum, Evidence
from suite.errata.evaluate import midpoints

_RELAXED = ("relaxed", "jax")
_DATA = 1 + 2 * stats.norm.ppf(midpoints(100))


class _Normal(NamedTuple):
    """N(mu, sigma^2), both unknown; or sigma known, where it is given."""

    sigma: float | None = None

    def logpdf(self, pars: Any, data: Any) -> Any:
        from jax.scipy.stats import norm

        sigma = pars["sigma"] if self.sigma is None else self.sigma
        return norm.logpdf(data, pars["mu"], sigma).sum()


class _Signal(NamedTuple):
    """One measurement of mu + theta and one of theta, both of variance 1: mu has variance 2."""

    def logpdf(self, pars: Any, data: Any) -> Any:
        from jax.scipy.stats import norm

        means = (pars["mu"] + pars["theta"], pars["theta"])
        return sum(norm.logpdf(x, mean, 1.0) for x, mean in zip(data, means, strict=True))


def _best() -> dict[str, float]:
    return {"mu": float(_DATA.mean()), "sigma": float(_DATA.std())}


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

    best = _best()
    found = np.asarray(relaxed.fisher_info(_Normal(), best, jnp.array(_DATA)))
    information = len(_DATA) / best["sigma"] ** 2
    return (
        Evidence("information on mu, N(1, 1.99^2), 100 samples", found[0, 0], information, 1e-6),
        Evidence("information on sigma", found[1, 1], 2 * information, 1e-6),
        Evidence("information on mu and sigma together", found[0, 1], 0, 1e-6),
    )


def _cramer_rao() -> tuple[Evidence, ...]:
    import jax.numpy as jnp
    import relaxed

    best = _best()
    found = relaxed.cramer_rao_uncert(_Normal(), best, jnp.array(_DATA))
    one = relaxed.cramer_rao_uncert(_Normal(), best, jnp.array(_DATA), return_tree=False)
    sigma = best["sigma"]
    return (
        Evidence("uncertainty of mu", float(found["mu"]), sigma / 10, 1e-8),
        Evidence("uncertainty of sigma", float(found["sigma"]), sigma / math.sqrt(200), 1e-8),
        Evidence("the same as an array", float(one[1]), sigma / math.sqrt(200), 1e-8),
    )


def _fit() -> tuple[Evidence, ...]:
    import jax
    import jax.numpy as jnp
    from relaxed import mle

    best, start = _best(), {"mu": jnp.array(0.0), "sigma": jnp.array(1.0)}
    free = mle.fit(jnp.array(_DATA), _Normal(), start)
    tight = mle.fit(jnp.array(_DATA), _Normal(2.0), {"mu": jnp.array(0.0)},
                    bounds={"mu": jnp.array([-1.0, 0.5])})  # fmt: skip

    def sigma(data):
        return mle.fit(data, _Normal(), start)["sigma"]

    slope = float(jax.grad(sigma)(jnp.array(_DATA))[0])
    right = (_DATA[0] - best["mu"]) / len(_DATA) / best["sigma"]
    return (
        Evidence("mu", float(free["mu"]), best["mu"], 1e-6),
        Evidence("sigma", float(free["sigma"]), best["sigma"], 1e-6),
        Evidence("mu, bounded by 0.5", float(tight["mu"]), 0.5, 1e-6),
        Evidence("derivative of sigma in the first sample", slope, right, 1e-6),
    )


def _fixed() -> tuple[Evidence, ...]:
    import jax.numpy as jnp
    from relaxed import mle

    def theta(**more: Any) -> float:
        start = {"theta": jnp.array(0.1), **more}
        return float(mle.fixed_poi_fit(jnp.zeros(2), _Signal(), 2.0, "mu", start)["theta"])

    return (
        Evidence("theta fitted at mu = 2, start without mu", _or_nan(theta), -1, 1e-5),
        Evidence("the same, mu in the start too", _or_nan(theta, mu=jnp.array(2.0)), -1, 1e-5),
    )  # fmt: skip


def _or_nan(function: Any, *args: Any, **kwargs: Any) -> float:
    """What the function returns, NaN where it raises."""
    try:
        return float(function(*args, **kwargs))
    except Exception:  # that it raises is what the evidence says
        return math.nan


def _hypotest() -> tuple[Evidence, ...]:
    import jax.numpy as jnp
    from relaxed import infer

    def expected(**start: float) -> float:
        begin = {name: jnp.array(value) for name, value in start.items()}
        model = _Signal() if "theta" in start else _Normal(1.0)
        return infer.hypotest(2.0, jnp.zeros(2), model, begin)

    right = 2 * stats.norm.sf(2 / math.sqrt(2))
    alone = 2 * stats.norm.sf(2 * math.sqrt(2))
    return (
        Evidence("expected CLs at mu = 2, one nuisance parameter",
                 _or_nan(expected, mu=0.5, theta=0.1), right, 1e-5),
        Evidence("expected CLs at mu = 2, no nuisance parameter", _or_nan(expected, mu=0.5),
                 alone, 1e-5),
    )  # fmt: skip


def _tested(observed: float, poi: float = 2.0, **options: Any) -> float:
    """relaxed's p-value for an observed mu, its two fits done for it (see relaxed-fixed-poi)."""
    import jax.numpy as jnp
    from relaxed import infer

    def conditional(data, model, poi_value, poi_name, init_pars, bounds=None):
        return {"mu": poi_value, "theta": (data[0] - poi_value + data[1]) / 2}

    data, found = jnp.array([observed, 0.0]), {"mu": observed, "theta": 0.0}
    own = infer.fixed_poi_fit
    infer.fixed_poi_fit = conditional
    try:
        return float(infer.hypotest(poi, data, _Signal(), found, expected_pars=found, **options))
    finally:
        infer.fixed_poi_fit = own


def _cls_right(observed: float) -> float:
    """CLs of mu = 2 against 0, with the asymptotic law of q_mu and mu's variance of 2."""
    q, asimov = max(2 - observed, 0) / math.sqrt(2), 2 / math.sqrt(2)
    return stats.norm.sf(q) / stats.norm.sf(q - asimov)


def _cls() -> tuple[Evidence, ...]:
    return tuple(
        Evidence(f"CLs at mu = 2 of data with best mu {mu:g}", _tested(mu), _cls_right(mu), 1e-6)
        for mu in (0.0, 1.0, -1.0)
    )


def _pvalues() -> tuple[Evidence, ...]:
    root = math.sqrt(2)
    return (
        Evidence("p of mu = 2, best mu 1, cls_method=False", _tested(1.0, cls_method=False),
                 stats.norm.sf(1 / root), 1e-6),
        Evidence("p_0, best mu 3", _tested(3.0, test_stat="q0"), stats.norm.sf(3 / root), 1e-6),
    )  # fmt: skip


def _discovery() -> tuple[Evidence, ...]:
    found = []
    for z in (5.0, 8.0, 9.0):
        p = _tested(z * math.sqrt(2), test_stat="q0") / stats.norm.sf(z)
        found.append(Evidence(f"p_0 of {z:g} standard deviations, over the right", p, 1, 1e-6))
    return tuple(found)


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
        value = metrics.gaussianity(_Normal(sigma), pars, data, jax.random.PRNGKey(0))
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
        _RELAXED,
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
        _RELAXED,
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
        _RELAXED,
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
        _RELAXED,
        _cramer_rao,
    ),
    Erratum(
        "peer-relaxed-fit",
        _WHERE + "relaxed.mle.fit",
        "Maximum likelihood estimates, with bounds or without, differentiable in the data.",
        "argmax log L, implicit differentiation",
        "",
        "none",
        "Holds, gradient included.",
        _RELAXED,
        _fit,
    ),
    Erratum(
        "peer-relaxed-fixed-poi",
        _WHERE + "relaxed.mle.fixed_poi_fit",
        "Maximum likelihood estimates with the parameter of interest held fixed.",
        "pars[poi_name] = poi_value, inside the objective",
        "{**pars, poi_name: poi_value}",
        "crash",
        "The objective writes into the optimizer's own parameters, which have one more leaf from "
        "then on: ValueError, unless the start holds the parameter of interest too.",
        _RELAXED,
        _fixed,
    ),
    Erratum(
        "peer-relaxed-hypotest",
        _WHERE + "relaxed.infer.hypotest, default arguments",
        "Expected CLs of a hypothesis test.",
        "fixed_poi_fit without the parameter of interest in its start, then fit",
        "the same with a fit that runs; no fit where no parameter is left",
        "crash",
        "Raises ValueError, by fixed_poi_fit; with no nuisance parameter there is nothing to "
        "optimize, and it raises, too.",
        _RELAXED,
        _hypotest,
    ),
    Erratum(
        "peer-relaxed-cls",
        _WHERE + "relaxed.infer.qmu_test, cls_method=True",
        "CLs = CL_{s+b} / CL_b of the given data.",
        "(1 - Phi(sqrt q)) / (1 - Phi(0))",
        "(1 - Phi(sqrt q)) / (1 - Phi(sqrt q - sqrt q_A))",
        "bias",
        "CL_b is 1/2 for data that are the background's expectation and for no others. Observed "
        "data get too large or too small a limit. (Fits done for it.)",
        _RELAXED,
        _cls,
    ),
    Erratum(
        "peer-relaxed-p-values",
        _WHERE + "relaxed.infer.qmu_test, cls_method=False, and q0_test",
        "Asymptotic p-values of an upper limit and of a discovery.",
        "1 - Phi(sqrt q), q = 0 on the wrong side",
        "",
        "none",
        "Holds at a few standard deviations. (Fits done for it.)",
        _RELAXED,
        _pvalues,
    ),
    Erratum(
        "peer-relaxed-discovery",
        _WHERE + "relaxed.infer.q0_test, '1 - cdf'",
        "The same at any significance.",
        "1 - Phi(sqrt q)",
        "Phi(-sqrt q)",
        "limit",
        "1 - Phi loses a digit for each factor of 10: it is 0, with no gradient, from 8.3 standard "
        "deviations in float64 and from 5.4 in float32.",
        _RELAXED,
        _discovery,
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
        _RELAXED,
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
        _RELAXED,
        _gaussianity,
    ),
)
