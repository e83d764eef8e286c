"""Ranks within rows, in jax, by a sort that XLA does well.

A float sort in XLA compares by a total order with NaN cases and misses the device's radix sort, so
rows are sorted by integer keys: the bits of a float, with the lower bits of negative numbers
flipped, order as the floats do. -0.0 takes the key of 0.0 and every NaN the largest key.

On a CPU a sort of (key, index) pairs costs six sorts of plain integers; there the permutation comes
from a radix sort in passes of plain integers, each of which holds some bits of the key above the
position in the pass before, 64 together: one pass holds all of a float32 key. These sorts are asked
to be stable, although equal integers are equal: XLA's other sort takes half as long again.

1-based ranks of equal samples: "ordinal" (stable, in input order), "mid" (the mean rank) or "max".
"""

import jax.numpy as jnp
from jax import lax

from implementations.jax_xla.float64 import float64

SIGNED = {4: jnp.int32, 8: jnp.int64}
UNSIGNED = {4: jnp.uint32, 8: jnp.uint64}


def ordered_key(x):
    """Integers of x's width that order as x (any shape, float32 or float64) does, NaN last."""
    integer = SIGNED[x.dtype.itemsize]
    largest = jnp.iinfo(integer).max
    bits = lax.bitcast_convert_type(jnp.where(x == 0, jnp.zeros_like(x), x), integer)
    return jnp.where(jnp.isnan(x), largest, jnp.where(bits < 0, bits ^ largest, bits))


def from_ordered_key(key):
    """The floats of `ordered_key`; -0.0 has become 0.0."""
    largest = jnp.iinfo(key.dtype).max
    bits = jnp.where(key < 0, key ^ largest, key)
    return lax.bitcast_convert_type(bits, jnp.float32 if key.dtype.itemsize == 4 else jnp.float64)


def sort_rows(x):
    """x (R, N) with every row ascending, NaN last."""
    return from_ordered_key(lax.sort(ordered_key(x), dimension=1, is_stable=True))


def argsort_rows(x):
    """The stable ascending permutation of every row of x (R, N), int32, NaN last."""
    return lax.platform_dependent(ordered_key(x), cpu=_order_by_passes, default=_order_by_pairs)


def _order_by_pairs(key):
    index = lax.broadcasted_iota(jnp.int32, key.shape, 1)
    return lax.sort((key, index), dimension=1, is_stable=True, num_keys=1)[1]


def _order_by_passes(key):
    """Radix sort from the lowest bits: every pass sorts (bits of the key, position) integers."""
    width, own = 8 * key.dtype.itemsize, UNSIGNED[key.dtype.itemsize]
    index_bits = max(1, (key.shape[1] - 1).bit_length())
    with float64():
        key = lax.bitcast_convert_type(key, own) ^ own(1 << (width - 1))
        key = key.astype(jnp.uint64)
        position = lax.broadcasted_iota(jnp.uint64, key.shape, 1)
        order = None
        for shift in range(0, width, 64 - index_bits):
            digits = key if order is None else _gather(key, order)
            # The shift to the left drops the bits above this pass's digits.
            packed = ((digits >> jnp.uint64(shift)) << jnp.uint64(index_bits)) | position
            packed = lax.sort(packed, dimension=1, is_stable=True)
            moved = (packed & jnp.uint64((1 << index_bits) - 1)).astype(jnp.int32)
            order = moved if order is None else _gather(order, moved)
    return order


def _gather(values, index):
    return jnp.take_along_axis(values, index, axis=1, mode="promise_in_bounds")


def unsort_rows(values, order):
    """Put values (R, N), given in sorted order, back where `order` of `argsort_rows` took them."""
    rows, samples = values.shape
    start = samples * jnp.arange(rows, dtype=order.dtype)[:, None]
    flat = jnp.zeros(rows * samples, values.dtype)
    flat = flat.at[(start + order).ravel()].set(
        values.ravel(), unique_indices=True, mode="promise_in_bounds"
    )
    return flat.reshape(rows, samples)


def sorted_ranks(ascending, ties):
    """Ranks (R, N), in x's dtype, of rows that are ascending already; ties "ordinal", "mid", "max".

    Few samples are equal where they are drawn from a density: so short groups are told by their
    neighbours, and the scans for longer ones run only when some row has one.
    """
    plain = lax.broadcasted_iota(jnp.int32, ascending.shape, 1)
    if ties == "ordinal" or ascending.shape[1] == 1:
        return (plain + 1).astype(ascending.dtype)
    if ascending.shape[1] <= SHORT:
        first, last = _ends_by_neighbours(ascending)
    else:
        long = jnp.any(ascending[:, SHORT:] == ascending[:, :-SHORT])
        first, last = lax.cond(long, _ends_by_scans, _ends_by_neighbours, ascending)
    doubled = 2 * last + 2 if ties == "max" else first + last + 2
    return doubled.astype(ascending.dtype) / 2


SHORT = 3
"""Samples of the longest group of equals that neighbours tell."""


def _ends_by_neighbours(ascending):
    """0-based index of the first and of the last of every sample's group, none above `SHORT`."""
    first = last = lax.broadcasted_iota(jnp.int32, ascending.shape, 1)
    for step in range(1, min(SHORT, ascending.shape[1])):
        same = (ascending[:, step:] == ascending[:, :-step]).astype(jnp.int32)
        first = first - jnp.pad(same, ((0, 0), (step, 0)))
        last = last + jnp.pad(same, ((0, 0), (0, step)))
    return first, last


def _ends_by_scans(ascending):
    """The same of groups of any length."""
    plain = lax.broadcasted_iota(jnp.int32, ascending.shape, 1)
    same = ascending[:, 1:] == ascending[:, :-1]
    edge = jnp.zeros((ascending.shape[0], 1), bool)
    first = jnp.where(jnp.concatenate([edge, same], 1), 0, plain)
    last = jnp.where(jnp.concatenate([same, edge], 1), plain.shape[1] - 1, plain)
    return lax.cummax(first, axis=1), lax.cummin(last, axis=1, reverse=True)


def ranks(x, ties):
    """Ranks (R, N) of x (R, N) in input order and x's dtype; ties "ordinal", "mid" or "max".

    x is float32 or float64. A row with a NaN gets ranks without meaning.
    """
    x = lax.stop_gradient(x)
    order = argsort_rows(x)
    ascending = _gather(x, order)
    return unsort_rows(sorted_ranks(ascending, ties), order)


def positions(rank, plotting_position):
    """Plotting positions of ranks (R, N): r / (N + 1), r / N or (2 r - 1) / (2 N)."""
    if plotting_position == "hazen":
        rank = rank - 0.5
    return rank * unit(plotting_position, rank.shape[1])


def unit(plotting_position, samples):
    """The plotting position's step from one rank to the next."""
    return 1 / (samples + 1 if plotting_position == "weibull" else samples)
