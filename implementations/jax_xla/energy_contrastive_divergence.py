"""Contrastive divergence in jax: the chain a scan without gradients, then two mean energies."""

from functools import partial

import jax
import jax.numpy as jnp

from implementations.jax_xla.energies import energy_of, metrics, nan_where, where_finite
from implementations.jax_xla.langevin import langevin
from implementations.jax_xla.precision import full_precision
from suite.registry import implements


@implements(
    "energy_contrastive_divergence",
    framework="jax",
    devices=("cpu", "cuda"),
    dtypes=("float32", "float64", "float16", "bfloat16"),
)
@partial(jax.jit, static_argnames=("energy",))
@full_precision
def energy_contrastive_divergence(
    x, theta, noise, start=None, uniforms=None, *, energy="gaussian", step=0.01, alpha=1.0
):
    """Loss and metrics; arguments as in ``suite.operators.energy_contrastive_divergence``."""
    of, alpha = energy_of(energy, theta), jnp.asarray(alpha, x.dtype)
    first = x if start is None else start
    fixed, *given = jax.lax.stop_gradient((theta, first, noise, uniforms))
    chain, acceptance = langevin(energy_of(energy, fixed), *given, jnp.asarray(step, x.dtype))
    positive, negative = of.energy(x).mean(), of.energy(chain).mean()
    loss = where_finite(positive - alpha * negative, x, theta, noise, start, uniforms)
    if uniforms is not None:
        loss = nan_where(((uniforms < 0) | (uniforms > 1)).any(), loss)
    return loss, metrics(
        positive_energy=positive,
        negative_energy=negative,
        energy_gap=negative - positive,
        acceptance=acceptance,
        chain=chain,
    )
