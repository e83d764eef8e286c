"""Which block sorts a row, and how rows too long for one are shared among blocks."""

from implementations.cuda.launch import storage

BLOCKS = ((128, 8), (256, 16), (512, 16), (512, 32))
"""Threads of a block, samples a thread."""

THREADS, SHARE = 256, 16384
"""Of a block for sorted rows: its threads, and how many samples it has."""

ITEM = {"float": (4, 4), "Half": (2, 4), "BFloat": (2, 4), "double": (8, 8)}
"""Bytes of an item as stored and as computed with."""

LARGEST = {4: 3.40282347e38, 8: 1.7976931348623157e308}
"""The largest number, by bytes of an item."""


def block(samples, dtype, device, beside=0):
    """Threads, samples a thread and bytes of shared memory of a row's block; None: too long.

    beside: bytes that a kernel needs beside the sort.
    """
    item = ITEM[storage(dtype)][1]
    for threads, items in BLOCKS:
        shared = threads * items * (2 * item + 2) + beside
        if samples <= threads * items and shared <= device.shared:
            return threads, items, shared
    return None


def blocks(samples):
    """How many blocks share a sorted row."""
    return -(-samples // SHARE)


def line(plotting_position, samples):
    """step and offset of a plotting position (rank + offset) step, ranks from 1."""
    step = 1 / (samples + 1 if plotting_position == "weibull" else samples)
    return step, -0.5 if plotting_position == "hazen" else 0.0
