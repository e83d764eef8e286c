"""What an edge makes of a sample anywhere in a cell, as a polynomial of terms t^j.

A function is interpolated at the cell's Chebyshev nodes. That is linear in the function, so that a
bin's mass, the difference of two tails, is as exact relative to itself as the tails are. In cells
of one width it depends on where the edge is in its own cell and on how many cells away the sample's
is: of an edge's place, too, it is a polynomial, the same for all edges.
"""

import jax
import jax.numpy as jnp
from jax import lax
from jax.scipy.special import erfc

from implementations.moments.accuracy import nodes, series

_EDGES = 256
_EXACT = lax.Precision.HIGHEST


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


def _by_place(function, one):
    """Coefficients in a window's cells as Chebyshev series of the edge's place: (P, W K)."""
    at, matrix = (jnp.asarray(a) for a in nodes(one.terms))
    places, to_series = (jnp.asarray(a) for a in series(one.places))
    cell = (jnp.arange(one.window) - one.window // 2)[:, None]
    z = ((places[:, None, None] - at) / 2 - cell) / one.density
    values = function(one.kernel, z, jnp.where(cell > 0, -1.0, 1.0))
    values = jnp.matmul(values, matrix.T, precision=_EXACT).reshape(one.places, -1)
    return jnp.matmul(to_series, values, precision=_EXACT)


def _directly(function, one, cells, bandwidth, edge):
    """Coefficients (C K,) in all cells."""
    at, matrix = (jnp.asarray(a) for a in nodes(one.terms))
    away = edge - cells.centre
    side = jnp.where(away < 0, -1.0, 1.0)[:, None]
    z = (away[:, None] - cells.half[:, None] * at) / bandwidth
    return jnp.matmul(function(one.kernel, z, side), matrix.T, precision=_EXACT).reshape(-1)


def _over_edges(function, one, cells, edges, bandwidth, use, *of_edges):
    """use(table (W K,), first, *of_edges) of every edge, by blocks of edges."""
    if one.density:
        shared = _by_place(function, one)
        where = jnp.cos(jnp.arange(one.places) * jnp.arccos(cells.places)[:, None])

        def at(terms, *rest):
            return use(jnp.matmul(terms, shared, precision=_EXACT), *rest)
    else:
        where = edges

        def at(edge, *rest):
            return use(_directly(function, one, cells, bandwidth, edge), *rest)

    given = where, cells.first, *of_edges
    return lax.map(lambda a: at(*a), given, batch_size=min(_EDGES, edges.shape[0]))


def sums_at_edges(function, one, cells, edges, bandwidth, moments):
    """Sum over all samples of the function of every edge: moments (K, C) to (E,)."""
    flat = moments.T.reshape(-1)

    def use(table, first):
        there = lax.dynamic_slice_in_dim(flat, first * one.terms, table.shape[0])
        return (table * there).sum()

    return _over_edges(function, one, cells, edges, bandwidth, use)


def sum_over_edges(function, one, cells, edges, bandwidth, steps):
    """Every cell's polynomial of the sum over the edges times steps (E,): (K, C)."""

    def use(table, first, step):
        return step * table

    found = _over_edges(function, one, cells, edges, bandwidth, use, steps)
    where = cells.first[:, None] + jnp.arange(one.window, dtype=jnp.int32)
    sums = jnp.zeros((one.count, one.terms))
    found = found.reshape(*where.shape, one.terms)
    return sums.at[where].add(found, mode="promise_in_bounds").T
