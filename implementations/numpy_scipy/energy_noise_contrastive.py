"""Noise contrastive estimation in NumPy, of energies in closed form."""

import math

import numpy as np
from scipy.special import expit, log_expit

from implementations.numpy_scipy.energies import (
    analytic_only,
    energy_of,
    gradients,
    quiet,
    where_finite,
)
from suite.registry import implements


def _odds(of, x, noise, log_density_x, log_density_noise, log_partition):
    """Log odds that the samples, and that the noise, are data; and M / N."""
    ratio = len(noise) / len(x)
    level = np.asarray(log_partition + math.log(ratio), x.dtype)
    both = (-of.energy(u) - q - level for u, q in ((x, log_density_x), (noise, log_density_noise)))
    return *both, ratio


def _factor(*arrays):
    return where_finite(*(array for array in arrays if not isinstance(array, float)))


@quiet
def vjp(
    cotangent, wrt, x, theta, noise, log_density_x, log_density_noise, log_partition=0.0, *,
    energy="gaussian",
):  # fmt: skip
    """The odds pull -sigmoid(-G) / N and sigmoid(G) / N."""
    of = energy_of(energy, theta)
    given = log_density_x, log_density_noise, log_partition
    odds_x, odds_noise, _ = _odds(of, x, noise, *given)
    a, b = expit(-odds_x) / len(x), -expit(odds_noise) / len(x)
    to_x, first = of.pull(x, a=a)
    to_noise, second = of.pull(noise, a=b)
    to_theta = [one + other for one, other in zip(first, second, strict=True)]
    others = {"noise": to_noise, "log_density_x": a, "log_density_noise": b}
    others["log_partition"] = np.asarray(a.sum() + b.sum())
    cotangent = cotangent * _factor(x, theta, noise, *given)
    return gradients(wrt, energy, cotangent, to_x, to_theta, **others)


@implements(
    "energy_noise_contrastive",
    framework="numpy",
    dtypes=("float32", "float64", "float16"),
    vjp=vjp,
    skip=analytic_only,
)
@quiet
def energy_noise_contrastive(
    x, theta, noise, log_density_x, log_density_noise, log_partition=0.0, *, energy="gaussian"
):
    """Loss and metrics; arguments as in ``suite.operators.energy_noise_contrastive``."""
    given = log_density_x, log_density_noise, log_partition
    odds_x, odds_noise, ratio = _odds(energy_of(energy, theta), x, noise, *given)
    positive, negative = -log_expit(odds_x).mean(), -ratio * log_expit(-odds_noise).mean()
    loss = (positive + negative) * _factor(x, theta, noise, *given)
    found = {"positive_loss": positive, "negative_loss": negative}
    found |= {"positive_odds": odds_x.mean(), "negative_odds": odds_noise.mean()}
    return np.asarray(loss, x.dtype), found
