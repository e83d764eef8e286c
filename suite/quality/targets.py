"""Distributions that a descent is to reach, and how far a batch is from one.

A descent moves real numbers: the samples themselves, or their logits where samples are in [0, 1].
Distances are of the samples x_(1) <= ... <= x_(N) to the target with CDF F and quantiles Q:

    Cramer-von Mises   integral (F_N - F)^2 dF = 1/N sum_i (F(x_(i)) - (2i-1)/(2N))^2 + 1/(12 N^2)
    Wasserstein-1      integral |F_N^-1 - Q| du, by the midpoint rule on the N samples
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import special
from scipy.interpolate import CubicSpline

from suite.priors import PRIORS

NO_TEST_TELLS = 0.46136
"""95% point of N times the Cramer-von Mises distance of a batch that was drawn from the target
(T. W. Anderson, D. A. Darling, "Asymptotic theory of certain goodness of fit criteria", 1952)."""


@dataclass(frozen=True)
class Target:
    """A law of real numbers theta; samples are theta, or sigmoid(theta) with ``logits``.

    cdf, pdf: of theta. quantile(u): of theta. low, high: where a histogram of samples is looked at.
    prior, a, b: of batch shaping, or "" where it has none.
    """

    name: str
    cdf: Callable[[np.ndarray], np.ndarray]
    pdf: Callable[[np.ndarray], np.ndarray]
    quantile: Callable[[np.ndarray], np.ndarray]
    logits: bool
    low: float
    high: float
    prior: str = ""
    a: float = 0.0
    b: float | None = None

    def sample(self, theta: np.ndarray) -> np.ndarray:
        return special.expit(theta) if self.logits else theta

    def slope(self, theta: np.ndarray) -> np.ndarray:
        """d sample / d theta."""
        return special.expit(theta) * special.expit(-theta) if self.logits else np.ones_like(theta)

    def sample_cdf(self, x: np.ndarray) -> np.ndarray:
        """F at samples (histogram edges)."""
        with np.errstate(divide="ignore"):
            return self.cdf(special.logit(x) if self.logits else x)

    def grid(self, samples: int) -> np.ndarray:
        """Quantiles of theta at (2i-1)/(2N)."""
        return self.quantile((np.arange(samples) + 0.5) / samples)


def cramer_von_mises(theta: np.ndarray, target: Target) -> np.ndarray:
    """Distance of every row of theta (R, N) to the target, (R,)."""
    samples = theta.shape[1]
    middle = (np.arange(samples) + 0.5) / samples
    residual = target.cdf(np.sort(theta, axis=1)) - middle
    return (residual**2).mean(axis=1) + 1 / (12 * samples**2)


def wasserstein(theta: np.ndarray, target: Target) -> np.ndarray:
    """Distance of every row's samples to the target's, (R,), in units of the samples."""
    ordered = target.sample(np.sort(theta, axis=1))
    return np.abs(ordered - target.sample(target.grid(theta.shape[1]))).mean(axis=1)


def _of_prior(name: str, prior: str, a: float, b: float, quantile: Callable) -> Target:
    """A law on [0, 1] by its logits."""
    law = PRIORS[prior]
    return Target(
        name,
        lambda theta: law.cdf(theta, a, b, from_logits=True),
        lambda theta: law.pdf(theta, a, b, from_logits=True),
        quantile,
        True, 0.0, 1.0, prior, a, b,
    )  # fmt: skip


def _beta_logit(a: float, b: float) -> Callable[[np.ndarray], np.ndarray]:
    """Quantiles of logit(x) by a spline in logit(u), whose nodes are inverted exactly: each of x
    and 1 - x by its own inverse, so that neither is lost."""
    t = np.linspace(-40.0, 40.0, 2001)
    u, rest = special.expit(t), special.expit(-t)
    at = np.log(special.betaincinv(a, b, u)) - np.log(special.betaincinv(b, a, rest))
    spline = CubicSpline(t, at)
    return lambda u: spline(special.logit(u))


def _bimodal(centre: float, spread: float) -> Target:
    """Two normal modes of equal weight at +-centre."""

    def mixture(of: Callable) -> Callable[[np.ndarray], np.ndarray]:
        return lambda t: 0.5 * (of((t - centre) / spread) + of((t + centre) / spread))

    cdf, density = mixture(special.ndtr), mixture(_normal_density)
    grid = np.linspace(-centre - 12 * spread, centre + 12 * spread, 40001)
    known = cdf(grid)
    rising = np.concatenate([[True], np.diff(known) > 0])

    def quantile(u: np.ndarray) -> np.ndarray:
        return np.interp(u, known[rising], grid[rising])

    return Target("bimodal", cdf, lambda t: density(t) / spread, quantile, False, -4.0, 4.0)


def _normal_density(z: np.ndarray) -> np.ndarray:
    return np.exp(-0.5 * z * z) / np.sqrt(2 * np.pi)


TARGETS: dict[str, Target] = {
    target.name: target
    for target in (
        Target("normal", special.ndtr, _normal_density, special.ndtri,
               False, -4.0, 4.0, "normal", 0.0, 1.0),
        _of_prior("beta", "beta", 0.6, 0.4, _beta_logit(0.6, 0.4)),
        _of_prior("relaxed_bernoulli", "relaxed_bernoulli", 0.6, 0.5,
                  lambda u: (special.logit(u) + special.logit(0.6)) / 0.5),
        _bimodal(1.5, 0.5),
    )
}  # fmt: skip
