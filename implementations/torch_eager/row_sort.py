"""Sorting rows by whichever sort is faster here.

On a CPU torch.sort compares pairs of value and index one by one, while NumPy's sorts are vectorised
where the processor has AVX2 or AVX-512, the one of plain integers most of all: so a float32 and
its index are sorted as one int64. Which is faster depends on the machine and is measured, once.
"""

import functools
import sys
import time

import numpy as np
import torch

from implementations.torch_eager.first_order import reads_values

HIGH = 1 if sys.byteorder == "little" else 0
"""Which half of an int64 is the more significant one."""


def row_sort(x, *, stable=False):
    """Values in ascending order, and their indices, both (R, N) like x.

    NaN is last in torch's order and anywhere in the others; -0.0 may come back as 0.0.
    """
    sort = _packed_sort if x.dtype == torch.float32 else None if stable else _argsort
    if sort is None or not reads_values(x) or not _is_faster(sort, x.dtype):
        return torch.sort(x, dim=1, stable=stable)
    return sort(x)


def _packed_sort(x):
    """Sort the pairs (value, index) of float32 as integers, which makes the order stable."""
    packed = np.empty(x.shape, np.int64)
    halves = packed.view(np.int32).reshape(*x.shape, 2)
    # Adding zero makes -0.0 the equal of 0.0.
    halves[..., HIGH] = _ordered((x.detach().numpy() + np.float32(0)).view(np.int32))
    halves[..., 1 - HIGH] = np.arange(x.shape[1])
    packed.sort(axis=1)
    values = _ordered(halves[..., HIGH].copy()).view(np.float32)
    packed &= 0xFFFFFFFF
    return torch.from_numpy(values), torch.from_numpy(packed)


def _ordered(bits):
    """Bits of float32 to integers of the same order, and back, in place."""
    bits ^= (bits >> 31) & 0x7FFFFFFF
    return bits


def _argsort(x):
    order = torch.from_numpy(np.argsort(x.detach().numpy(), axis=1))
    return x.gather(1, order), order


@functools.cache
def _is_faster(sort, dtype):
    sample = np.random.Generator(np.random.Philox(0)).normal(size=(4, 4096))
    sample = torch.from_numpy(sample).to(dtype)
    return _seconds(sort, sample) < _seconds(lambda x: torch.sort(x, dim=1), sample)


def _seconds(sort, sample):
    seconds = []
    for _ in range(5):
        start = time.thread_time()  # a neighbour's load must not decide
        sort(sample)
        seconds.append(time.thread_time() - start)
    return min(seconds)
