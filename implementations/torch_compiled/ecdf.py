"""Empirical distribution function, the eager one through torch.compile: pair sums in one kernel."""

from implementations.torch_compiled.static_graphs import graph_input, static_graphs
from implementations.torch_eager.ecdf import ecdf as eager
from implementations.torch_eager.ecdf import too_many_pairs
from suite.registry import implements

_compiled = static_graphs(eager)


@implements(
    "ecdf",
    framework="torch",
    devices=("cpu", "cuda"),
    dtypes=("float32", "float64", "float16", "bfloat16"),
    skip=too_many_pairs,
    slow_compile=True,
)
def ecdf(x, *, plotting_position="ecdf", ties="max", surrogate="identity", scale=None):
    """Plotting position of every sample; arguments as in ``suite.operators.ecdf``.

    Raises RuntimeError for second derivatives.
    """
    scale = graph_input(scale, x)
    return _compiled(
        x, plotting_position=plotting_position, ties=ties, surrogate=surrogate, scale=scale
    )
