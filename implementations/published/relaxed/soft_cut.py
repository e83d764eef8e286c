"""The soft cut of relaxed: a sigmoid written as a quotient.

    above:  1 / (1 + exp(-s (x - t)))        below:  1 / (1 + exp(s (x - t)))

Sources: relaxed (Simpson, Feickert et al.), relaxed/ops/cuts.py, function cut; N. Simpson,
L. Heinrich, 2022, arXiv 2203.05570, on selection cuts.
"""

from functools import partial

import jax
import jax.numpy as jnp

from suite.registry import implements


def _column(value, x):
    value = jnp.asarray(value, x.dtype)
    return value[:, None] if value.ndim else value


@implements(
    "soft_cut",
    framework="jax",
    devices=("cpu", "cuda"),
    name="published_relaxed",
    known_error="relaxed-cut-overflow",
)
@partial(jax.jit, static_argnames=("keep",))
def soft_cut(x, threshold, steepness, *, keep="above"):
    """The weight of every sample; the source's cut_val and slope are threshold and steepness."""
    exponent = _column(steepness, x) * (x - _column(threshold, x))
    return 1 / (1 + jnp.exp(-exponent if keep == "above" else exponent))
