"""The ECDF: plotting positions of a row's samples at their own places, NaN in a row that has one.

``rows`` sorts in the kernel, ``sorted_rows`` takes what the framework has sorted; see ``ranks``.
"""

import triton
import triton.language as tl

from implementations.triton.launch import Launch, Output, blocks, power_of_two
from implementations.triton.ranks import (
    PLOTTING_POSITIONS,
    TIES,
    TILE,
    position,
    sorted_row,
    tied_ranks,
    warps,
)


@triton.jit
def rows(x, positions, scratch, n, BLOCK: tl.constexpr, TIES: tl.constexpr,
         PLOTTING: tl.constexpr):  # fmt: skip
    """x (R, n) float32; positions (R, n); scratch (R, n), or (1,) without ties."""
    start = tl.program_id(0).to(tl.int64) * n
    i = tl.arange(0, BLOCK)
    inside = i < n
    given = tl.load(x + start + i, mask=inside, other=0.0)
    bad = tl.max((given != given).to(tl.int32), 0) > 0
    _, place, doubled = sorted_row(given, scratch + start, n, BLOCK, TIES)
    found = position(doubled, n, PLOTTING) + tl.where(bad, float("nan"), 0.0)
    tl.store(positions + start + place, found, mask=inside)


@triton.jit
def sorted_rows(ascending, place, positions, n, BLOCK: tl.constexpr, TIES: tl.constexpr,
                PLOTTING: tl.constexpr):  # fmt: skip
    """ascending (R, n), NaN last; place, positions (R, n)."""
    start = tl.program_id(0).to(tl.int64) * n
    i = tl.program_id(1).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    inside = i < n
    last = tl.load(ascending + start + n - 1)
    own = tl.load(ascending + start + i, mask=inside, other=0.0)
    doubled = tied_ranks(ascending + start, own, i, n, TIES)
    found = position(doubled, n, PLOTTING) + tl.where(last != last, float("nan"), 0.0)
    there = start + tl.load(place + start + i, mask=inside, other=0)
    tl.store(positions + there, found, mask=inside)


def _constants(block, ties, plotting_position):
    return {
        "BLOCK": block,
        "TIES": TIES.index(ties),
        "PLOTTING": PLOTTING_POSITIONS.index(plotting_position),
    }


def inside_launch(shape, dtype, ties, plotting_position):
    """``rows`` for x of that shape."""
    block = power_of_two(max(shape[1], 16))
    outputs = Output(shape, dtype), Output(shape if ties != "ordinal" else (1,), dtype)
    constants = _constants(block, ties, plotting_position)
    return Launch(rows, shape[:1], outputs, shape[1:], constants, warps(block))


def sorted_launch(shape, dtype, ties, plotting_position):
    """``sorted_rows``, the same."""
    block = min(TILE, power_of_two(max(shape[1], 16)))
    grid = shape[0], blocks(shape[1], block)
    constants = _constants(block, ties, plotting_position)
    return Launch(sorted_rows, grid, (Output(shape, dtype),), shape[1:], constants)
