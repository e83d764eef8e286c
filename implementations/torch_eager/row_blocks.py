"""Work on the rows of a matrix in blocks, so that a chain of operations stays within the caches.

torch divides each operation on a block among its threads. Threads of our own, one a share of the
rows, were slower: a chain of small operations in each waits for the interpreter's lock.
"""

from implementations.torch_eager.first_order import reads_values

BLOCK = 1 << 18
"""Elements of a block: temporaries of a megabyte in float32."""


def blocks(x):
    """The rows of x (R, N) cut into slices of at most BLOCK elements, one row at least.

    Where values cannot be read (CUDA, compiled graphs) that is one slice of all rows.
    """
    rows = x.shape[0]
    step = max(1, BLOCK // x.shape[1]) if reads_values(x) else rows
    for start in range(0, rows, step):
        yield slice(start, min(start + step, rows))
