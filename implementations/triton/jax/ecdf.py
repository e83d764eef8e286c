"""Empirical distribution function in Triton: ranks in one launch, surrogates over pairs in another.

Rows of more than ``ranks.LONGEST`` samples, and float64, are sorted by XLA first.
"""

from functools import partial

import jax
import jax.numpy as jnp

from implementations.jax_xla.ranks import argsort_rows
from implementations.triton.jax.launch import launch, numbers, over_rows
from implementations.triton.pairs import pairs_launch, too_many_pairs
from implementations.triton.positions import inside_launch, sorted_launch
from implementations.triton.ranks import sorts_inside
from suite.registry import implements


def route(x, *, plotting_position="ecdf", ties="max", surrogate="identity", scale=None):
    """Who sorts."""
    return "sorted in the kernel" if sorts_inside(str(x.dtype), x.shape[1]) else "sorted by XLA"


@implements(
    "ecdf",
    framework="jax",
    devices=("cuda",),
    dtypes=("float32", "float64", "float16", "bfloat16"),
    requires=("triton", "jax_triton"),
    skip=too_many_pairs,
    route=route,
)
def ecdf(x, *, plotting_position="ecdf", ties="max", surrogate="identity", scale=None):
    """Plotting position of every sample; arguments as in ``suite.operators.ecdf``.

    Second derivatives raise NotImplementedError.
    """
    return _jitted(x, plotting_position, ties, surrogate, None if scale is None else float(scale))


@partial(jax.custom_vjp, nondiff_argnums=(1, 2, 3, 4))
def _ecdf(x, plotting_position, ties, surrogate, scale):
    def function(x):
        dtype = str(x.dtype)
        if sorts_inside(dtype, x.shape[1]):
            return launch(inside_launch(x.shape, dtype, ties, plotting_position), x)[:1]
        place = argsort_rows(x)
        step = sorted_launch(x.shape, dtype, ties, plotting_position)
        return launch(step, jnp.take_along_axis(x, place, axis=1), place)

    return over_rows("ecdf", function)(x)[0]


def _forward(x, plotting_position, ties, surrogate, scale):
    positions = _ecdf(x, plotting_position, ties, surrogate, scale)
    return positions, (x, positions)


def _backward(plotting_position, ties, surrogate, scale, residuals, cotangent):
    x, positions = residuals

    def function(x, cotangent, positions):
        if surrogate == "identity":
            return (jnp.where(jnp.isnan(positions[:, :1]), jnp.nan, cotangent),)
        step = pairs_launch(x.shape, str(x.dtype), surrogate, plotting_position)
        return launch(step, x, cotangent, positions, numbers(scale))

    return over_rows("ecdf", function)(x, cotangent, positions)


_ecdf.defvjp(_forward, _backward)
_jitted = jax.jit(_ecdf, static_argnums=(1, 2, 3, 4))
