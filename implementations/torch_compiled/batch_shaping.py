"""Batch shaping, the eager function through torch.compile: one sort, and fused loops after it."""

from implementations.torch_compiled.static_graphs import graph_input, static_graphs
from implementations.torch_eager.batch_shaping import batch_shaping as eager
from suite.registry import implements

_compiled = static_graphs(eager)


@implements(
    "batch_shaping",
    framework="torch",
    devices=("cpu", "cuda"),
    dtypes=("float32", "float64", "float16", "bfloat16"),
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
        graph_input(a, x),
        graph_input(b, x),
        prior=prior,
        plotting_position=plotting_position,
        ties=ties,
        from_logits=from_logits,
        clip=clip,
        reduction=reduction,
    )
