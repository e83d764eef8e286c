"""Occupancy entropy, the eager one through torch.compile."""

from implementations.torch_compiled.static_graphs import graph_input, static_graphs
from implementations.torch_eager.occupancy_entropy import occupancy_entropy as eager
from suite.registry import implements

_compiled = static_graphs(eager)


@implements(
    "occupancy_entropy",
    framework="torch",
    devices=("cpu", "cuda"),
    dtypes=("float32", "float64", "float16", "bfloat16"),
    slow_compile=True,
)
def occupancy_entropy(z, *, estimator, temperature=1.0, noise=None):
    """Entropy of units being on; arguments as in ``suite.operators.occupancy_entropy``.

    Raises RuntimeError for second derivatives.
    """
    temperature = graph_input(temperature, z)
    return _compiled(z, estimator=estimator, temperature=temperature, noise=noise)
