"""What is launched for empirical distribution functions and the surrogates of their gradients."""

import ctypes
import math

from implementations.cuda import row_sort
from implementations.cuda.launch import POINTER, WHOLE, Launch, storage

SOURCE = "ecdf.cu"
POSITIONS = ("ecdf", "weibull", "hazen")
TIES = {"ordinal": 0, "mid": 1, "max": 2}
PAIRS = {"density": 0, "soft_rank": 1}
"""The surrogates that sum over pairs."""

PAIR_THREADS = 128


class Call(ctypes.Structure):
    """``Ecdf`` in ecdf.cu."""

    _fields_ = [
        ("x", POINTER),
        ("positions", POINTER),
        ("samples", WHOLE),
        ("step", ctypes.c_double),
        ("offset", ctypes.c_double),
        ("ties", WHOLE),
    ]


class SortedCall(ctypes.Structure):
    """``SortedEcdf`` in ecdf.cu."""

    _fields_ = [
        ("call", Call),
        ("ascending", POINTER),
        ("order", POINTER),
        *((name, WHOLE) for name in ("blocks", "share", "wide")),
    ]


class PairsCall(ctypes.Structure):
    """``Pairs`` in ecdf.cu."""

    _fields_ = [
        *((name, POINTER) for name in ("x", "cotangent", "gradient")),
        ("samples", WHOLE),
        ("blocks", WHOLE),
        ("factor", ctypes.c_double),
        ("weight", ctypes.c_double),
    ]


def rows(x, positions, count, samples, dtype, plotting_position, ties, device):
    """The launch for rows that fit a block (``row_sort.block``)."""
    threads, items, shared = row_sort.block(samples, dtype, device)
    name = f"ecdf_rows<{storage(dtype)}, {threads}, {items}, {shared}>"
    call = _call(x, positions, samples, plotting_position, ties)
    return [Launch(SOURCE, name, count, threads, shared, call)]


def sorted_rows(
    positions, ascending, order, count, samples, dtype, plotting_position, ties, *, wide
):
    """The launch for rows that are sorted: ascending values, order, of where they were.

    wide: order is of 64 bits, else of 32.
    """
    blocks = row_sort.blocks(samples)
    call = _call(0, positions, samples, plotting_position, ties)
    call = SortedCall(call, ascending, order, blocks, row_sort.SHARE, wide)
    name = f"ecdf_sorted<{storage(dtype)}>"
    return [Launch(SOURCE, name, count * blocks, row_sort.THREADS, 0, call)]


def pairs(x, cotangent, gradient, count, samples, dtype, plotting_position, surrogate, scale):
    """The launch for a surrogate's gradient."""
    kind, item = storage(dtype), row_sort.ITEM[storage(dtype)][1]
    if surrogate == "density":
        factor = math.sqrt(0.5 * math.log2(math.e)) / scale
        weight = 1 / (math.sqrt(2 * math.pi) * samples) / scale
    else:
        factor = math.log2(math.e) / scale
        weight = row_sort.line(plotting_position, samples)[0] / scale
    blocks = -(-samples // PAIR_THREADS)
    # Finite, so that equal samples are at distance 0 whatever the scale.
    factor = min(factor, row_sort.LARGEST[item])
    call = PairsCall(x, cotangent, gradient, samples, blocks, factor, weight)
    name = f"ecdf_pairs<{kind}, {PAIRS[surrogate]}, {PAIR_THREADS}>"
    return [Launch(SOURCE, name, count * blocks, PAIR_THREADS, PAIR_THREADS * 2 * item, call)]


def _call(x, positions, samples, plotting_position, ties):
    line = row_sort.line(plotting_position, samples)
    return Call(x, positions, samples, *line, TIES[ties])
