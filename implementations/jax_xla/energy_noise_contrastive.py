"""Noise contrastive estimation in jax; autodiff differentiates it."""

import math
from functools import partial

import jax
import jax.numpy as jnp

from implementations.jax_xla.energies import energy_of, metrics, where_finite
from implementations.jax_xla.precision import full_precision
from implementations.jax_xla.sigmoids import softplus
from suite.registry import implements


@implements(
    "energy_noise_contrastive",
    framework="jax",
    devices=("cpu", "cuda"),
    dtypes=("float32", "float64", "float16", "bfloat16"),
)
@partial(jax.jit, static_argnames=("energy",))
@full_precision
def energy_noise_contrastive(
    x, theta, noise, log_density_x, log_density_noise, log_partition=0.0, *, energy="gaussian"
):
    """Loss and metrics; arguments as in ``suite.operators.energy_noise_contrastive``."""
    of = energy_of(energy, theta)
    ratio = noise.shape[0] / x.shape[0]
    level = jnp.asarray(log_partition, x.dtype) + math.log(ratio)
    odds_x = -of.energy(x) - log_density_x - level
    odds_noise = -of.energy(noise) - log_density_noise - level
    positive, negative = softplus(-odds_x).mean(), ratio * softplus(odds_noise).mean()
    given = x, theta, noise, log_density_x, log_density_noise, log_partition
    return where_finite(positive + negative, given), metrics(
        positive_loss=positive,
        negative_loss=negative,
        positive_odds=odds_x.mean(),
        negative_odds=odds_noise.mean(),
    )
