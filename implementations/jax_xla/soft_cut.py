"""Soft cut in jax; autodiff differentiates it, any number of times."""

from functools import partial

import jax
import jax.numpy as jnp

from implementations.jax_xla.sigmoids import sigmoid
from suite.registry import implements


def _column(value, x):
    """A parameter as an array that broadcasts along the rows of x."""
    value = jnp.asarray(value, dtype=x.dtype)
    return value[..., None] if value.ndim else value


@implements(
    "soft_cut",
    framework="jax",
    devices=("cpu", "cuda"),
    dtypes=("float32", "float64", "float16", "bfloat16"),
)
@partial(jax.jit, static_argnames=("keep",))
def soft_cut(x, threshold, steepness, *, keep="above"):
    """Sigmoid selection of samples; arguments as in ``suite.operators.soft_cut``."""
    largest = jnp.finfo(x.dtype).max
    slope = _column(steepness, x)
    # A factor, so that the gradient of a wrong one is NaN too.
    slope = jnp.minimum(slope * jnp.where(slope > 0, 1.0, jnp.nan).astype(x.dtype), largest)
    # Clamped, since infinite distances times a vanished slope of the sigmoid would be NaN.
    distance = jnp.clip(x - _column(threshold, x), -largest, largest)
    z = slope * distance
    return sigmoid(z if keep == "above" else -z)
