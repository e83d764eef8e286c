"""Denoising score matching of an energy, the eager function through torch.compile."""

from implementations.torch_compiled.static_graphs import graph_input, static_graphs
from implementations.torch_eager.energy_denoising_score_matching import (
    energy_denoising_score_matching as eager,
)
from suite.registry import implements

_compiled = static_graphs(eager)


@implements(
    "energy_denoising_score_matching",
    framework="torch",
    devices=("cpu", "cuda"),
    dtypes=("float32", "float64", "float16", "bfloat16"),
    slow_compile=True,
)
def energy_denoising_score_matching(
    x, theta, noise, sigma, *, energy="gaussian", weighting="sigma2"
):
    """Loss and metrics; arguments as in ``suite.operators.energy_denoising_score_matching``.

    Raises RuntimeError for second derivatives.
    """
    sigma = graph_input(sigma, x)
    return _compiled(x, theta, noise, sigma, energy=energy, weighting=weighting)
