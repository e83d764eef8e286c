"""The ECDF: plotting positions of a row's samples at their own places, NaN in a row that has one.

``rows`` sorts in the kernel, ``sorted_rows`` takes what the framework has sorted; see ``ranks``.
"""

import triton
import triton.language as tl

from implementations.triton.launch import Launch, Output, power_of_two, row_and_tile, tiled
from implementations.triton.ranks import (
    PLOTTING_POSITIONS,
    TIES,
    TILE,
    chunk,
    position,
    sort_row,
    tied_ranks,
    warps,
)


@triton.jit
def write_positions(ascending, place, positions, i, n, poison, TIES: tl.constexpr,
                    PLOTTING: tl.constexpr):  # fmt: skip
    """Of the samples at places i of an ascending row; the pointers are the row's own."""
    own = tl.load(ascending + i, mask=i < n, other=0.0)
    found = position(tied_ranks(ascending, own, i, n, TIES), n, PLOTTING) + poison
    there = tl.load(place + i, mask=i < n, other=0)
    tl.store(positions + there, found, mask=i < n)


@triton.jit
def rows(x, positions, ascending, place, n, BLOCK: tl.constexpr, CHUNK: tl.constexpr,
         TIES: tl.constexpr, PLOTTING: tl.constexpr):  # fmt: skip
    """x (R, n) float32; positions (R, n); ascending, place (R, n): where it sorts to."""
    start = tl.program_id(0).to(tl.int64) * n
    i = tl.arange(0, BLOCK)
    given = tl.load(x + start + i, mask=i < n, other=0.0)
    bad = tl.max((given != given).to(tl.int32), 0) > 0
    poison = tl.where(bad, float("nan"), 0.0)
    x, positions, ascending, place = x + start, positions + start, ascending + start, place + start
    sort_row(given, ascending, place, n, BLOCK)
    for first in range(0, n, CHUNK):
        j = first + tl.arange(0, CHUNK)
        write_positions(ascending, place, positions, j, n, poison, TIES, PLOTTING)


@triton.jit
def sorted_rows(ascending, place, positions, n, BLOCK: tl.constexpr, TIES: tl.constexpr,
                PLOTTING: tl.constexpr):  # fmt: skip
    """ascending (R, n), NaN last; place, positions (R, n)."""
    row, first, _ = row_and_tile(n, BLOCK)
    start, i = row * n, first + tl.arange(0, BLOCK)
    ascending, place, positions = ascending + start, place + start, positions + start
    last = tl.load(ascending + n - 1)
    poison = tl.where(last != last, float("nan"), 0.0)
    write_positions(ascending, place, positions, i, n, poison, TIES, PLOTTING)


def _constants(block, ties, plotting_position):
    return {
        "BLOCK": block,
        "TIES": TIES.index(ties),
        "PLOTTING": PLOTTING_POSITIONS.index(plotting_position),
    }


def inside_launch(shape, dtype, ties, plotting_position):
    """``rows`` for x of that shape."""
    block = power_of_two(max(shape[1], 16))
    outputs = Output(shape, dtype), Output(shape, dtype), Output(shape, "int32")
    constants = {**_constants(block, ties, plotting_position), "CHUNK": chunk(block)}
    return Launch(rows, shape[:1], outputs, shape[1:], constants, warps(block))


def sorted_launch(shape, dtype, ties, plotting_position):
    """``sorted_rows``, the same."""
    block = min(TILE, power_of_two(max(shape[1], 16)))
    grid = tiled(*shape, block)
    constants = _constants(block, ties, plotting_position)
    return Launch(sorted_rows, grid, (Output(shape, dtype),), shape[1:], constants)
