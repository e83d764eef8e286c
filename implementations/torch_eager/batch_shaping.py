"""Batch shaping in plain torch: one sort, then everything in sorted order.

The gradient needs little more than the loss, so the forward pass computes both, on a CPU in blocks
of rows that stay in the cache, and the backward pass hands the gradient out.
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
from implementations.torch_eager.priors import PRIORS, rows_of
from suite.registry import implements

BLOCK = 1 << 16
"""Samples that are worked on at once on a CPU: two threads' share each fits its cache."""


@implements(
    "batch_shaping", framework="torch", devices=("cpu", "cuda"), dtypes=("float32", "float64")
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
        state = PRIORS[prior].of(distinct(a), distinct(b), x.dtype, wanted[1:])
        step, offset = _positions(plotting_position, x.shape[1])
        positions = torch.arange(1, x.shape[1] + 1, device=x.device, dtype=torch.float64)
        positions = ((positions + offset) * step).to(x.dtype)
        rows = x.shape[0]
        block = max(1, BLOCK // x.shape[1]) if reads_values(x) else rows
        parts = [
            _block(
                x[i : i + block], rows_of(state, i, i + block), positions,
                wanted, ties, from_logits, lo, hi,
            )
            for i in range(0, rows, block)
        ]  # fmt: skip
        return parts[0] if len(parts) == 1 else tuple(map(torch.cat, zip(*parts, strict=True)))

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


def _block(x, state, positions, wanted, ties, from_logits, lo, hi):
    """The losses of some rows, and the gradients that are wanted."""
    clamped = x if lo is None else x.clamp(lo, hi)
    samples, order = torch.sort(clamped, dim=1, stable=ties == "ordinal")
    if ties == "mid":
        positions = _mid_positions(samples, positions)
    terms = state.terms(samples, from_logits, wanted[0], wanted[1:])
    residual = terms.cdf - positions
    loss = residual.square().mean(1)
    results = [loss]
    scale = loss * 0 + 2 / x.shape[1]  # NaN where one sample is
    if wanted[0]:
        gradient = _product(residual, terms.density) * scale.unsqueeze(-1)
        gradient = torch.empty_like(gradient).scatter_(1, order, gradient)
        if lo is not None:
            moved = (x < lo) | (x > hi)
            gradient = torch.where(moved, (loss * 0).unsqueeze(-1), gradient)
        results.append(gradient)
    for slope in terms.slopes:
        if slope is not None:
            results.append((residual * slope).sum(1) * scale)
    return tuple(results)


def _mid_positions(samples, positions):
    """Sorted samples' positions (R, N), equal ones at their mean; (N,) where none are equal."""
    rises = samples[:, 1:] != samples[:, :-1]
    if reads_values(samples) and rises.all():
        return positions
    edge = rises.new_ones(rises.shape[0], 1)
    first = torch.where(torch.cat((edge, rises), 1), positions, 0).cummax(1).values
    last = torch.where(torch.cat((rises, edge), 1), positions, 2).flip(1).cummin(1).values.flip(1)
    return (first + last) * 0.5


def _product(residual, density):
    """residual * density, 0 where the residual is although the density is infinite."""
    product = residual * density
    if reads_values(product) and not product.sum().isnan():
        return product
    return torch.where(residual == 0, residual, product)


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
