"""Maximum likelihood by negative samples in jax; autodiff differentiates it."""

from functools import partial

import jax
import jax.numpy as jnp

from implementations.jax_xla.energies import energy_of, metrics, where_finite
from implementations.jax_xla.precision import full_precision
from suite.registry import implements

PENALTIES = {"l1": jnp.abs, "l2": jnp.square}


@implements(
    "energy_maximum_likelihood",
    framework="jax",
    devices=("cpu", "cuda"),
    dtypes=("float32", "float64", "float16", "bfloat16"),
)
@partial(jax.jit, static_argnames=("energy", "penalty"))
@full_precision
def energy_maximum_likelihood(
    x, theta, negatives, *, energy="gaussian", alpha=1.0, penalty=None, strength=0.0
):
    """Loss and metrics; arguments as in ``suite.operators.energy_maximum_likelihood``."""
    of = energy_of(energy, theta)
    alpha, strength = (jnp.asarray(number, x.dtype) for number in (alpha, strength))
    positive, negative = of.energy(x).mean(), of.energy(negatives).mean()
    added = jnp.zeros((), x.dtype)
    if penalty is not None:
        added = strength * sum(PENALTIES[penalty](array).sum() for array in theta)
    loss = where_finite(positive - alpha * negative + added, x, theta, negatives)
    gap = negative - positive
    return loss, metrics(
        positive_energy=positive, negative_energy=negative, energy_gap=gap, penalty=added
    )
