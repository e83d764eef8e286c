"""Sliced score matching in jax: all directions of all samples at once."""

import math
from functools import partial

import jax
import jax.numpy as jnp

from implementations.jax_xla.energies import energy_of, metrics, where_finite
from implementations.jax_xla.precision import full_precision
from suite.registry import implements


@implements(
    "energy_sliced_score_matching",
    framework="jax",
    devices=("cpu", "cuda"),
    dtypes=("float32", "float64", "float16", "bfloat16"),
)
@partial(jax.jit, static_argnames=("energy", "law", "variance_reduced"))
@full_precision
def energy_sliced_score_matching(
    x, theta, projections, *, energy="gaussian", law="gaussian", variance_reduced=False
):
    """Loss and metrics; arguments as in ``suite.operators.energy_sliced_score_matching``."""
    v = directions(jax.lax.stop_gradient(projections), law)
    gradient, bent = energy_of(energy, theta).gradient_and_curvature(x, v)
    curvature = bent.mean()
    if variance_reduced:
        square = jnp.square(gradient).sum() / x.shape[0]
    else:
        slopes = (v * gradient[:, None]).reshape(*v.shape[:2], -1).sum(2)
        square = jnp.square(slopes).mean()
    loss = where_finite(0.5 * square - curvature, x, theta, projections)
    return loss, metrics(curvature=curvature, slope_square=square)


def directions(projections, law):
    """Directions of a law from standard normal draws (N, M, *shape)."""
    if law == "gaussian":
        return projections
    if law == "rademacher":
        signs = jnp.where(projections < 0, -1.0, 1.0).astype(projections.dtype)
        return jnp.where(jnp.isnan(projections), projections, signs)
    flat = projections.reshape(*projections.shape[:2], -1)
    norm = jnp.linalg.norm(flat, axis=2, keepdims=True)
    return (math.sqrt(flat.shape[2]) * flat / norm).reshape(projections.shape)
