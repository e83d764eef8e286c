"""Kernel masses of samples in bins, block by block, so that R x N x B numbers are never stored.

Samples are taken in increasing order, so that a block of them sees only the bins within its
kernel's reach; the masses left out are exactly zero in float64. Overflow is a matter of edges:
"reflect" moves the two outer ones so far away that no mass is outside.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from suite.smoothing_kernels import REACH, bin_mass

BLOCK = 1 << 15
"""Pairs of a sample and an edge within its reach, in about as many as which samples are taken."""


@dataclass(frozen=True)
class Block:
    """Samples of one row, close to each other, and the bins that their kernels reach."""

    row: int
    samples: np.ndarray
    weight: np.ndarray
    edges: slice
    bins: slice
    z: np.ndarray
    width: np.ndarray


@dataclass(frozen=True)
class KernelCounts:
    """x (R, N), edges (B + 1,), bandwidth (R,), NaN in a row that holds a NaN, weights (R, N)."""

    x: np.ndarray
    edges: np.ndarray
    bandwidth: np.ndarray
    weights: np.ndarray
    kernel: str
    overflow: str

    def blocks(self) -> Iterator[Block]:
        """All blocks of the rows without NaN; the masses they leave out are exactly zero."""
        for row in np.flatnonzero(~np.isnan(self.bandwidth)).tolist():
            h = self.bandwidth[row]
            reach = REACH[self.kernel] * h
            x = np.clip(self.x[row], self.edges[0] - 2 * reach, self.edges[-1] + 2 * reach)
            edges = self.edges.copy()
            if self.overflow == "reflect":
                edges[[0, -1]] += np.array([-4, 4]) * reach
            order = np.argsort(x)
            first = np.maximum(np.searchsorted(edges, x[order] - reach) - 1, 0)
            last = np.minimum(np.searchsorted(edges, x[order] + reach), edges.size - 1)
            # Where the edges that samples reach, counted on, fill another block.
            filled = np.cumsum(last - first + 1) // BLOCK
            starts = np.flatnonzero(np.diff(filled, prepend=-1))
            for start, end in zip(starts, [*starts[1:], x.size], strict=True):
                samples = order[start:end]
                window = slice(first[start], last[end - 1] + 1)
                z = (edges[window] - x[samples][:, None]) / h
                width = np.diff(edges[window]) / h
                weight = self.weights[row, samples]
                bins = slice(first[start], last[end - 1])
                yield Block(row, samples, weight, window, bins, z, width)

    def counts(self) -> np.ndarray:
        """The mass of every row in every bin: (R, B)."""
        counts = np.zeros((self.x.shape[0], self.edges.size - 1)) + self.poison
        for at in self.blocks():
            counts[at.row, at.bins] += at.weight @ bin_mass(self.kernel, at.z, at.width)
        return counts

    @property
    def poison(self) -> np.ndarray:
        """NaN in the rows that hold a NaN, else zero: (R, 1)."""
        return np.where(np.isnan(self.bandwidth), np.nan, 0.0)[:, None]


def kernel_counts(x, edges, bandwidth, weights, kernel, overflow) -> KernelCounts:
    """The problem with one bandwidth a row and one weight a sample, which need not be stored."""
    x, edges = np.asarray(x, np.float64), np.asarray(edges, np.float64)
    h = np.broadcast_to(np.asarray(bandwidth, np.float64), x.shape[:1])
    weights = np.broadcast_to(np.float64(1) if weights is None else weights, x.shape)
    bad = np.isnan(x).any(axis=1) | np.isnan(weights).any(axis=1)
    return KernelCounts(x, edges, np.where(bad, np.nan, h), weights, kernel, overflow)
