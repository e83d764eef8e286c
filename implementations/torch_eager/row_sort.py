"""Sorting rows by whichever sort is faster here.

On a CPU torch.sort compares pairs of value and index one by one; NumPy's argsort is vectorised where
the processor has AVX2 or AVX-512, on one thread, which it leaves to us to multiply. Which one
wins depends on the machine, so it is measured, once. Values come out the same.
"""

import functools
import threading
import time

import numpy as np
import torch

from implementations.torch_eager.first_order import reads_values


def row_sort(x, *, stable=False):
    """Values in ascending order, NaN last, and their indices, both (R, N) like x."""
    if stable or not reads_values(x) or not _numpy_wins(x.dtype, torch.get_num_threads()):
        return torch.sort(x, dim=1, stable=stable)
    return _numpy_sort(x)


def _numpy_sort(x):
    rows, order = x.detach().numpy(), np.empty(x.shape, np.int64)

    def work(part):
        order[part] = np.argsort(rows[part], axis=1)

    count = min(torch.get_num_threads(), len(rows))
    first, *rest = (
        slice(i * len(rows) // count, (i + 1) * len(rows) // count) for i in range(count)
    )
    threads = [threading.Thread(target=work, args=(part,)) for part in rest]
    for thread in threads:
        thread.start()
    work(first)
    for thread in threads:
        thread.join()
    order = torch.from_numpy(order)
    return x.gather(1, order), order


@functools.cache
def _numpy_wins(dtype, threads):
    sample = np.random.Generator(np.random.Philox(0)).normal(size=(4 * threads, 2048))
    sample = torch.from_numpy(sample).to(dtype)
    return _fastest(_numpy_sort, sample) < _fastest(lambda x: torch.sort(x, dim=1), sample)


def _fastest(sort, sample):
    seconds = []
    for _ in range(4):
        start = time.perf_counter()
        sort(sample)
        seconds.append(time.perf_counter() - start)
    return min(seconds)
