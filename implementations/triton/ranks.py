"""Ranks of a row: sorted inside a program where a row fits, by the framework's sort where not.

A program sorts float32 samples as integers, the sample's ordered bits above its place, which makes
the sort stable; Triton's sort is a bitonic network over a block whose size is a power of two and
that lives in the registers of one program, so that its cost and its compilation grow fast with N:
hence ``LONGEST``. There is no 64-bit integer that holds a float64 and its place.

Ranks come doubled, so that the mean of two is an integer: ``2 r``, of the rank r in 1..N.
"""

import triton
import triton.language as tl

LONGEST = 4096
"""Samples of the longest row that a program sorts."""

TILE = 256
"""Samples that a program takes of a row that the framework has sorted."""

ORDINAL, MID, MAX = (tl.constexpr(i) for i in range(3))
TIES = ("ordinal", "mid", "max")
WEIBULL, ECDF, HAZEN = (tl.constexpr(i) for i in range(3))
PLOTTING_POSITIONS = ("weibull", "ecdf", "hazen")


def sorts_inside(dtype, samples):
    """Whether a program sorts such a row itself."""
    return dtype == "float32" and samples <= LONGEST


def warps(block):
    """Of a program that sorts a block: eight samples a thread."""
    return max(1, min(16, block // 256))


def chunk(block):
    """Sorted samples that such a program looks at together: two a thread."""
    return min(block, 64 * warps(block))


@triton.jit
def ordered(x):
    """Integers in the order of float32 samples; -0.0 is the equal of 0.0."""
    bits = tl.where(x == 0.0, 0.0, x).to(tl.int32, bitcast=True)
    return bits ^ ((bits >> 31) & 0x7FFFFFFF)


@triton.jit
def of_ordered(key):
    bits = key ^ ((key >> 31) & 0x7FFFFFFF)
    return bits.to(tl.float32, bitcast=True)


@triton.jit
def _bound(row, value, low, high, STRICT: tl.constexpr):
    """First place of an ascending row, from low to high, not below (STRICT: above) the values."""
    while tl.max((low < high).to(tl.int32), 0) > 0:
        middle = (low + high) // 2
        open_ = low < high
        there = tl.load(row + middle, mask=open_, other=0.0)
        right = open_ & ((there <= value) if STRICT else (there < value))
        low = tl.where(right, middle + 1, low)
        high = tl.where(open_ & ~right, middle, high)
    return low


@triton.jit
def tied_ranks(row, value, i, n, TIES: tl.constexpr):
    """Doubled ranks of the values at places i of an ascending row of n; NaN not among them.

    Equals are looked for to both sides only where a neighbour is equal.
    """
    doubled = 2 * i + 2
    if TIES != ORDINAL:
        inside = i < n
        before = tl.load(row + i - 1, mask=inside & (i > 0), other=float("nan"))
        after = tl.load(row + i + 1, mask=i + 1 < n, other=float("nan"))
        last = _bound(row, value, i + 1, tl.where(after == value, n, i + 1), True) - 1
        doubled = 2 * last + 2
        if TIES == MID:
            first = _bound(row, value, tl.where(before == value, 0, i), i, False)
            doubled = first + last + 2
    return doubled


@triton.jit
def sort_row(x, ascending, place, n, BLOCK: tl.constexpr):
    """Write samples (BLOCK,), of which n count, in ascending order, and their places, and wait.

    From there all of the program's threads can read them.
    """
    i = tl.arange(0, BLOCK)
    key = tl.where(i < n, ordered(x), 0x7FFFFFFF).to(tl.int64)
    packed = tl.sort((key << 32) | i.to(tl.int64))
    tl.store(ascending + i, of_ordered((packed >> 32).to(tl.int32)), mask=i < n)
    tl.store(place + i, (packed & 0xFFFFFFFF).to(tl.int32), mask=i < n)
    tl.debug_barrier()


@triton.jit
def position(doubled, n, PLOTTING: tl.constexpr):
    """The plotting position of doubled ranks, float64."""
    whole = tl.zeros_like(doubled).to(tl.float64) + n
    rank = doubled.to(tl.float64)
    if PLOTTING == WEIBULL:
        return rank * 0.5 / (whole + 1.0)
    if PLOTTING == HAZEN:
        rank -= 1.0
    return rank * 0.5 / whole
