"""Noise contrastive estimation of an energy, the eager function through torch.compile."""

from implementations.torch_compiled.static_graphs import graph_input, static_graphs
from implementations.torch_eager.energy_noise_contrastive import energy_noise_contrastive as eager
from suite.registry import implements

_compiled = static_graphs(eager)


@implements(
    "energy_noise_contrastive",
    framework="torch",
    devices=("cpu", "cuda"),
    dtypes=("float32", "float64", "float16", "bfloat16"),
    slow_compile=True,
)
def energy_noise_contrastive(
    x, theta, noise, log_density_x, log_density_noise, log_partition=0.0, *, energy="gaussian"
):
    """Loss and metrics; arguments as in ``suite.operators.energy_noise_contrastive``.

    Raises RuntimeError for second derivatives.
    """
    log_partition = graph_input(log_partition, x)
    return _compiled(
        x, theta, noise, log_density_x, log_density_noise, log_partition, energy=energy
    )
