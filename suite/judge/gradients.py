"""How good is an estimated gradient: many batches' estimates against the exact one.

With e_b the estimate of batch b = 1..B, g the truth, m and S mean and covariance of the e_b (over
B - 1), of every component k

    bias               m_k - g_k                    standard_error     sqrt(S_kk / B)
    variance           S_kk                         signal_to_noise    |m_k| / sqrt(S_kk)
    sign_agreement     share of batches with sign e_bk = sign g_k

and of the gradient as a whole, the component ``ALL``

    relative_bias      |E e - g| / |g|, whose square is (|m - g|^2 - tr S / B) / |g|^2 or 0
    relative_spread    sqrt(tr S) / |g|             signal_to_noise    |m| / sqrt(tr S)
    scale              m.g / |g|^2: 1 right, 0 nothing along g, -1 turned round
    cosine             mean over batches of e_b.g / (|e_b| |g|), 0 for an estimate of 0
    cosine_of_mean     m.g / (|m| |g|)              sign_agreement     mean over components

Intervals are bootstrap percentiles: batches are drawn anew with replacement. The mean of a redrawn
set carries the batches' noise twice, so from its squared bias 2 tr S / B are taken; the interval of
relative_bias is too wide, never too narrow, where noise outweighs the bias.

A batch with a NaN or an infinity is counted in ``non_finite``, stated with every number, and in no
statistic: what is said then is said of the others. A component whose truth is 0 has no sign, NaN.

Source: B. Efron, "Bootstrap methods: another look at the jackknife", 1979 (percentile intervals).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

LEAST_BATCHES = 200
ALL = "all"


@dataclass(frozen=True)
class Estimate:
    """A statistic with its interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Quality:
    """Statistics by component and name; batches: how many there were, the not finite included."""

    batches: int
    non_finite: int
    statistics: Mapping[str, Mapping[str, Estimate]]

    def rows(self) -> list[dict[str, str | float]]:
        """One record a statistic, for a tidy frame."""
        return [
            {
                "component": component,
                "statistic": name,
                "value": estimate.value,
                "low": estimate.low,
                "high": estimate.high,
                "batches": self.batches,
                "non_finite": self.non_finite,
            }
            for component, statistics in self.statistics.items()
            for name, estimate in statistics.items()
        ]


def quality(
    estimates: Array,
    truth: Array,
    names: Sequence[str],
    rng: np.random.Generator,
    *,
    resamples: int = 500,
    level: float = 0.95,
) -> Quality:
    """Judge estimates (B, K) of a gradient, truth (K,); names: of the K components.

    rng: draws the bootstrap's batches. level: the share that an interval should cover.

    Raises ValueError for shapes that do not fit, fewer than ``LEAST_BATCHES`` batches, a truth
    that is not finite, and a name that repeats or is ``ALL``.
    """
    estimates, truth = np.asarray(estimates, np.float64), np.asarray(truth, np.float64)
    _check(estimates, truth, names)
    finite = np.isfinite(estimates).all(axis=1)
    kept = estimates[finite]
    if len(kept) < 2:
        # Nothing can be said of them: every statistic is NaN.
        kept = np.full((2, truth.size), np.nan)
    drawn = rng.multinomial(len(kept), np.full(len(kept), 1 / len(kept)), size=resamples)
    weights = np.concatenate([np.ones((1, len(kept))), drawn])
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        by_component, whole = _statistics(kept, truth, weights)
    tail = 50 * (1 - level)
    statistics = {
        component: {name: _estimate(values[:, k], tail) for name, values in by_component.items()}
        for k, component in enumerate(names)
    }
    statistics[ALL] = {name: _estimate(values, tail) for name, values in whole.items()}
    return Quality(len(estimates), int((~finite).sum()), statistics)


def _check(estimates: Array, truth: Array, names: Sequence[str]) -> None:
    if estimates.ndim != 2 or truth.shape != estimates.shape[1:]:
        raise ValueError(
            f"estimates has shape {estimates.shape}, truth {truth.shape}: expected (B, K), (K,)"
        )
    if not truth.size:
        raise ValueError("truth has shape (0,): expected one component or more")
    if len(estimates) < LEAST_BATCHES:
        raise ValueError(f"{len(estimates)} batches: expected {LEAST_BATCHES} or more")
    if not np.isfinite(truth).all():
        raise ValueError(f"truth={truth}: expected finite numbers")
    if len(names) != truth.size or len({*names, ALL}) != truth.size + 1:
        raise ValueError(
            f"names={list(names)}: expected {truth.size} different names other than {ALL!r}"
        )


Statistics = dict[str, Array]


def _statistics(e: Array, g: Array, weights: Array) -> tuple[Statistics, Statistics]:
    """Statistics (1 + resamples, K) and (1 + resamples,); weights: how often a batch counts."""
    batches = len(e)
    # Around the mean, so that a small spread keeps its digits.
    centre = e.mean(axis=0)
    shift = _mean(weights, e - centre)
    mean = centre + shift
    squares = _mean(weights, (e - centre) ** 2) - shift**2
    variance = np.maximum(squares, 0.0) * batches / (batches - 1)
    agree = np.where((g == 0) | np.isnan(e), np.nan, np.sign(e) == np.sign(g))
    signs = _mean(weights, agree)
    by_component = {
        "bias": mean - g,
        "variance": variance,
        "standard_error": np.sqrt(variance / batches),
        "signal_to_noise": _ratio(np.abs(mean), np.sqrt(variance)),
        "sign_agreement": signs,
    }
    return by_component, _of_the_whole(e, g, weights, mean, variance.sum(axis=1), signs)


def _of_the_whole(
    e: Array, g: Array, weights: Array, mean: Array, spread: Array, signs: Array
) -> Statistics:
    """spread: tr S; the first of the weights stands for the batches themselves."""
    batches, size = len(e), np.linalg.norm(g)
    noise = np.full(len(weights), 2.0)
    noise[0] = 1.0
    squared_bias = ((mean - g) ** 2).sum(axis=1) - noise * spread / batches
    cosines = _ratio(e @ g, np.linalg.norm(e, axis=1) * size)
    defined = g != 0
    agreement = signs[:, defined].mean(axis=1) if defined.any() else signs[:, 0]
    return {
        "relative_bias": np.sqrt(np.maximum(squared_bias, 0.0)) / size,
        "relative_spread": np.sqrt(spread) / size,
        "signal_to_noise": _ratio(np.linalg.norm(mean, axis=1), np.sqrt(spread)),
        "scale": mean @ g / size**2,
        "cosine": _mean(weights, cosines if size else cosines + np.nan),
        "cosine_of_mean": _ratio(mean @ g, np.linalg.norm(mean, axis=1) * size)
        + (0.0 if size else np.nan),
        "sign_agreement": agreement,
    }


def _mean(weights: Array, values: Array) -> Array:
    return weights @ values / values.shape[0]


def _ratio(above: Array, below: Array) -> Array:
    """above / below, 0 where both are 0."""
    return np.where(above == 0, 0.0, above / below)


def _estimate(values: Array, tail: float) -> Estimate:
    """The first value with the percentiles of the others; an interval of NaN where one is NaN."""
    if np.isnan(values).any():
        return Estimate(float(values[0]), np.nan, np.nan)
    # Sorted values, not mixtures of them: two infinities have no mean.
    low, high = np.percentile(values[1:], (tail, 100 - tail), method="inverted_cdf")
    return Estimate(float(values[0]), float(low), float(high))
