"""What an edge makes of a sample anywhere in a cell, as a polynomial of terms t^j.

A function is interpolated at the cell's Chebyshev nodes. That is linear in the function, so that a
bin's mass, the difference of two tails, is as exact relative to itself as the tails are.
"""

import jax
import jax.numpy as jnp
from jax import lax
from jax.scipy.special import erfc

from implementations.moments.accuracy import nodes

_EDGES = 256


def tail(kernel, z, side):
    """Mass beyond the edge: above it on the side of larger samples, minus that below it."""
    u = z * side
    if kernel == "gaussian":
        return 0.5 * side * erfc(u * 0.5**0.5)
    if kernel == "logistic":
        return side * jax.nn.sigmoid(-u)
    left = jnp.clip(1 - u, 0)
    return side * left * left * (0.5 if kernel == "triangular" else 0.25 * (2 + u))


def height(kernel, z, side):
    """The kernel's density at the edge."""
    if kernel == "gaussian":
        return jnp.exp(-0.5 * z * z) * (2 * jnp.pi) ** -0.5
    if kernel == "logistic":
        return jax.nn.sigmoid(z) * jax.nn.sigmoid(-z)
    left = jnp.clip(1 - jnp.abs(z), 0)
    return left if kernel == "triangular" else 0.75 * left * (2 - left)


def stretch(kernel, z, side):
    """Density times distance."""
    return height(kernel, z, side) * z


def _window(function, one, cells, bandwidth, edge, first):
    """Coefficients (W, K) in the cells of an edge's window."""
    at, matrix = nodes(one.terms)
    centre = lax.dynamic_slice_in_dim(cells.centre, first, one.window)
    half = cells.half
    if jnp.ndim(half):
        half = lax.dynamic_slice_in_dim(half, first, one.window)[:, None]
    away = edge - centre
    side = jnp.where(away < 0, -1.0, 1.0)[:, None]
    z = (away[:, None] - half * jnp.asarray(at)) / bandwidth
    values = function(one.kernel, z, side)
    return jnp.matmul(values, jnp.asarray(matrix.T), precision=lax.Precision.HIGHEST)


def sums_at_edges(function, one, cells, edges, bandwidth, moments):
    """Sum over all samples of the function of every edge: moments (K, C) to (E,)."""

    def at(edge_and_first):
        edge, first = edge_and_first
        there = lax.dynamic_slice_in_dim(moments, first, one.window, 1)
        return (_window(function, one, cells, bandwidth, edge, first) * there.T).sum()

    return lax.map(at, (edges, cells.first), batch_size=min(_EDGES, edges.shape[0]))


def sum_over_edges(function, one, cells, edges, bandwidth, steps):
    """Every cell's polynomial of the sum over the edges times steps (E,): (K, C)."""

    def at(edge_first_and_step):
        edge, first, step = edge_first_and_step
        return step * _window(function, one, cells, bandwidth, edge, first)

    found = lax.map(at, (edges, cells.first, steps), batch_size=min(_EDGES, edges.shape[0]))
    where = cells.first[:, None] + jnp.arange(one.window, dtype=jnp.int32)
    sums = jnp.zeros((one.count, one.terms))
    return sums.at[where].add(found, mode="promise_in_bounds").T
