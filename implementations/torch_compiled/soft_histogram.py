"""Soft histogram, the eager function through torch.compile: fused, so that nothing is blocked."""

from implementations.torch_compiled.static_graphs import graph_input, static_graphs
from implementations.torch_eager.soft_histogram import soft_histogram as eager
from implementations.torch_eager.soft_histogram import too_much_work
from suite.registry import implements

# Above these limits of reads and operations Inductor stores a value: here all N x B distances.
_INLINE = {
    "realize_reads_threshold": 10_000,
    "realize_opcount_threshold": 10_000,
    "realize_acc_reads_threshold": 10_000,
}
_compiled = static_graphs(eager, options=_INLINE)


@implements(
    "soft_histogram",
    framework="torch",
    devices=("cpu", "cuda"),
    dtypes=("float32", "float64", "float16", "bfloat16"),
    skip=too_much_work,
    slow_compile=True,
)
def soft_histogram(
    x, edges, bandwidth, weights=None, *, kernel="gaussian", density=False, overflow="drop"
):
    """Soft counts of every row; arguments as in ``suite.operators.soft_histogram``."""
    bandwidth = graph_input(bandwidth, x)
    return _compiled(
        x, edges, bandwidth, weights, kernel=kernel, density=density, overflow=overflow
    )
