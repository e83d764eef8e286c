"""Soft histogram by moments: O(n K) for n samples and K terms, however many bins there are.

Samples are counted in fine cells, with the powers of where in its cell each of them is. What an
edge makes of a sample anywhere in a cell is a polynomial of K terms, so the counts are a product of
moments and a table; and the gradient to a sample is its cell's polynomial, there being one for the
sum over all edges. Shapes decide whether this is tried. As they also fix how many cells there are,
edges many bandwidths apart, or bins that are too narrow, get the direct sum after all.
"""

from functools import partial

import jax
import jax.numpy as jnp
from jax import lax

from implementations.jax_moments.cells import bins, cells_of, evaluate, fits, plan
from implementations.jax_moments.deposit import moments
from implementations.jax_moments.tables import (
    height,
    stretch,
    sum_over_edges,
    sums_at_edges,
    tail,
)
from implementations.jax_xla import soft_histogram as direct
from implementations.jax_xla.first_order_only import first_order_only
from implementations.jax_xla.float64 import float64
from suite.registry import implements


def route(x, edges, bandwidth, weights=None, *, kernel="gaussian", density=False, overflow="drop"):
    """What shapes, and then the edges and bandwidths, decide."""
    one = plan(kernel, x.dtype == jnp.float64, *x.shape, edges.shape[0])
    if one is None or not fits(
        one, x, edges, jnp.broadcast_to(jnp.asarray(bandwidth), x.shape[:1])
    ):
        return "every sample at every edge"
    return f"moments: {one.count * one.split:,} cells a row, {one.fine_terms} terms"


@implements(
    "soft_histogram",
    framework="jax",
    devices=("cpu", "cuda"),
    dtypes=("float32", "float64", "float16", "bfloat16"),
    route=route,
)
@partial(jax.jit, static_argnames=("kernel", "density", "overflow"))
def soft_histogram(
    x, edges, bandwidth, weights=None, *, kernel="gaussian", density=False, overflow="drop"
):
    """Soft counts of every row; arguments as in ``suite.operators.soft_histogram``.

    Raises NotImplementedError for second derivatives.
    """
    return direct.histogram(_cheapest, x, edges, bandwidth, weights, kernel, density, overflow)


def _cheapest(kernel, reflect, x, edges, bandwidth, weights):
    """Counts (R, B), by moments where these are cheaper and will do."""
    rows, samples = x.shape
    one = plan(kernel, x.dtype == jnp.float64, rows, samples, edges.shape[0])
    if one is None:
        return direct.counts(kernel, reflect, x, edges, bandwidth, weights)
    return lax.cond(
        lax.stop_gradient(fits(one, x, edges, bandwidth)),
        partial(_counts, one, reflect),
        partial(direct.counts, kernel, reflect),
        *(x, edges, bandwidth, weights),
    )


@partial(jax.custom_vjp, nondiff_argnums=(0, 1))
def _counts(one, reflect, x, edges, bandwidth, weights):
    """Counts (R, B); bandwidth (R,), NaN in bad rows, weights (R, N) or None."""

    def row(x, weights, h):
        edge, h = edges.astype(jnp.float64), h.astype(jnp.float64)
        cells = cells_of(one, edge, h)
        sums = moments(one, cells, x, weights)
        tails = sums_at_edges(tail, one, cells, edge, h, sums)
        hard = jnp.zeros(edge.shape[0] + 1).at[bins(one, cells, edge)].add(sums[0])
        found = hard - jnp.diff(tails, prepend=0, append=0)
        inside = found[1:-1]
        if reflect:
            inside = inside.at[0].add(found[0]).at[-1].add(found[-1])
        return (inside + jnp.where(jnp.isnan(h), h, 0)).astype(x.dtype)

    with float64():
        return _over_rows(row, x, weights, bandwidth)


def _forward(one, reflect, x, edges, bandwidth, weights):
    return _counts(one, reflect, x, edges, bandwidth, weights), (x, edges, bandwidth, weights)


def _backward(one, reflect, residuals, cotangent):
    x, edges, bandwidth, weights = residuals

    def row(x, weights, h, g):
        edge, h = edges.astype(jnp.float64), h.astype(jnp.float64)
        g = g.astype(jnp.float64)
        g = jnp.concatenate((g[:1], g, g[-1:])) if reflect else jnp.pad(g, 1)
        cells = cells_of(one, edge, h)
        sums = moments(one, cells, x, weights)
        at = one, cells, edge, h
        step = jnp.diff(g) / h
        to_x = evaluate(one, cells, sum_over_edges(height, *at, step), x)
        to_edges = -step * sums_at_edges(height, *at, sums)
        to_bandwidth = (step * sums_at_edges(stretch, *at, sums)).sum()
        gradients = [to_x if weights is None else to_x * weights, to_edges, to_bandwidth]
        if weights is not None:
            masses = sum_over_edges(tail, *at, jnp.diff(g))
            masses = masses.at[0].add(g[bins(one, cells, edge)])
            gradients.append(evaluate(one, cells, masses, x))
        # A sample that no edge sees would not notice that its row has no density.
        poison = jnp.where(jnp.isnan(h) | ~jnp.isfinite(g).all(), jnp.nan, 0)
        return [(part + poison.astype(part.dtype)).astype(x.dtype) for part in gradients]

    with float64():
        to_x, to_edges, to_bandwidth, *rest = _over_rows(row, x, weights, bandwidth, cotangent)
    gradients = to_x, to_edges.sum(axis=0), to_bandwidth, rest[0] if rest else None
    return first_order_only("soft_histogram", gradients)


_counts.defvjp(_forward, _backward)


def _over_rows(row, x, weights, *per_row):
    """Row by row, so that only one has its moments in memory."""
    if weights is None:
        if x.shape[0] == 1:
            return jax.tree.map(lambda a: a[None], row(x[0], None, *(a[0] for a in per_row)))
        return lax.map(lambda a: row(a[0], None, *a[1:]), (x, *per_row))
    if x.shape[0] == 1:
        one = row(x[0], weights[0], *(a[0] for a in per_row))
        return jax.tree.map(lambda a: a[None], one)
    return lax.map(lambda a: row(*a), (x, weights, *per_row))
