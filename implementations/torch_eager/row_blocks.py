"""Work on the rows of a matrix in blocks that stay in a core's cache, each in one thread of a CPU.

torch divides every single operation among its threads and waits for all of them at its end; a long
chain of small operations on independent rows has no need to, and on a shared machine
waits for whoever was put aside. A block here is small enough for torch to leave it undivided.
"""

from concurrent.futures import ThreadPoolExecutor

import torch

from implementations.torch_eager.first_order import reads_values

BLOCK = 1 << 15
"""Elements that torch works on without dividing them."""
SHARE = 16, 64
"""Fewest and most rows that are handed to a thread at once, if there are so many."""


def over_rows(work, x):
    """Call ``work(rows)`` for slices that cover the rows of x (R, N) once, without autograd.

    Where values cannot be read (CUDA, compiled graphs) that is one call for all rows.
    """
    rows, columns = x.shape
    if not reads_values(x):
        return work(slice(0, rows))
    least, most = SHARE
    share = min(max(BLOCK // columns, least), most)
    starts = iter(range(0, rows, share))
    inference = torch.is_inference_mode_enabled()  # known to this thread only

    def take():
        with torch.inference_mode(inference), torch.no_grad():
            for start in starts:
                work(slice(start, min(start + share, rows)))

    threads = min(torch.get_num_threads(), -(-rows // share)) if columns <= BLOCK else 1
    if threads == 1:
        return take()
    with ThreadPoolExecutor(threads - 1) as pool:
        others = [pool.submit(take) for _ in range(threads - 1)]
        take()
        for other in others:
            other.result()


def blocks(rows, x):
    """A slice of the rows of x cut into slices of at most BLOCK elements, one row at least."""
    step = max(1, BLOCK // x.shape[1]) if reads_values(x) else rows.stop - rows.start
    for start in range(rows.start, rows.stop, step):
        yield slice(start, min(start + step, rows.stop))
