"""Score matching in jax: Laplacians in closed form or by blocks of tangents."""

from functools import partial

import jax
import jax.numpy as jnp

from implementations.jax_xla.energies import energy_of, metrics, where_finite
from implementations.jax_xla.precision import full_precision
from suite.registry import implements


@implements(
    "energy_score_matching",
    framework="jax",
    devices=("cpu", "cuda"),
    dtypes=("float32", "float64", "float16", "bfloat16"),
)
@partial(jax.jit, static_argnames=("energy", "block"))
@full_precision
def energy_score_matching(x, theta, *, energy="gaussian", block=None):
    """Loss and metrics; arguments as in ``suite.operators.energy_score_matching``."""
    gradient, laplacian = energy_of(energy, theta).gradient_and_laplacian(x, block)
    square = jnp.square(gradient).sum() / x.shape[0]
    loss = where_finite(0.5 * square - laplacian, x, theta)
    return loss, metrics(score_square=square, laplacian=laplacian)
