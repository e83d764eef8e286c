"""Soft histogram in Triton: every sample at every bin, or by moments where that costs less.

Shapes decide which is tried, see ``moments.plan``; then, on the device, the edges of each row.
"""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp

from implementations.jax_xla.soft_histogram import histogram
from implementations.triton.direct_counts import (
    at_edges_launch,
    at_samples_launch,
    counts_launch,
)
from implementations.triton.jax.launch import launch, over_rows
from implementations.triton.moments import Plan, deposit_launch, evaluate_launch, plan
from suite.registry import implements


def route(x, edges, bandwidth, weights=None, *, kernel="gaussian", density=False, overflow="drop"):
    """What the shapes say."""
    one = plan(kernel, x.shape[1], edges.shape[0])
    if one is None:
        return "every sample at every bin"
    return f"moments: {one.cells:,} cells a row, {one.terms} terms"


@implements(
    "soft_histogram",
    framework="jax",
    devices=("cuda",),
    dtypes=("float32", "float64", "float16", "bfloat16"),
    requires=("triton", "jax_triton"),
    route=route,
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
        found = _sums(counts_launch, kernel, x, *_wide(edges, bandwidth), weights)
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
        edges, bandwidth, g = _wide(edges, bandwidth, cotangent)
        sides = ((0, 0), (1, 1))
        g = jnp.pad(g, sides, mode="edge") if reflect else jnp.pad(g, sides)
        to_x, *to_weights = _at_samples(kernel, x, edges, bandwidth, weights, g)
        sums = _sums(at_edges_launch, kernel, x, edges, bandwidth, weights)
        steps = jnp.diff(g, axis=1) / bandwidth[:, None]
        found = to_x, -steps * sums[..., 0], (steps * sums[..., 1]).sum(axis=1), *to_weights
        return tuple(part.astype(x.dtype) for part in found)

    given = _rows(*residuals)
    to_x, to_edges, to_bandwidth, *rest = over_rows("soft_histogram", function)(cotangent, *given)
    return to_x, to_edges.sum(axis=0), to_bandwidth, None if weights is None else rest[0]


_counts.defvjp(_forward, _backward)


class _Nodes(NamedTuple):
    """The weighted samples that stand for rows, and which rows they stand for.

    x: (R, cells terms). narrow: bandwidths (R,) of these rows, wide: of the others, NaN where there
    is none. matrix: from moments to weights of nodes; transposed, from values to coefficients.
    """

    one: Plan
    narrow: jax.Array
    wide: jax.Array
    frame: jax.Array
    matrix: jax.Array
    x: jax.Array

    @classmethod
    def of(cls, one, edges, bandwidth):
        """For edges (R, E) and bandwidths (R,), float64."""
        width = bandwidth / one.fine
        span = edges[:, -1] - edges[:, 0] + 2 * one.reach * bandwidth
        applies = span <= one.cells * width
        start = edges[:, 0] - one.reach * bandwidth
        order = jnp.arange(one.terms, dtype=jnp.float64)
        angle = (order + 0.5) * (jnp.pi / one.terms)
        matrix = jnp.cos(order[:, None] * angle) * (2 / one.terms)
        matrix = jnp.where(order[:, None] == 0, matrix / 2, matrix)
        cell = jnp.arange(one.cells, dtype=jnp.float64)
        place = (cell[:, None] + (jnp.cos(angle) + 1) / 2).reshape(-1)
        return cls(
            one,
            jnp.where(applies, bandwidth, jnp.nan),
            jnp.where(applies, jnp.nan, bandwidth),
            jnp.stack((start, jnp.where(applies, width, jnp.nan)), 1),
            matrix,
            start[:, None] + width[:, None] * place,
        )

    def weights(self, x, weights):
        """Of the nodes that stand for these samples."""
        step = deposit_launch(x.shape, self.one, bool(weights))
        (moments,) = launch(step, x, *(weights or (x,)), self.frame)
        return jnp.matmul(moments, self.matrix, precision="highest").reshape(x.shape[0], -1)

    def evaluate(self, x, weights, values):
        """At samples, times their weights, from values (R, cells terms) at the nodes."""
        values = values.reshape(-1, self.one.cells, self.one.terms)
        coefficients = jnp.matmul(values, self.matrix.T, precision="highest")
        step = evaluate_launch(x.shape, str(x.dtype), self.one, bool(weights))
        return launch(step, x, *(weights or (x,)), self.frame, coefficients)[0]

    def select(self, by_nodes, by_samples):
        """Rows of either; both are NaN in a row that is bad."""
        applies = ~jnp.isnan(self.narrow)
        return jnp.where(applies.reshape(-1, *(1,) * (by_nodes.ndim - 1)), by_nodes, by_samples)


def _sums(prepare, kernel, x, edges, bandwidth, weights):
    """Sums over samples, by whichever way each row takes. prepare: gives the direct launch."""

    def direct(x, bandwidth, *weights):
        step = prepare(x.shape, edges.shape[1], kernel, bool(weights))
        return launch(step, x, edges, bandwidth, *(weights or (x,)))[0].sum(axis=1)

    one = plan(kernel, x.shape[1], edges.shape[1])
    if one is None:
        return direct(x, bandwidth, *weights)
    nodes = _Nodes.of(one, edges, bandwidth)
    few = direct(nodes.x, nodes.narrow, nodes.weights(x, weights))
    return nodes.select(few, direct(x, nodes.wide, *weights))


def _at_samples(kernel, x, edges, bandwidth, weights, cotangent):
    """Gradients to x and, where there are any, to weights, by whichever way each row takes."""
    wanted = True, bool(weights)

    def direct(x, bandwidth, *weights):
        count, dtype = edges.shape[1], str(x.dtype)
        step = at_samples_launch(x.shape, dtype, count, kernel, bool(weights), *wanted)
        return launch(step, x, edges, bandwidth, *(weights or (x,)), cotangent)[: sum(wanted)]

    one = plan(kernel, x.shape[1], edges.shape[1])
    if one is None:
        return direct(x, bandwidth, *weights)
    nodes = _Nodes.of(one, edges, bandwidth)
    there, here = direct(nodes.x, nodes.narrow), direct(x, nodes.wide, *weights)
    return tuple(
        nodes.select(nodes.evaluate(x, factor, at), own)
        for factor, at, own in zip((weights, ()), there, here, strict=False)
    )


def _wide(*arrays):
    return (array.astype(jnp.float64) for array in arrays)


def _rows(x, edges, bandwidth, weights):
    """Everything as (R, ...)."""
    edges = jnp.broadcast_to(edges, (x.shape[0], *edges.shape))
    return (x, edges, bandwidth) if weights is None else (x, edges, bandwidth, weights)
