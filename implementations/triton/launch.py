"""What a kernel launch is, said once for torch and jax, which differ in how they carry it out.

Every kernel here takes pointers to its inputs, pointers to its outputs, sizes, and constants, in
this order. A host number reaches a kernel as an array of one float64: as an argument it would be
float32 in one framework and float64 in the other, as a constant a compilation for every value.
"""

from typing import Any, NamedTuple

import triton
import triton.language as tl


class Output(NamedTuple):
    """An array that a kernel writes whole, or adds to where it is zeros at first.

    dtype: "float32", "float64", "int32".
    """

    shape: tuple[int, ...]
    dtype: str
    zeros: bool = False


class Launch(NamedTuple):
    """One launch of a kernel.

    grid: programs, all on the first axis: CUDA has no more than 65535 on another. sizes: integers
    that may change without a compilation. constants: those that may not, by name. warps: of 32
    threads, a program's.
    """

    kernel: Any
    grid: tuple[int, ...]
    outputs: tuple[Output, ...]
    sizes: tuple[int, ...]
    constants: dict[str, Any]
    warps: int = 4


def blocks(extent, block):
    """How many blocks cover an extent."""
    return -(-extent // block)


def tiled(rows, extent, block):
    """The grid of programs that each take a tile of a row's extent; see ``row_and_tile``."""
    return (rows * blocks(extent, block),)


@triton.jit
def row_and_tile(extent, BLOCK: tl.constexpr):
    """This program's row, where its tile starts in it, and how much of the row there is from there.

    The first two have 64 bits: added to a pointer, they leave 32 for places in the tile, which
    take half the registers. The third is at most BLOCK.
    """
    program, tiles = tl.program_id(0), (extent - 1) // BLOCK + 1
    first = (program % tiles).to(tl.int64) * BLOCK
    return (program // tiles).to(tl.int64), first, tl.minimum(extent - first, BLOCK).to(tl.int32)


def power_of_two(extent):
    """The smallest power of two that is not below the extent."""
    return 1 << max(0, extent - 1).bit_length()
