"""Batch shaping in Triton: one launch sorts a row and computes its loss and gradients.

Rows of more than ``ranks.LONGEST`` samples, and float64, are sorted by torch first.
"""

import operator

import torch

from implementations.torch_eager.first_order import distinct, once, row_parameter, vmap_over_rows
from implementations.triton.batch_shaping_options import Options, bounds
from implementations.triton.batch_shaping_rows import inside_launch, rows, sorted_launch
from implementations.triton.beta_table import tables
from implementations.triton.ranks import sorts_inside
from implementations.triton.torch.launch import launch, name_of, numbers, operation
from suite.registry import implements


def route(
    x, a, b=None, *, prior, plotting_position="weibull", ties="mid", from_logits=False, clip=None,
    reduction="mean",
):  # fmt: skip
    """Who sorts."""
    inside = sorts_inside(name_of(x.dtype), x.shape[1])
    return "sorted in the kernel" if inside else "sorted by torch"


@implements(
    "batch_shaping",
    framework="torch",
    devices=("cuda",),
    dtypes=("float32", "float64", "float16", "bfloat16"),
    requires=("triton",),
    route=route,
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
    b = row_parameter(0.5 if b is None else b, x)
    inputs = x, row_parameter(a, x), b
    options = Options(prior, plotting_position, ties, from_logits, clip is not None)
    lo, hi = bounds(clip, from_logits)
    losses = _BatchShaping.apply(*inputs, _wanted(inputs), *options, lo, hi)[0]
    return {"none": lambda r: r, "mean": torch.mean, "sum": torch.sum}[reduction](losses)


@operation(rows)
def batch_shaping_rows(
    x: torch.Tensor, a: torch.Tensor, b: torch.Tensor, wanted: list[bool], prior: str,
    plotting_position: str, ties: str, from_logits: bool, clip: bool, lo: float, hi: float,
) -> tuple[torch.Tensor, torch.Tensor]:  # fmt: skip
    """Sums (R, T, 3) and the gradient (R, N), or (1,), of x (R, N); a and b (R,) or (1,)."""
    options = Options(prior, plotting_position, ties, from_logits, clip)
    dtype, shape, counts = name_of(x.dtype), tuple(x.shape), (a.shape[0], b.shape[0])
    limits = numbers(x, lo, hi)
    table = limits, limits
    if prior in ("beta", "symbeta"):
        table = launch(tables(dtype, prior == "symbeta", *counts), a, b)
    if sorts_inside(dtype, shape[1]):
        step = inside_launch(options, dtype, shape, *counts, wanted)
        return launch(step, x, a, b, *table, limits)[:2]
    samples = x.clamp(lo, hi) if clip else x
    if ties == "ordinal":  # a radix sort would put -0.0 before 0.0
        samples = torch.where(samples == 0, 0.0, samples)
    ascending, place = torch.sort(samples, dim=1, stable=ties == "ordinal")
    step = sorted_launch(options, dtype, shape, *counts, wanted)
    return launch(step, ascending.contiguous(), place.contiguous(), x, a, b, *table, limits)


class _BatchShaping(torch.autograd.Function):
    """Losses (R,) and then the gradients of each to the wanted ones of its row of x, a and b."""

    @staticmethod
    def forward(x, a, b, wanted, *options):
        parameters = (distinct(p).contiguous() for p in (a, b))
        found = batch_shaping_rows(x.contiguous(), *parameters, list(wanted), *options)
        sums = found[0].sum(1) / x.shape[1]
        losses, *slopes = (sums[:, k].to(x.dtype) for k in range(3))
        gradients = found[1], *slopes
        return losses, *(g for g, needed in zip(gradients, wanted, strict=True) if needed)

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.wanted = inputs[3]
        ctx.mark_non_differentiable(*output[1:])
        ctx.save_for_backward(*inputs[:3], *output[1:])

    @staticmethod
    def backward(ctx, cotangent, *_):
        inputs, unit = ctx.saved_tensors[:3], iter(ctx.saved_tensors[3:])
        gradients = [
            once(next(unit), cotangent, *inputs) if wanted else None for wanted in ctx.wanted
        ]
        return *gradients, *(None,) * 8

    @staticmethod
    def vmap(info, in_dims, *arguments):
        # Inside a vmap a tensor does not show that an outer transform differentiates it.
        wanted = tuple(map(operator.or_, arguments[3], _wanted(arguments[:3])))
        arguments = *arguments[:3], wanted, *arguments[4:]
        return vmap_over_rows(_BatchShaping, info, in_dims, *arguments)


def _wanted(inputs):
    """Which inputs autograd will ask a gradient for."""
    return tuple(torch.is_grad_enabled() and given.requires_grad for given in inputs)
