"""The soft cut of softjax: ``softjax.greater`` in its smooth mode, softness = 1 / steepness.

Its epsilon, an offset that matters for hard comparisons only, is set to 0. "below" is
greater(threshold, x), since ``softjax.less`` is 1 - greater_equal and loses its small values.
"""

import jax
import jax.numpy as jnp
import softjax

from suite.registry import implements


@implements(
    "soft_cut",
    framework="jax",
    devices=("cpu", "cuda"),
    requires=("softjax; python_version >= '3.12'",),
    known_error="softjax-upper-tail",
)
def soft_cut(x, threshold, steepness, *, keep="above"):
    """Sigmoid selection of samples; arguments as in ``suite.operators.soft_cut``."""

    def row(x, threshold, softness):
        pair = (x, threshold) if keep == "above" else (threshold, x)
        return softjax.greater(*pair, softness=softness, epsilon=0.0)

    per_row = tuple(0 if jnp.ndim(value) else None for value in (threshold, steepness))
    return jax.vmap(row, in_axes=(0, *per_row))(x, threshold, 1 / steepness)
