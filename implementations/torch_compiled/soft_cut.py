"""Soft cut, the eager function through torch.compile."""

from implementations.torch_compiled.static_graphs import static_graphs
from implementations.torch_eager.soft_cut import soft_cut as eager
from suite.registry import implements

_compiled = static_graphs(eager)


@implements(
    "soft_cut",
    framework="torch",
    devices=("cpu", "cuda"),
    dtypes=("float32", "float64", "float16", "bfloat16"),
    slow_compile=True,
)
def soft_cut(x, threshold, steepness, *, keep="above"):
    """Sigmoid selection of samples; arguments as in ``suite.operators.soft_cut``."""
    return _compiled(x, threshold, steepness, keep=keep)
