"""relaxed 0.4.0 as installed: fits and tests of normal models, which have closed forms."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from scipy import stats

from suite.errata.entry import Erratum, Evidence
from suite.errata.peers_relaxed import DATA, RELAXED, Normal, estimates


class _Signal(NamedTuple):
    """One measurement of mu + theta and one of theta, both of variance 1: mu has variance 2."""

    def logpdf(self, pars: Any, data: Any) -> Any:
        from jax.scipy.stats import norm

        means = (pars["mu"] + pars["theta"], pars["theta"])
        return sum(norm.logpdf(x, mean, 1.0) for x, mean in zip(data, means, strict=True))


def _fit() -> tuple[Evidence, ...]:
    import jax
    import jax.numpy as jnp
    from relaxed import mle

    best, start = estimates(), {"mu": jnp.array(0.0), "sigma": jnp.array(1.0)}
    free = mle.fit(jnp.array(DATA), Normal(), start)
    tight = mle.fit(jnp.array(DATA), Normal(2.0), {"mu": jnp.array(0.0)},
                    bounds={"mu": jnp.array([-1.0, 0.5])})  # fmt: skip

    def sigma(data):
        return mle.fit(data, Normal(), start)["sigma"]

    slope = float(jax.grad(sigma)(jnp.array(DATA))[0])
    right = (DATA[0] - best["mu"]) / len(DATA) / best["sigma"]
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
        model = _Signal() if "theta" in start else Normal(1.0)
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


_WHERE = "relaxed 0.4.0, "

ENTRIES = (
    Erratum(
        "peer-relaxed-fit",
        _WHERE + "relaxed.mle.fit",
        "Maximum likelihood estimates, with bounds or without, differentiable in the data.",
        "argmax log L, implicit differentiation",
        "",
        "none",
        "Holds, gradient included.",
        RELAXED,
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
        RELAXED,
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
        RELAXED,
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
        RELAXED,
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
        RELAXED,
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
        RELAXED,
        _discovery,
    ),
)
