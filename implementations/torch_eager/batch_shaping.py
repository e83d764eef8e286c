"""Batch shaping in plain torch: one sort, then everything in sorted order.

The gradient needs little more than the loss, so the forward pass computes both, and the backward
pass hands the gradient out.
"""

import math
import operator

import torch

from implementations.torch_eager.first_order import (
    distinct,
    once,
    reads_values,
    row_parameter,
    vmap_over_rows,
)
from implementations.torch_eager.mid_ranks import mid_positions
from implementations.torch_eager.priors import PRIORS, rows_of
from implementations.torch_eager.row_blocks import blocks
from implementations.torch_eager.row_sort import row_sort
from suite.registry import implements


@implements(
    "batch_shaping",
    framework="torch",
    devices=("cpu", "cuda"),
    dtypes=("float32", "float64", "float16", "bfloat16"),
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
    options = prior, plotting_position, ties, from_logits, *_bounds(clip, from_logits)
    rows = _BatchShaping.apply(*inputs, _wanted(inputs), *options)[0]
    return {"none": lambda r: r, "mean": torch.mean, "sum": torch.sum}[reduction](rows)


class _BatchShaping(torch.autograd.Function):
    """Losses (R,) and then the gradients of each to the wanted ones of its row of x, a and b."""

    @staticmethod
    def forward(x, a, b, wanted, prior, plotting_position, ties, from_logits, lo, hi):
        step, offset = _positions(plotting_position, x.shape[1])
        positions = torch.arange(1, x.shape[1] + 1, device=x.device, dtype=torch.float64)
        positions = ((positions + offset) * step).to(x.dtype)
        losses = torch.empty_like(x[:, 0])
        gradient = torch.empty_like(x) if wanted[0] else None
        slopes = [torch.empty_like(losses) for needed in wanted[1:] if needed]

        given = (x if lo is None else x.clamp(lo, hi)).contiguous()
        state = PRIORS[prior].of(distinct(a), distinct(b), x.dtype, wanted[1:])
        for rows in blocks(x):
            samples, order = row_sort(given[rows], stable=ties == "ordinal")
            where = mid_positions(samples, positions) if ties == "mid" else positions
            terms = rows_of(state, rows).terms(samples, from_logits, wanted[0], wanted[1:])
            residual = terms.cdf.sub_(where)
            losses[rows] = loss = residual.square().mean(1)
            scale = _where_a_number(loss, 2 / x.shape[1])
            for out, slope in zip(slopes, filter(torch.is_tensor, terms.slopes), strict=True):
                out[rows] = (residual * slope).sum(1) * scale
            if wanted[0]:
                in_order = _product(residual, terms.density).mul_(scale.unsqueeze(-1))
                gradient[rows].scatter_(1, order, in_order)
        if wanted[0] and lo is not None:
            moved = (x < lo) | (x > hi)
            gradient = torch.where(moved, _where_a_number(losses, 0.0).unsqueeze(-1), gradient)
        return losses, *(() if gradient is None else (gradient,)), *slopes

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
        return *gradients, *(None,) * 7

    @staticmethod
    def vmap(info, in_dims, *arguments):
        # Inside a vmap a tensor does not show that an outer transform differentiates it.
        wanted = tuple(map(operator.or_, arguments[3], _wanted(arguments[:3])))
        arguments = *arguments[:3], wanted, *arguments[4:]
        return vmap_over_rows(_BatchShaping, info, in_dims, *arguments)


def _product(residual, density):
    """residual * density, 0 where the residual is although the density is infinite."""
    product = residual * density
    if reads_values(product) and not product.sum().isnan():
        return product
    return torch.where(residual == 0, residual, product)


def _where_a_number(losses, value):
    """The value for every row, NaN for those with a NaN; a compiler may drop ``losses * 0``."""
    return torch.where(losses.isnan(), losses, value)


def _positions(plotting_position, samples):
    """Step and offset of the plotting position (rank + offset) * step."""
    if plotting_position == "weibull":
        return 1 / (samples + 1), 0.0
    return 1 / samples, -0.5 if plotting_position == "hazen" else 0.0


def _bounds(clip, from_logits):
    """Smallest and largest sample, or logit, that is not clamped; (None, None) without clip."""
    if clip is None or not from_logits:
        return clip or (None, None)
    lo, hi = clip
    return (
        math.log(lo / (1 - lo)) if lo > 0 else -math.inf,
        math.log(hi / (1 - hi)) if hi < 1 else math.inf,
    )


def _wanted(inputs):
    """Which inputs autograd will ask a gradient for."""
    return tuple(torch.is_grad_enabled() and given.requires_grad for given in inputs)
