"""Denoising score matching in jax: gradients of the energy at all perturbed samples at once."""

from functools import partial

import jax
import jax.numpy as jnp

from implementations.jax_xla.energies import energy_of, metrics, nan_where, where_finite
from implementations.jax_xla.precision import full_precision
from suite.registry import implements


@implements(
    "energy_denoising_score_matching",
    framework="jax",
    devices=("cpu", "cuda"),
    dtypes=("float32", "float64", "float16", "bfloat16"),
)
@partial(jax.jit, static_argnames=("energy", "weighting"))
@full_precision
def energy_denoising_score_matching(
    x, theta, noise, sigma, *, energy="gaussian", weighting="sigma2"
):
    """Loss and metrics; arguments as in ``suite.operators.energy_denoising_score_matching``."""
    samples, scales, *shape = noise.shape
    sigma = jax.lax.stop_gradient(jnp.asarray(sigma, x.dtype))
    sigma = jnp.broadcast_to(sigma, (scales,)).reshape(-1, *(1,) * len(shape))
    perturbed = (x[:, None] + sigma * noise).reshape(-1, *shape)
    score = -energy_of(energy, theta).gradient(perturbed).reshape(noise.shape)
    # Weighted by sigma^2, the difference is of what has no small divisor.
    miss = sigma * score + noise if weighting == "sigma2" else score + noise / sigma
    count = samples * scales
    loss = where_finite(0.5 * jnp.square(miss).sum() / count, x, theta, noise, sigma)
    loss = nan_where((sigma <= 0).any(), loss)
    return loss, metrics(score_square=jnp.square(score).sum() / count)
