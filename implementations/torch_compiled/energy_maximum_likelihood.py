"""Maximum likelihood by negative samples of an energy, the eager function through torch.compile."""

from implementations.torch_compiled.static_graphs import graph_input, static_graphs
from implementations.torch_eager.energy_maximum_likelihood import energy_maximum_likelihood as eager
from suite.registry import implements

_compiled = static_graphs(eager)


@implements(
    "energy_maximum_likelihood",
    framework="torch",
    devices=("cpu", "cuda"),
    dtypes=("float32", "float64", "float16", "bfloat16"),
    slow_compile=True,
)
def energy_maximum_likelihood(
    x, theta, negatives, *, energy="gaussian", alpha=1.0, penalty=None, strength=0.0
):
    """Loss and metrics; arguments as in ``suite.operators.energy_maximum_likelihood``.

    Raises RuntimeError for second derivatives.
    """
    alpha, strength = (graph_input(number, x).to(x.dtype) for number in (alpha, strength))
    return _compiled(
        x, theta, negatives, energy=energy, alpha=alpha, penalty=penalty, strength=strength
    )
