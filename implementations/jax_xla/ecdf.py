"""Empirical distribution function in jax: ranks by integer keys forward, a surrogate backward.

The sums over pairs are written over (R, N, N), which XLA never stores: it computes the terms inside
the sum.
"""

import math
from functools import partial

import jax
import jax.numpy as jnp

from implementations.jax_xla.first_order_only import first_order_only
from implementations.jax_xla.ranks import positions, ranks, unit
from suite.registry import implements

MOST_PAIRS = 1 << 32


def too_many_pairs(case):
    """Reason to leave out a case whose surrogate sums over too many pairs, or None."""
    pairs = case.sizes["R"] * case.sizes["N"] ** 2
    if case.options.get("surrogate", "identity") == "identity" or pairs <= MOST_PAIRS:
        return None
    return f"O(N^2): R N^2 = {pairs:.1e} is above {MOST_PAIRS:.1e}"


@implements(
    "ecdf",
    framework="jax",
    devices=("cpu", "cuda"),
    dtypes=("float32", "float64", "float16", "bfloat16"),
    skip=too_many_pairs,
)
def ecdf(x, *, plotting_position="ecdf", ties="max", surrogate="identity", scale=None):
    """Plotting position of every sample; arguments as in ``suite.operators.ecdf``.

    Second derivatives raise NotImplementedError.
    """
    return _jitted(x, plotting_position, ties, surrogate, None if scale is None else float(scale))


@partial(jax.custom_vjp, nondiff_argnums=(1, 2, 3, 4))
def _ecdf(x, plotting_position, ties, surrogate, scale):
    return positions(ranks(x, ties), plotting_position) + _poison(x)


def _poison(x):
    """NaN for every row that has one, else 0, (R, 1)."""
    return jnp.where(jnp.isnan(x).any(axis=1, keepdims=True), jnp.nan, 0).astype(x.dtype)


def _forward(x, plotting_position, ties, surrogate, scale):
    return _ecdf(x, plotting_position, ties, surrogate, scale), first_order_only("ecdf", x)


def _backward(plotting_position, ties, surrogate, scale, x, cotangent):
    if surrogate == "identity":
        return (cotangent + _poison(x),)
    z = (x[:, :, None] - x[:, None, :]) / scale
    if surrogate == "density":
        peak = 1 / (math.sqrt(2 * math.pi) * scale * x.shape[1])
        return (cotangent * peak * jnp.sum(jnp.exp(-0.5 * z * z), axis=2),)
    far = jnp.exp(-jnp.abs(z))
    bell = far / ((1 + far) * (1 + far))
    pull = jnp.sum(bell * (cotangent[:, :, None] - cotangent[:, None, :]), axis=2)
    return (pull * (unit(plotting_position, x.shape[1]) / scale),)


_ecdf.defvjp(_forward, _backward)
_jitted = jax.jit(_ecdf, static_argnums=(1, 2, 3, 4))
