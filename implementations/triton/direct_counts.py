"""Soft counts, every sample at every bin: masses and densities that no memory ever sees.

Bins are numbered 0 to E for E edges, the first and the last of them open. ``counts`` and
``at_edges`` sum over a share of a row's samples a program, for a block of bins or edges;
``at_samples`` goes through all bins for a block of samples. Sums are float64.
"""

import triton
import triton.language as tl

from implementations.triton.launch import Launch, Output, blocks, row_and_tile, tiled
from implementations.triton.masses import FAR, KERNELS, bin_terms, density

BINS, SAMPLES = 8, 64
"""Of a program's tile: at four elements a thread its float64 numbers fit into registers."""

PROGRAMS = 2048
"""As many as keep a GPU busy; more would only leave more shares to be added up."""


@triton.jit
def near(x, edges, h, E):
    """Samples in float64; infinite ones would make z k(z) NaN, far ones are as good."""
    low, high = tl.load(edges) - 1000.0 * h, tl.load(edges + E - 1) + 1000.0 * h
    x = x.to(tl.float64)
    return tl.where(x < low, low, tl.where(x > high, high, x))


@triton.jit
def bins_of(edges, b, E, h):
    """Lower edge, upper edge and width in bandwidths of bins b, those outside as the last."""
    lower = tl.load(edges + b - 1, mask=(b > 0) & (b <= E), other=0.0)
    upper = tl.load(edges + b, mask=b < E, other=0.0)
    open_ = (b == 0) | (b >= E)
    return lower, upper, tl.where(open_, FAR, (upper - lower) / h)


@triton.jit
def terms_of(x, b, lower, upper, width, E, h, KERNEL: tl.constexpr):
    """Masses and falls of bins (BINS,) for samples (SAMPLES,), (BINS, SAMPLES)."""
    z_lower = tl.where(b[:, None] == 0, -FAR, (lower[:, None] - x[None, :]) / h)
    z_upper = tl.where(b[:, None] >= E, FAR, (upper[:, None] - x[None, :]) / h)
    return bin_terms(z_lower, z_upper, width[:, None], KERNEL)


@triton.jit
def ends(h, extent):
    """Where a loop ends, which rows without a bandwidth need not start."""
    return tl.where(h == h, extent, 0)


@triton.jit
def share_of(line, n, shares, share):
    """The row of a program that has a share of its samples, and from where to where it has it."""
    row, part = line // shares, line % shares
    return row, part * share, tl.minimum((part + 1) * share, n)


@triton.jit
def counts(x, edges, bandwidth, weights, sums, n, E, shares, share, BINS: tl.constexpr,
           SAMPLES: tl.constexpr, KERNEL: tl.constexpr, WEIGHTED: tl.constexpr):  # fmt: skip
    """x, weights (R, n); edges (R, E), bandwidth (R,) float64; sums (R, shares, E + 1).

    share: samples of a program, a multiple of SAMPLES.
    """
    line, first_bin, _left = row_and_tile(E + 1, BINS)
    row, start, end = share_of(line, n, shares, share)
    b = first_bin.to(tl.int32) + tl.arange(0, BINS)
    edges, h = edges + row * E, tl.load(bandwidth + row)
    lower, upper, width = bins_of(edges, b, E, h)
    total = tl.zeros((BINS,), tl.float64)
    for first in range(start, ends(h, end), SAMPLES):
        i = first + tl.arange(0, SAMPLES)
        own = near(tl.load(x + row * n + i, mask=i < n, other=0.0), edges, h, E)
        mass, _ = terms_of(own, b, lower, upper, width, E, h, KERNEL)
        if WEIGHTED:
            mass *= tl.load(weights + row * n + i, mask=i < n, other=0.0).to(tl.float64)[None, :]
        total += tl.sum(tl.where(i[None, :] < n, mass, 0.0), 1)
    tl.store(sums + line * (E + 1) + b, total + (h - h), mask=b <= E)


@triton.jit
def at_edges(x, edges, bandwidth, weights, sums, n, E, shares, share, BINS: tl.constexpr,
             SAMPLES: tl.constexpr, KERNEL: tl.constexpr, WEIGHTED: tl.constexpr):  # fmt: skip
    """Sums over samples of w k(z) and w z k(z) at every edge; sums (R, shares, E, 2)."""
    line, first_edge, _left = row_and_tile(E, BINS)
    row, start, end = share_of(line, n, shares, share)
    e = first_edge.to(tl.int32) + tl.arange(0, BINS)
    edges, h = edges + row * E, tl.load(bandwidth + row)
    edge = tl.load(edges + e, mask=e < E, other=0.0)
    heights, stretches = tl.zeros((BINS,), tl.float64), tl.zeros((BINS,), tl.float64)
    for first in range(start, ends(h, end), SAMPLES):
        i = first + tl.arange(0, SAMPLES)
        own = near(tl.load(x + row * n + i, mask=i < n, other=0.0), edges, h, E)
        z = (edge[:, None] - own[None, :]) / h
        k = tl.where(i[None, :] < n, density(z, KERNEL), 0.0)
        if WEIGHTED:
            k *= tl.load(weights + row * n + i, mask=i < n, other=0.0).to(tl.float64)[None, :]
        heights += tl.sum(k, 1)
        stretches += tl.sum(z * k, 1)
    sums += (line * E + e) * 2
    tl.store(sums, heights + (h - h), mask=e < E)
    tl.store(sums + 1, stretches + (h - h), mask=e < E)


@triton.jit
def at_samples(x, edges, bandwidth, weights, cotangent, to_x, to_weights, n, E,
               BINS: tl.constexpr, SAMPLES: tl.constexpr, KERNEL: tl.constexpr,
               WEIGHTED: tl.constexpr, WANT_X: tl.constexpr,
               WANT_WEIGHTS: tl.constexpr):  # fmt: skip
    """cotangent (R, E + 1) float64; to_x, to_weights (R, n), or (1,) where not wanted."""
    row, start, left = row_and_tile(n, SAMPLES)
    start += row * n
    i = tl.arange(0, SAMPLES)
    edges, h = edges + row * E, tl.load(bandwidth + row)
    own = near(tl.load(x + start + i, mask=i < left, other=0.0), edges, h, E)
    pull, worth = tl.zeros((SAMPLES,), tl.float64), tl.zeros((SAMPLES,), tl.float64)
    for first in range(0, ends(h, E + 1), BINS):
        b = first + tl.arange(0, BINS)
        lower, upper, width = bins_of(edges, b, E, h)
        mass, fall = terms_of(own, b, lower, upper, width, E, h, KERNEL)
        g = tl.load(cotangent + row * (E + 1) + b, mask=b <= E, other=0.0)[:, None]
        real = b[:, None] <= E
        pull += tl.sum(tl.where(real, g * fall, 0.0), 0)
        worth += tl.sum(tl.where(real, g * mass, 0.0), 0)
    if WANT_X:
        pull = pull / h + (h - h)
        if WEIGHTED:
            pull *= tl.load(weights + start + i, mask=i < left, other=0.0).to(tl.float64)
        tl.store(to_x + start + i, pull, mask=i < left)
    if WANT_WEIGHTS:
        tl.store(to_weights + start + i, worth + (h - h), mask=i < left)


def _constants(kernel, weighted):
    return {
        "BINS": BINS,
        "SAMPLES": SAMPLES,
        "KERNEL": KERNELS.index(kernel),
        "WEIGHTED": weighted,
    }


def _shares(rows, columns, samples):
    """How many programs share a row's samples, and how many samples each has."""
    wanted = max(1, min(PROGRAMS // (rows * columns), blocks(samples, 4 * SAMPLES)))
    share = SAMPLES * blocks(blocks(samples, SAMPLES), wanted)
    return blocks(samples, share), share


def counts_launch(shape, edges, kernel, weighted):
    """``counts`` for x of that shape and so many edges."""
    shares, share = _shares(shape[0], blocks(edges + 1, BINS), shape[1])
    outputs = (Output((shape[0], shares, edges + 1), "float64"),)
    sizes = shape[1], edges, shares, share
    grid = tiled(shape[0] * shares, edges + 1, BINS)
    return Launch(counts, grid, outputs, sizes, _constants(kernel, weighted))


def at_edges_launch(shape, edges, kernel, weighted):
    """``at_edges``, the same."""
    shares, share = _shares(shape[0], blocks(edges, BINS), shape[1])
    outputs = (Output((shape[0], shares, edges, 2), "float64"),)
    sizes = shape[1], edges, shares, share
    grid = tiled(shape[0] * shares, edges, BINS)
    return Launch(at_edges, grid, outputs, sizes, _constants(kernel, weighted))


def at_samples_launch(shape, dtype, edges, kernel, weighted, want_x, want_weights):
    """``at_samples``, the same."""
    constants = {**_constants(kernel, weighted), "WANT_X": want_x, "WANT_WEIGHTS": want_weights}
    outputs = tuple(Output(shape if w else (1,), dtype) for w in (want_x, want_weights))
    grid = tiled(*shape, SAMPLES)
    return Launch(at_samples, grid, outputs, (shape[1], edges), constants)
