"""Denoising score matching in NumPy, of energies in closed form."""

import numpy as np

from implementations.numpy_scipy.energies import (
    analytic_only,
    energy_of,
    gradients,
    quiet,
    where_finite,
)
from suite.registry import implements


def _factor(x, theta, noise, sigma):
    """1, or NaN for what is invalid."""
    sigma = np.asarray(sigma)
    return np.float32(np.nan) if (sigma <= 0).any() else where_finite(x, theta, noise, sigma)


def _parts(of, x, noise, sigma, weighting):
    """Scales (S, 1), perturbed samples (N S, d), scores and what they miss (N, S, d)."""
    sigma = np.broadcast_to(np.asarray(sigma, x.dtype), noise.shape[1:2])[:, None]
    perturbed = (x[:, None] + sigma * noise).reshape(-1, x.shape[1])
    score = -of.gradient(perturbed).reshape(noise.shape)
    # Weighted by sigma^2, the difference is of what has no small divisor.
    miss = sigma * score + noise if weighting == "sigma2" else score + noise / sigma
    return sigma, perturbed, score, miss


@quiet
def vjp(cotangent, wrt, x, theta, noise, sigma, *, energy="gaussian", weighting="sigma2"):
    """dL/dg is -miss / (N S), times sigma where that is the weight's root."""
    of = energy_of(energy, theta)
    scale, perturbed, _, miss = _parts(of, x, noise, sigma, weighting)
    miss = miss / len(perturbed)
    push = -scale * miss if weighting == "sigma2" else -miss
    to_perturbed, to_theta = of.pull(perturbed, b=push.reshape(perturbed.shape))
    to_perturbed = to_perturbed.reshape(noise.shape)
    to_noise = scale * to_perturbed + (miss if weighting == "sigma2" else miss / scale)
    cotangent = cotangent * _factor(x, theta, noise, sigma)
    return gradients(wrt, energy, cotangent, to_perturbed.sum(1), to_theta, noise=to_noise)


@implements(
    "energy_denoising_score_matching",
    framework="numpy",
    dtypes=("float32", "float64", "float16"),
    vjp=vjp,
    skip=analytic_only,
)
@quiet
def energy_denoising_score_matching(
    x, theta, noise, sigma, *, energy="gaussian", weighting="sigma2"
):
    """Loss and metrics; arguments as in ``suite.operators.energy_denoising_score_matching``."""
    _, perturbed, score, miss = _parts(energy_of(energy, theta), x, noise, sigma, weighting)
    count = len(perturbed)
    loss = 0.5 * (miss**2).sum() / count * _factor(x, theta, noise, sigma)
    return np.asarray(loss, x.dtype), {"score_square": (score**2).sum() / count}
