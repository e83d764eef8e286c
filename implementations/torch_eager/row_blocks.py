"""Work on the rows of a matrix in blocks that stay in a core's cache, a thread each on a CPU.

torch divides every single operation among its threads and waits for all of them at its end; a long
chain of small operations on independent rows has no need to, and on a shared machine
waits for whoever was put aside. A block here is small enough for torch to leave it undivided.
"""

from concurrent.futures import ThreadPoolExecutor

import torch

from implementations.torch_eager.first_order import reads_values

BLOCK = 1 << 15
"""Elements that torch works on without dividing them."""


def over_rows(work, x):
    """Call ``work(rows)`` for slices that cover the rows of x (R, N) once, without autograd.

    Where values cannot be read (CUDA, compiled graphs) that is one call for all rows.
    """
    rows, columns = x.shape
    if not reads_values(x):
        return work(slice(0, rows))
    block = max(1, BLOCK // columns)
    starts = iter(range(0, rows, block))
    threads = min(torch.get_num_threads(), -(-rows // block)) if columns <= BLOCK else 1
    if threads == 1:
        return _take(work, starts, block)
    with ThreadPoolExecutor(threads - 1) as pool:
        others = [pool.submit(_take, work, starts, block) for _ in range(threads - 1)]
        _take(work, starts, block)
        for other in others:
            other.result()


def _take(work, starts, block):
    with torch.no_grad():
        for start in starts:
            work(slice(start, start + block))
