"""Source 000, the forum thread: the entropy of a ReLU unit being on or off."""

from __future__ import annotations

import math

import numpy as np
from scipy import special, stats

from suite.errata.entry import Erratum, Evidence
from suite.errata.evaluate import evaluate, midpoints, row

_LAST = "PyTorch forum, 'Differentiating w.r.t. empirical probability distributions', last post, "
_NORMAL = stats.norm.ppf(midpoints(2000))
# A skewed law with its median at 0; its mean is 1 - log 2.
_SKEWED = stats.expon.ppf(midpoints(2000)) - math.log(2)


def _entropy(p: float) -> float:
    """h(p) in nats."""
    return float(special.entr(p) + special.entr(1 - p))


def _unit(z, estimator: str, h: float = 1.0, *, name: str = "published_forum", noise=None):
    """Entropy of one unit, and its gradient to the pre-activations, by steepness H."""
    options = {"estimator": estimator, "temperature": 1 / h}
    if noise is not None:
        options["noise"] = row(noise)
    found = evaluate("occupancy_entropy", name, ("z",), z=row(z), **options)
    return float(found["output"][0]), found["z"][0]


def _bernoulli(z, h: float = 1.0):
    return _unit(z, "mean_bernoulli", h, name="published_forum_bernoulli")


def _median() -> tuple[Evidence, ...]:
    mean_centred = _unit(_SKEWED + math.log(2) - 1, "straight_through")[0]
    return (
        Evidence("entropy with the median of Exp(1) at 0",
                 _unit(_SKEWED, "straight_through")[0], math.log(2), 1e-6, "nat"),
        Evidence("entropy with its mean at 0", mean_centred, _entropy(math.exp(-1)), 1e-3, "nat"),
    )  # fmt: skip


def _misnamed() -> tuple[Evidence, ...]:
    apart, together = np.tile([10.0, -10.0], 50), np.full(100, 0.01)
    return (
        Evidence("half of the samples at +10, half at -10", _bernoulli(apart)[0], math.log(2),
                 1e-6, "nat"),
        Evidence("all samples at +0.01: always on", _bernoulli(together)[0], 0, 1e-6, "nat"),
        Evidence("N(0, 1), H = 10", _bernoulli(_NORMAL, 10)[0], math.log(2), 1e-3, "nat"),
    )  # fmt: skip


def _limit() -> tuple[Evidence, ...]:
    right = _entropy(stats.norm.cdf(0.5))
    return tuple(
        Evidence(f"entropy for N(0.5, 1), H = {h}", _unit(_NORMAL + 0.5, "sigmoid", h)[0], right,
                 1e-3, "nat")
        for h in (100, 1000)
    )  # fmt: skip


def _soft_bias() -> tuple[Evidence, ...]:
    found = [
        Evidence(f"entropy for N(0.5, 1), H = {h}", _unit(_NORMAL + 0.5, "sigmoid", h)[0],
                 _entropy(stats.norm.cdf(0.5)), 1e-3, "nat")
        for h in (1, 10)
    ]  # fmt: skip
    found += [
        Evidence(f"slope to a shift where the median is 0 (skewed), H = {h}",
                 float(_unit(_SKEWED, "sigmoid", h)[1].sum()), 0, 1e-3)
        for h in (1, 10, 100)
    ]  # fmt: skip
    return tuple(found)


def _hot_gradient() -> tuple[Evidence, ...]:
    samples = stats.norm.ppf(midpoints(500)) + 0.5
    p = stats.norm.cdf(0.5)
    right = math.log((1 - p) / p) * stats.norm.pdf(0.5)
    return tuple(
        Evidence(f"slope to the mean of N(0.5, 1), N = 500, H = {h:g}",
                 float(_unit(samples, "sigmoid", h)[1].sum()), right, 0.02)
        for h in (10, 1e3, 1e5)
    )  # fmt: skip


def _at_zero() -> tuple[Evidence, ...]:
    off, on = np.full(100, -20.0), np.full(100, 20.0)
    return (
        Evidence("entropy, always off, hard states", _unit(off, "straight_through")[0], 0, 1e-6),
        Evidence("entropy, always on, H = 10", _unit(on, "sigmoid", 10)[0], 0, 1e-6),
        Evidence("entropy, always off, H = 10", _unit(off, "sigmoid", 10)[0], 0, 1e-6),
        Evidence("slope, always off, hard states", float(_unit(off, "straight_through")[1].sum()),
                 math.log(199) * special.expit(-20) * special.expit(20), 1e-12),
    )  # fmt: skip


def _saturated() -> tuple[Evidence, ...]:
    found = []
    for z in (20.0, -20.0):
        s, t = special.expit(z), special.expit(-z)
        value, slope = _bernoulli([z])
        right = s * -special.log_expit(z) + t * -special.log_expit(-z)
        found.append(
            Evidence(
                f"entropy of a sample at {z:g}, relative to the right one", value / right, 1, 1e-3
            )
        )
        found.append(
            Evidence(
                f"its slope, relative to the right one, -z s (1 - s), at {z:g}",
                slope[0] / (-z * s * t),
                1,
                1e-3,
            )
        )
    return tuple(found)


def _straight_gumbel() -> tuple[Evidence, ...]:
    noise = stats.logistic.ppf(midpoints(20_000))
    return tuple(
        Evidence(f"entropy of a unit at {x:g} under logistic noise",
                 _unit(np.full(20_000, x), "gumbel_straight_through", noise=noise)[0],
                 _entropy(special.expit(x)), 1e-4, "nat")
        for x in (0.0, 0.7, -2.0)
    )  # fmt: skip


def _one_gumbel() -> tuple[Evidence, ...]:
    noise = {
        "one Gumbel draw": stats.gumbel_r.ppf(midpoints(20_000)),
        "the difference of two": stats.logistic.ppf(midpoints(20_000)),
        "normal noise": stats.norm.ppf(midpoints(20_000)),
    }
    return tuple(
        Evidence(f"entropy of a unit at 0, {kind}",
                 _unit(np.zeros(20_000), "straight_through", noise=draws)[0], math.log(2), 1e-4,
                 "nat")
        for kind, draws in noise.items()
    )  # fmt: skip


_TORCH = ("torch",)

ENTRIES = (
    Erratum(
        "forum-median",
        _LAST + "first paragraph",
        "Maximal entropy of the on/off state puts the median of the ReLU's input at 0.",
        "argmax of h(P(x > 0)) is at median(x) = 0",
        "",
        "none",
        "Holds, for skewed inputs too, where the median is not the mean.",
        _TORCH,
        _median,
    ),
    Erratum(
        "forum-bernoulli-not-occupancy",
        _LAST + "idea 1, Bernoulli(logits=H*x).entropy()",
        "Adding the entropy of Bernoulli(logits=H x) to the loss controls the entropy of the "
        "unit's on/off variable.",
        "mean_n h(sigmoid(H x_n))",
        "h(mean_n sigmoid(H x_n))",
        "misnamed",
        "The mean of the samples' entropies is not the entropy of the mean. It is largest where "
        "every |x| is small, also for a unit that is always on, and 0 for one that is on in "
        "exactly half of the samples with certainty; maximising it collapses x to 0.",
        _TORCH,
        _misnamed,
    ),
    Erratum(
        "forum-hot-sigmoid-limit",
        _LAST + "idea 1, p = Sigmoid(H*x)",
        "For large H the sigmoid tends steeply to the on/off state, so that its entropy is the "
        "unit's.",
        "h(mean_n sigmoid(H x_n)) -> h(P(x > 0)) for H -> infinity",
        "",
        "none",
        "Holds for the entropy of the mean, as the value; see forum-hot-sigmoid-gradient for the "
        "slope.",
        _TORCH,
        _limit,
    ),
    Erratum(
        "forum-hot-sigmoid-bias",
        _LAST + "idea 1, 'H controls the steepness of penalty'",
        "H only controls how steep the penalty is for leaving P(on) = 1/2.",
        "h(mean sigmoid(H x)) at moderate H",
        "h(P(x > 0)), the limit; H must be large against 1 / spread of x",
        "bias",
        "H also moves the optimum: at small H it is where the mean of the sigmoids is 1/2, for "
        "skewed inputs not at the median.",
        _TORCH,
        _soft_bias,
    ),
    Erratum(
        "forum-hot-sigmoid-gradient",
        _LAST + "idea 1, 'very high temperature H'",
        "A very high H gives a gradient of the right direction to whatever goes into the ReLU.",
        "dh/dmu = log((1-p)/p) mean_n H s_n (1 - s_n)",
        "log((1-p)/p) f(0), f the density of x: choose H about N^(1/5) / spread",
        "zero gradient",
        "H s (1 - s) estimates the density of x at 0 with bandwidth 1/H. Where no sample is within "
        "a few 1/H of 0, the gradient is exactly 0 and the unit cannot move.",
        _TORCH,
        _hot_gradient,
    ),
    Erratum(
        "forum-entropy-at-zero",
        _LAST + "idea 1, 'binary entropy could be done manually'",
        "Binary entropy on p can be written out by hand.",
        "-p log p - (1 - p) log(1 - p)",
        "entr(p) + entr(1 - p), 0 at p = 0 and 1; slope log((1-c)/c), c = p clipped to 1/(2N)",
        "nan",
        "0 log 0 is NaN: one unit that is never (or always) on makes the loss NaN. A sigmoid hot "
        "enough to be hard rounds to 0 or 1.",
        _TORCH,
        _at_zero,
    ),
    Erratum(
        "forum-bernoulli-saturated",
        _LAST + "idea 1, dist.entropy()",
        "torch's Bernoulli entropy can be differentiated for a hot sigmoid.",
        "l - l s + log(1 + exp(-l)) with s = sigmoid(l) rounded, slope -l s (1 - s) by 1 - s",
        "s softplus(-l) + sigmoid(-l) softplus(l), slope -l sigmoid(l) sigmoid(-l)",
        "zero gradient",
        "In float32 s rounds to 1 from l = 17. The slope is then 0 on the side that is on, and "
        "right on the side that is off; the value has lost its digits on both.",
        _TORCH,
        _saturated,
    ),
    Erratum(
        "forum-straight-through-gumbel",
        _LAST + "idea 2",
        "The straight-through Gumbel trick has the expectation of solution 1.",
        "E 1{x + logistic noise > 0} = sigmoid(x)",
        "",
        "none",
        "Holds for the fraction that is on; its entropy is h(mean sigmoid(x)), with H = 1.",
        _TORCH,
        _straight_gumbel,
    ),
    Erratum(
        "forum-gumbel-noise",
        _LAST + "idea 3",
        "Gumbel or normal noise on x keeps ReLUs from saturating (and leaves P(on) alone).",
        "x + G, G ~ Gumbel(0, 1)",
        "x + G - G', the difference of two draws, which is logistic; or normal noise",
        "bias",
        "One Gumbel draw has mean 0.577 and is above 0 with probability 1 - 1/e: a centred unit is "
        "on for 63% of the samples. Normal noise is centred.",
        _TORCH,
        _one_gumbel,
    ),
)
