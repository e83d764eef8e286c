"""The moments of cells, block by block: a scatter whose operands stay in the caches."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from implementations.jax_moments.cells import finer_cells, locate

_BLOCK = 1 << 14
_BLOCKS = 64

COUNT = 2.0**22
"""Added to a place, so that one sum tells how many samples there were and the sum of their places:
at most a quarter of it, after which it is taken apart, as a place must keep its digits. In float64
it would lose them at once."""


class Sums(NamedTuple):
    """Of every fine cell: w p^j over its samples, and count and place together while packed."""

    powers: tuple[jax.Array, ...]
    packed: jax.Array


def moments(one, cells, x, weights):
    """Sums of w t^j over every cell's samples x (N,), weights (N,) or None: (K, C)."""
    given = (x,) if weights is None else (x, weights)
    nothing = jnp.zeros(one.count * one.split)
    sums = Sums((nothing,) * one.fine_terms, nothing)

    def add(sums, part):
        return _added(one, sums, *locate(one, cells, part[0]), *part[1:]), None

    def add_many(sums, parts):
        return _taken_apart(lax.scan(add, sums, parts)[0]), None

    for size in (_BLOCK * _BLOCKS, _BLOCK):
        whole = given[0].shape[0] // size * size
        if whole:
            parts = tuple(a[:whole].reshape(-1, size // _BLOCK, _BLOCK) for a in given)
            sums, _ = lax.scan(add_many, sums, parts)
            given = tuple(a[whole:] for a in given)
    if given[0].shape[0]:
        sums = _taken_apart(add(sums, given)[0])
    fine = jnp.stack(sums.powers)
    if one.split == 1:
        return fine
    fine = fine.reshape(one.fine_terms, one.count, one.split)
    return jnp.einsum("kcs,jks->jc", fine, finer_cells(one), precision=lax.Precision.HIGHEST)


def _added(one, sums, cell, place, weights=None):
    """Sums with a block's samples in them."""

    def scattered(total, values):
        return total.at[cell].add(values, mode="promise_in_bounds")

    powers = list(sums.powers)
    if weights is None and not one.double:
        power = place
        for j in range(2, len(powers)):
            power = power * place
            powers[j] = scattered(powers[j], power)
        return Sums(tuple(powers), scattered(sums.packed, place + COUNT))
    power = jnp.ones_like(place) if weights is None else weights.astype(place.dtype)
    for j, total in enumerate(powers):
        powers[j] = scattered(total, power)
        power = power * place
    return Sums(tuple(powers), sums.packed)


def _taken_apart(sums):
    count = jnp.round(sums.packed / COUNT)
    first = sums.packed - count * COUNT
    powers = sums.powers[0] + count, sums.powers[1] + first, *sums.powers[2:]
    return Sums(powers, jnp.zeros_like(sums.packed))
