"""Score matching of an energy, the eager function through torch.compile."""

from implementations.torch_compiled.static_graphs import static_graphs
from implementations.torch_eager.energy_score_matching import energy_score_matching as eager
from suite.registry import implements

_compiled = static_graphs(eager)


@implements(
    "energy_score_matching",
    framework="torch",
    devices=("cpu", "cuda"),
    dtypes=("float32", "float64", "float16", "bfloat16"),
    slow_compile=True,
)
def energy_score_matching(x, theta, *, energy="gaussian", block=None):
    """Loss and metrics; arguments as in ``suite.operators.energy_score_matching``.

    Raises RuntimeError for second derivatives.
    """
    return _compiled(x, theta, energy=energy, block=block)
