"""What is launched for batch shaping: one block a row, or many for rows that come sorted."""

import ctypes
import math
from typing import NamedTuple

from implementations.cuda import row_sort
from implementations.cuda.launch import POINTER, WHOLE, Launch, Parameter, storage
from implementations.cuda.row_sort import ITEM, THREADS

SOURCE = "batch_shaping.cu"
PRIORS = {"beta": 0, "symbeta": 1, "relaxed_bernoulli": 2, "normal": 3}
TABLE = {4: 11_000, 8: 60_000}
"""Bytes of shared memory for a beta prior's table, by bytes of an item; other priors need few."""

POSITIONS = ("ecdf", "weibull", "hazen")
TIES = ("mid", "ordinal")


class Options(NamedTuple):
    """The operator's keyword arguments but ``reduction``.

    low, high: samples, or logits, are clamped to them; infinite without ``clip``.
    """

    prior: str
    plotting_position: str
    ties: str
    from_logits: bool
    low: float
    high: float


class Arrays(NamedTuple):
    """Addresses, to_*: 0 where not wanted; a, b: ``launch.Parameter``."""

    x: int
    loss: int
    to_x: int
    to_a: int
    to_b: int
    a: Parameter
    b: Parameter


class Call(ctypes.Structure):
    """``BatchShaping`` in batch_shaping.cu."""

    _fields_ = [
        *((name, POINTER) for name in ("x", "loss", "to_x", "to_a", "to_b")),
        ("a", Parameter),
        ("b", Parameter),
        ("samples", WHOLE),
        *((name, ctypes.c_double) for name in ("step", "offset", "low", "high")),
        ("mid", ctypes.c_int),
        ("logits", ctypes.c_int),
    ]


class SortedCall(ctypes.Structure):
    """``Sorted`` in batch_shaping.cu."""

    _fields_ = [
        ("call", Call),
        ("ascending", POINTER),
        ("order", POINTER),
        ("partial", POINTER),
        *((name, WHOLE) for name in ("rows", "blocks", "share", "wide")),
    ]


def block(samples, dtype, prior, device):
    """Threads, samples a thread and bytes of shared memory of a row's block; None: too long."""
    beside = _prior_bytes(prior, ITEM[storage(dtype)][1])
    return row_sort.block(samples, dtype, device, beside)


def _prior_bytes(prior, item):
    return 1024 + (TABLE[item] if prior in ("beta", "symbeta") else 0)


def rows(arrays, count, samples, dtype, options, device):
    """The launches for rows that fit a block."""
    threads, items, shared = block(samples, dtype, options.prior, device)
    name = f"{storage(dtype)}, {PRIORS[options.prior]}, {threads}, {items}, {shared}"
    call = _call(arrays, samples, options)
    return [Launch(SOURCE, f"batch_shaping_rows<{name}>", count, threads, shared, call)]


def partial_shape(count, samples):
    """Shape of what blocks of sorted rows leave for the last launch, float64."""
    return (count, row_sort.blocks(samples), 3)


def sorted_rows(arrays, ascending, order, partial, count, samples, dtype, options, *, wide):
    """The launches for rows that are sorted: ascending values, order, of where they were.

    wide: order is of 64 bits, else of 32.
    """
    blocks = partial_shape(count, samples)[1]
    share = row_sort.SHARE
    call = SortedCall(
        _call(arrays, samples, options), ascending, order, partial, count, blocks, share, wide
    )
    kind, item = f"{storage(dtype)}, {PRIORS[options.prior]}", ITEM[storage(dtype)][1]
    shared = 4096 + _prior_bytes(options.prior, item)
    each = f"batch_shaping_sorted<{kind}, {THREADS}, {shared}>"
    return [
        Launch(SOURCE, each, count * blocks, THREADS, shared, call),
        Launch(SOURCE, f"batch_shaping_finish<{kind}>", -(-count // 32), 32, 0, call),
    ]


def _call(arrays, samples, options):
    line = row_sort.line(options.plotting_position, samples)
    ends, mid = (options.low, options.high), options.ties == "mid"
    return Call(*arrays, samples, *line, *ends, mid, options.from_logits)


def bounds(clip, from_logits):
    """Smallest and largest sample, or logit, that is not clamped."""
    lo, hi = (-math.inf, math.inf) if clip is None else map(float, clip)
    if clip is None or not from_logits:
        return lo, hi
    return (
        math.log(lo / (1 - lo)) if lo > 0 else -math.inf,
        math.log(hi / (1 - hi)) if hi < 1 else math.inf,
    )
