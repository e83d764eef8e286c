"""Soft histogram in jax, blocked over samples: memory does not grow with N x B.

Every mass is accurate in the samples' own precision (``kernel_masses``), so that float32 needs no
float64 anywhere. Sums over blocks are compensated. The backward pass computes the masses again.
"""

from functools import partial

import jax
import jax.numpy as jnp
from jax import lax

from implementations.jax_xla.first_order_only import first_order_only
from implementations.jax_xla.kernel_masses import FAR, UNIT, Distance, bin_terms, density, distance
from suite.registry import implements

_BLOCK = 1 << 18
_LANES = 32
_DIRECT = 10**9
_OUTSIDE = 1000


def _skip(case):
    work = case.sizes["R"] * case.sizes["N"] * case.sizes["B"]
    return f"O(n B): n B = {work:.1e} is above {_DIRECT:.0e}" if work > _DIRECT else None


@implements(
    "soft_histogram",
    framework="jax",
    devices=("cpu", "cuda"),
    dtypes=("float32", "float64", "float16", "bfloat16"),
    skip=_skip,
)
@partial(jax.jit, static_argnames=("kernel", "density", "overflow"))
def soft_histogram(
    x, edges, bandwidth, weights=None, *, kernel="gaussian", density=False, overflow="drop"
):
    """Soft counts of every row; arguments as in ``suite.operators.soft_histogram``.

    Raises NotImplementedError for second derivatives.
    """
    return histogram(counts, x, edges, bandwidth, weights, kernel, density, overflow)


def histogram(counts, x, edges, bandwidth, weights, kernel, density, overflow):
    """From counts(kernel, reflect, x, edges, bandwidth (R,), weights (R, N) or None) to the result.

    counts gives (R, B); the bandwidth of a row that cannot be counted reaches it as NaN.
    """
    h = jnp.broadcast_to(jnp.asarray(bandwidth, x.dtype), x.shape[:1])
    if weights is not None:
        weights = jnp.broadcast_to(weights, x.shape)
    h = h + lax.stop_gradient(_poison(x, edges, h, weights))
    found = counts(kernel, overflow == "reflect", x, edges, h, weights)
    if density:
        return found / found.sum(axis=1, keepdims=True) / jnp.diff(edges)
    return found


def _poison(x, edges, bandwidth, weights):
    """NaN for rows with NaN or bad weights, and for all rows if the edges are bad; else zero."""
    good = jnp.isfinite(edges).all() & (jnp.diff(edges) > 0).all()
    good = good & (bandwidth > 0) & jnp.isfinite(bandwidth) & ~jnp.isnan(x).any(axis=1)
    if weights is not None:
        good = good & ((weights >= 0) & (weights < jnp.inf)).all(axis=1)
    return jnp.where(good, 0, jnp.nan).astype(x.dtype)


def _bad_rows(bandwidth):
    """NaN where the bandwidth (R,) is, else 0: (R, 1)."""
    return jnp.where(jnp.isnan(bandwidth), bandwidth, 0)[:, None]


@partial(jax.custom_vjp, nondiff_argnums=(0, 1))
def counts(kernel, reflect, x, edges, bandwidth, weights):
    """Counts (R, B); edges (B + 1,), bandwidth (R,) NaN in bad rows, weights (R, N) or None."""

    def block(x, weights):
        lower, upper, width = _bins(reflect, x, edges, bandwidth)
        return (_over_samples(bin_terms(kernel, lower, upper, width).mass, weights),), ()

    (sums,), _ = _over_blocks(block, x, weights, edges.shape[0])
    return sums * UNIT + _bad_rows(bandwidth)


def _forward(kernel, reflect, x, edges, bandwidth, weights):
    return counts(kernel, reflect, x, edges, bandwidth, weights), (x, edges, bandwidth, weights)


def _backward(kernel, reflect, residuals, cotangent):
    x, edges, bandwidth, weights = residuals

    def block(x, weights):
        lower, upper, width = _bins(reflect, x, edges, bandwidth)
        terms = bin_terms(kernel, lower, upper, width)
        to_x = _over_bins(cotangent, terms.fall)
        if weights is not None:
            to_x = to_x * weights
        k = density(kernel, _distances(x, edges, bandwidth))
        sums = _over_samples(k, weights), _over_samples(terms.stretch, weights)
        return sums, (to_x, _over_bins(cotangent, terms.mass))

    (k, stretch), (to_x, to_weights) = _over_blocks(block, x, weights, edges.shape[0])
    per_bandwidth = (UNIT / bandwidth)[:, None]
    poison = _bad_rows(bandwidth)
    steps = -jnp.diff(cotangent, prepend=0, append=0, axis=1) * per_bandwidth
    if reflect:
        steps = steps.at[:, 0].set(0).at[:, -1].set(0)
    gradients = (
        to_x * per_bandwidth + poison,
        (steps * k + poison).sum(axis=0),
        -(cotangent * stretch * per_bandwidth).sum(axis=1),
        None if weights is None else to_weights * UNIT + poison,
    )
    return first_order_only("soft_histogram", gradients)


counts.defvjp(_forward, _backward)


def _distances(x, edges, bandwidth, which=slice(None)):
    """Distances (R, E, S) of samples from the edges, or some of them, in bandwidths."""
    h = bandwidth[:, None]
    # An infinite sample would make z k(z) NaN; a thousand bandwidths outside are as good.
    x = jnp.clip(x, edges[0] - _OUTSIDE * h, edges[-1] + _OUTSIDE * h)
    return distance(edges[which, None], x[:, None, :], h[:, :, None])


def _bins(reflect, x, edges, bandwidth):
    """Distances of both edges of every bin (R, B, S) and their widths in bandwidths (R, B, 1)."""
    lower = _distances(x, edges, bandwidth, slice(None, -1))
    upper = _distances(x, edges, bandwidth, slice(1, None))
    width = (jnp.diff(edges) / bandwidth[:, None])[:, :, None]
    if reflect:
        bins = jnp.arange(width.shape[1])[:, None]
        first, last = bins == 0, bins == width.shape[1] - 1
        lower, upper = _moved(lower, first, -FAR), _moved(upper, last, FAR)
        width = jnp.where(first | last, FAR, width)
    return lower, upper, width


def _moved(at, which, where):
    return Distance(jnp.where(which, where, at.z), jnp.where(which, 0, at.rest))


def _over_samples(values, weights):
    """Weighted sum (R, K) over the samples of a block (R, K, S)."""
    # The barrier keeps the compiler from computing values inside the sum, one at a time.
    values = lax.optimization_barrier(values)
    weights = jnp.ones_like(values[:, 0]) if weights is None else weights
    return jnp.einsum("rks,rs->rk", values, weights, precision=lax.Precision.HIGHEST)


def _over_bins(cotangent, values):
    """Sum (R, S) over the bins (R, B, S), times their cotangents."""
    values = lax.optimization_barrier(values)
    return jnp.einsum("rb,rbs->rs", cotangent, values, precision=lax.Precision.HIGHEST)


def _over_blocks(block, x, weights, edges):
    """Compensated sums and per-sample results (R, N) of block(x, weights) -> (sums, results)."""
    rows, samples = x.shape
    size = min(samples, max(_LANES, _BLOCK // (rows * edges) // _LANES * _LANES))
    steps = samples // size

    def at(start, size):
        parts = (lax.dynamic_slice_in_dim(a, start, size, 1) for a in (x, weights) if a is not None)
        return block(*parts) if weights is not None else block(*parts, None)

    def step(carry, start):
        sums, results = at(start, size)
        return tuple(_add(*pair) for pair in zip(carry, sums, strict=True)), results

    shapes = jax.eval_shape(lambda: at(0, size)[0])
    zeros = tuple((jnp.zeros(s.shape, s.dtype),) * 2 for s in shapes)
    starts = size * jnp.arange(steps)
    carry, results = lax.scan(step, zeros, starts)
    results = tuple(jnp.moveaxis(r, 0, 1).reshape(rows, steps * size) for r in results)
    if rest := samples - steps * size:
        sums, last = at(steps * size, rest)
        carry = tuple(_add(*pair) for pair in zip(carry, sums, strict=True))
        results = tuple(jnp.concatenate(pair, axis=1) for pair in zip(results, last, strict=True))
    return tuple(total for total, _ in carry), results


def _add(carry, part):
    """Kahan's sum: a total and what its last rounding added too much."""
    total, excess = carry
    part = part - excess
    new = total + part
    return new, (new - total) - part
