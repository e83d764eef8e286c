"""Soft histogram in Triton: every sample at every bin, fused, so that memory is that of x alone."""

from functools import partial

import jax
import jax.numpy as jnp

from implementations.jax_xla.soft_histogram import histogram
from implementations.triton.direct_counts import (
    at_edges_launch,
    at_samples_launch,
    counts_launch,
)
from implementations.triton.jax.launch import launch, over_rows
from suite.registry import implements


@implements(
    "soft_histogram",
    framework="jax",
    devices=("cuda",),
    dtypes=("float32", "float64", "float16", "bfloat16"),
    requires=("triton", "jax_triton"),
)
@partial(jax.jit, static_argnames=("kernel", "density", "overflow"))
def soft_histogram(
    x, edges, bandwidth, weights=None, *, kernel="gaussian", density=False, overflow="drop"
):
    """Soft counts of every row; arguments as in ``suite.operators.soft_histogram``.

    Raises NotImplementedError for second derivatives.
    """
    return histogram(_counts, x, edges, bandwidth, weights, kernel, density, overflow)


@partial(jax.custom_vjp, nondiff_argnums=(0, 1))
def _counts(kernel, reflect, x, edges, bandwidth, weights):
    """Counts (R, B); edges (E,), bandwidth (R,) NaN in bad rows, weights (R, N) or None."""

    def function(x, edges, bandwidth, *weights):
        step = counts_launch(x.shape, edges.shape[1], kernel, bool(weights))
        (sums,) = launch(step, x, *_wide(edges, bandwidth), *(weights or (x,)))
        found = sums.sum(axis=1)
        inside = found[:, 1:-1]
        if reflect:
            inside = inside.at[:, 0].add(found[:, 0]).at[:, -1].add(found[:, -1])
        return (inside.astype(x.dtype),)

    return over_rows("soft_histogram", function)(*_rows(x, edges, bandwidth, weights))[0]


def _forward(kernel, reflect, x, edges, bandwidth, weights):
    return _counts(kernel, reflect, x, edges, bandwidth, weights), (x, edges, bandwidth, weights)


def _backward(kernel, reflect, residuals, cotangent):
    weights = residuals[3]

    def function(cotangent, x, edges, bandwidth, *weights):
        shape, count, dtype = x.shape, edges.shape[1], str(x.dtype)
        given = x, *_wide(edges, bandwidth), *(weights or (x,))
        g = cotangent.astype(jnp.float64)
        sides = ((0, 0), (1, 1))
        g = jnp.pad(g, sides, mode="edge") if reflect else jnp.pad(g, sides)
        step = at_samples_launch(shape, dtype, count, kernel, bool(weights), True, bool(weights))
        to_x, to_weights = launch(step, *given, g)
        (sums,) = launch(at_edges_launch(shape, count, kernel, bool(weights)), *given)
        steps = jnp.diff(g, axis=1) / given[2][:, None]
        heights, stretches = jnp.moveaxis(sums.sum(axis=1), -1, 0)
        found = to_x, -steps * heights, (steps * stretches).sum(axis=1)
        found = tuple(part.astype(x.dtype) for part in found)
        return (*found, to_weights) if weights else found

    given = _rows(*residuals)
    to_x, to_edges, to_bandwidth, *rest = over_rows("soft_histogram", function)(cotangent, *given)
    return to_x, to_edges.sum(axis=0), to_bandwidth, None if weights is None else rest[0]


_counts.defvjp(_forward, _backward)


def _wide(*arrays):
    return (array.astype(jnp.float64) for array in arrays)


def _rows(x, edges, bandwidth, weights):
    """Everything as (R, ...)."""
    edges = jnp.broadcast_to(edges, (x.shape[0], *edges.shape))
    return (x, edges, bandwidth) if weights is None else (x, edges, bandwidth, weights)
