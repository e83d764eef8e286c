"""Contrastive divergence of an energy, the eager function through torch.compile."""

from implementations.torch_compiled.static_graphs import graph_input, static_graphs
from implementations.torch_eager.energy_contrastive_divergence import (
    energy_contrastive_divergence as eager,
)
from suite.registry import implements

_compiled = static_graphs(eager)


@implements(
    "energy_contrastive_divergence",
    framework="torch",
    devices=("cpu", "cuda"),
    dtypes=("float32", "float64", "float16", "bfloat16"),
    slow_compile=True,
)
def energy_contrastive_divergence(
    x, theta, noise, start=None, uniforms=None, *, energy="gaussian", step=0.01, alpha=1.0
):
    """Loss and metrics; arguments as in ``suite.operators.energy_contrastive_divergence``.

    Raises RuntimeError for second derivatives.
    """
    step, alpha = graph_input(step, x), graph_input(alpha, x).to(x.dtype)
    return _compiled(x, theta, noise, start, uniforms, energy=energy, step=step, alpha=alpha)
