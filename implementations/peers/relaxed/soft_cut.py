"""The soft cut of relaxed 0.4.0: ``relaxed.cut`` with cut_val = threshold and slope = steepness."""

import jax.numpy as jnp
import relaxed

from suite.registry import implements


def _column(value):
    """A number a row broadcasts along it."""
    return value[:, None] if jnp.ndim(value) else value


@implements(
    "soft_cut",
    framework="jax",
    devices=("cpu", "cuda"),
    requires=("relaxed",),
    known_error="peer-relaxed-cut",
)
def soft_cut(x, threshold, steepness, *, keep="above"):
    """Sigmoid selection of samples; arguments as in ``suite.operators.soft_cut``."""
    return relaxed.cut(x, _column(threshold), _column(steepness), keep)
