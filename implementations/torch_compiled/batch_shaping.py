"""Batch shaping, the eager function through torch.compile: one sort, and fused loops after it."""

import torch

from implementations.torch_compiled.static_graphs import static_graphs
from implementations.torch_eager.batch_shaping import batch_shaping as eager
from suite.registry import implements

_compiled = static_graphs(eager)


@implements(
    "batch_shaping",
    framework="torch",
    devices=("cpu", "cuda"),
    dtypes=("float32", "float64"),
    slow_compile=True,
)
def batch_shaping(
    x,
    a,
    b=None,
    *,
    prior,
    plotting_position="weibull",
    ties="mid",
    from_logits=False,
    clip=None,
    reduction="mean",
):
    """Cramer-von Mises loss of rows to a prior; arguments as in ``suite.operators.batch_shaping``.

    Raises RuntimeError for second derivatives.
    """
    return _compiled(
        x,
        _tensor(a, x),
        _tensor(b, x),
        prior=prior,
        plotting_position=plotting_position,
        ties=ties,
        from_logits=from_logits,
        clip=clip,
        reduction=reduction,
    )


def _tensor(parameter, x):
    """A host scalar as a tensor, since every number in a graph is a graph of its own."""
    if parameter is None or torch.is_tensor(parameter):
        return parameter
    return torch.full((), parameter, dtype=torch.float64, device=x.device)
