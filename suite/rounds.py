"""Which input each round of a cell gets, and which part of its output is kept.

A cell has three base inputs. Round k runs on base k mod 3, its rows and samples in a new order, so
that no round repeats an input and yet the float64 reference is computed once per base. Worker and
judge derive the same orders from the case's seed; nothing but outputs travels between them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from suite.operators.base import BASES, Case

WARM_UP = 1_000_000
"""Number of the first warm-up round: round 0 is the first timed one, the same in every run."""

WHOLE = 4096
"""Arrays of at most this many elements are kept whole in every round."""

POSITIONS = 64
_BLOCK = 256
_LONG = 1 << 16


@dataclass(frozen=True)
class Round:
    """The base input of a round and the order of every axis that is permuted."""

    index: int
    base: int
    orders: Mapping[str, np.ndarray]


def round_of(case: Case, index: int) -> Round:
    """The round of that number; axes of one element, or that may not be permuted, are left out."""
    rng = np.random.Generator(np.random.Philox(key=[case.seed + 0xC0FFEE, index]))
    orders = {label: _order(case.sizes[label], rng) for label in permuted(case)}
    return Round(index, index % BASES, orders)


def permuted(case: Case) -> tuple[str, ...]:
    """The axes that every round has in an order of its own."""
    return tuple(label for label in case.permute if case.sizes[label] > 1)


def _order(size: int, rng: np.random.Generator) -> np.ndarray:
    """A permutation; long axes are permuted in blocks, which costs a copy and not a gather."""
    if size <= _LONG:
        return rng.permutation(size)
    blocks = rng.permutation(size // _BLOCK)
    whole = (blocks[:, None] * _BLOCK + np.arange(_BLOCK)).reshape(-1)
    return np.concatenate([np.arange(whole.size, size), whole])


def reorder(array: np.ndarray, dims: tuple[str, ...], orders: Mapping[str, np.ndarray]):
    """The array with every labelled axis in its round's order."""
    for axis, label in enumerate(dims):
        if label in orders:
            array = np.take(array, orders[label], axis=axis)
    return array


def kept_whole(case: Case, rounds: int) -> frozenset[int]:
    """Rounds whose output is kept whole: the first, the last and a random one."""
    if rounds < 1:
        return frozenset()
    rng = np.random.Generator(np.random.Philox(key=[case.seed + 0xFEED, rounds]))
    return frozenset({0, rounds - 1, int(rng.integers(rounds))})


def positions(case: Case, index: int, size: int) -> np.ndarray:
    """Flat positions that are kept of a large array in any other round."""
    rng = np.random.Generator(np.random.Philox(key=[case.seed + 0xB0B, index]))
    return rng.integers(size, size=POSITIONS)
