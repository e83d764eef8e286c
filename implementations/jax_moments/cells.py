"""Cells of one row: how many there are is fixed by shapes, where they lie by edges and bandwidth.

Everything here is float64, whatever the samples are and whether or not jax is told to allow it.
"""

import math
from typing import NamedTuple

import jax.numpy as jnp
from jax import lax

from implementations.moments.accuracy import COMPACT, FAINT, NARROW, SMOOTH, finer

ROOM = 1.25
"""Cells that are provided for, where a bin is a bandwidth wide, over those needed then."""

DIRECT, TABLE, SERIES, CELL, LOCATE, TERM, OVERHEAD = 5.0, 15.0, 5.0, 4.0, 1.0, 0.5, 1e5
"""Nanoseconds: a sample at an edge; an entry of the table, one summed from a series, a fine cell's
term, where a sample is, adding a term, starting all this."""

BIG = 1 << 18
"""Fine cells beyond which adding a term costs as much again."""


class Plan(NamedTuple):
    """What is fixed by shapes: cells and their terms, fine cells a cell and theirs, the window.

    density: wide cells a bandwidth; 0 for a compact kernel, whose cells lie between its kinks.
    places: terms of a series in an edge's place in its cell.
    """

    kernel: str
    double: bool
    count: int
    terms: int
    split: int
    fine_terms: int
    window: int
    density: int
    places: int = 0


def plan(kernel, double, rows, samples, edges):
    """The cheapest plan for rows of that many samples; None where the direct sum is cheaper.

    rows: how many there are that need tables of their own.
    """
    if kernel in COMPACT and double:
        return None
    if kernel in COMPACT:
        count, terms = 6 * edges + 1, COMPACT[kernel]
        plans = [Plan(kernel, double, count, terms, 1, terms, count, 0)]
    else:
        smooth = SMOOTH[kernel, double]
        density, terms = smooth.wide
        window = 2 * math.ceil(smooth.reach * density) + 1
        count = max(window, math.ceil(ROOM * (edges + 2 * smooth.reach) * density))
        own = window, density, smooth.places
        plans = [
            Plan(kernel, double, count, terms, fine // density, fine_terms, *own)
            for fine, fine_terms in smooth.fine
        ]
    best = min(plans, key=lambda one: _cost(one, rows, samples, edges))
    return best if _cost(best, rows, samples, edges) < DIRECT * rows * samples * edges else None


def _cost(one, rows, samples, edges):
    fine = one.count * one.split
    each = LOCATE + TERM * one.fine_terms * (1 if fine < BIG else 2)
    if not one.density:
        each += 2 * LOCATE * math.log2(one.count)
    row = one.window * one.terms
    table = row * (one.places * TABLE + edges * SERIES) if one.places else row * edges * TABLE
    return rows * (table + fine * one.fine_terms * CELL + samples * each) + OVERHEAD


class Cells(NamedTuple):
    """centre, half: (C,). first: (E,), of every edge's window.

    Cells of one width have one half, and places (E,), where in the middle cell of its window an
    edge is, from -1 to 1; others have bounds (C - 1,) between them.
    """

    centre: jnp.ndarray
    half: jnp.ndarray
    first: jnp.ndarray
    places: jnp.ndarray | None
    bounds: jnp.ndarray | None


def fits(one, x, edges, bandwidth):
    """Whether the plan will do for x (R, N), edges (E,) and bandwidths (R,), NaN for bad rows.

    A sample of every row must lie between the edges, and not between ones so near that it has next
    to no mass there: else masses from beyond the reach would count in a density.
    """
    good = jnp.diff(edges).min() >= NARROW[one.double] * bandwidth
    if one.density:
        reach = SMOOTH[one.kernel, one.double].reach
        span = (edges[-1] - edges[0]) / bandwidth + 2 * reach
        inside = jnp.maximum(edges[0] - x, x - edges[-1]).min(axis=1) <= 0
        share = 0.2 * jnp.minimum(span - 2 * reach, 1) / x.shape[1]
        enough = one.double | (inside & (share > FAINT[one.kernel]))
        good = good & (span * one.density + 1 <= one.count) & enough
    return (jnp.isnan(bandwidth) | good).all()


def cells_of(one, edges, bandwidth):
    """The cells for edges (E,) and one bandwidth, both float64."""
    if not one.density:
        return _between_kinks(edges, bandwidth)
    reach, width = one.window // 2, bandwidth / one.density
    centre = edges[0] - reach * width + width * (jnp.arange(one.count) + 0.5)
    first = ((edges - edges[0]) / width).astype(jnp.int32)
    first = jnp.clip(first, 0, one.count - one.window)
    places = jnp.clip((edges - centre[first + reach]) / (width / 2), -1, 1)
    return Cells(centre, width / 2, first, places, None)


def bins(one, cells, edges):
    """The bin, 0 to E, that every cell is taken to be in: before the edge that lies in it."""
    if not one.density:
        return jnp.searchsorted(edges, cells.centre)
    own = cells.first + one.window // 2
    return jnp.searchsorted(own, jnp.arange(one.count, dtype=jnp.int32))


def _between_kinks(edges, bandwidth):
    """A cell for every gap between kinks and, as tails end exactly there, for every kink itself."""
    kinks = jnp.sort(jnp.concatenate((edges - bandwidth, edges, edges + bandwidth)))
    # Of equal kinks all but the first have cells that no sample is in.
    before = jnp.nextafter(kinks, jnp.concatenate((jnp.full(1, -jnp.inf), kinks[:-1])))
    gaps = jnp.concatenate((kinks[:1] - bandwidth, (kinks[1:] + kinks[:-1]) / 2))
    widths = jnp.concatenate((bandwidth[None], jnp.diff(kinks) / 2))
    centre = jnp.append(_paired(gaps, kinks), kinks[-1] + bandwidth)
    half = jnp.append(_paired(widths, jnp.zeros_like(kinks)), bandwidth)
    first = jnp.zeros(edges.shape, jnp.int32)
    return Cells(centre, half, first, None, _paired(before, kinks))


def _paired(one, other):
    return jnp.stack((one, other), axis=1).reshape(-1)


def locate(one, cells, x):
    """Every sample's fine cell and its place there: t, or (1 + t) / 2 in cells that are divided."""
    x = x.astype(jnp.float64)
    if cells.bounds is not None:
        cell = jnp.searchsorted(cells.bounds, x, method="scan_unrolled").astype(jnp.int32)
        half = cells.half[cell]
        t = (x - cells.centre[cell]) / jnp.where(half > 0, half, 1)
        return cell, jnp.clip(t, -1, 1)
    count = one.count * one.split
    at = (x - (cells.centre[0] - cells.half)) * (one.split / (2 * cells.half))
    at = jnp.clip(at, 0, count * (1 - 1e-15))
    cell = at.astype(jnp.int32)
    place = at - cell
    return cell, place if one.split > 1 else 2 * place - 1


def evaluate(one, cells, polynomials, x):
    """The polynomials (K, C) of every sample's cell at the sample, (N,) in the samples' dtype."""
    cell, place = locate(one, cells, x)
    table = polynomials.T
    if one.split > 1:
        table = jnp.einsum(
            "jc,jks->csk", polynomials, finer_cells(one), precision=lax.Precision.HIGHEST
        ).reshape(-1, one.fine_terms)
    if cells.bounds is None:  # in float32 the end of a compact kernel would be lost
        table, place = table.astype(x.dtype), place.astype(x.dtype)
    there = table[cell]
    value = there[:, -1]
    for j in range(one.fine_terms - 2, -1, -1):
        value = value * place + there[:, j]
    return value.astype(x.dtype)


def finer_cells(one):
    """Powers of t in every fine cell as polynomials of the place there: (K, k, split)."""
    return jnp.asarray(finer(one.terms, one.fine_terms, one.split))
