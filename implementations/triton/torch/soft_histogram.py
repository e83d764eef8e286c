"""Soft histogram in Triton: every sample at every bin, fused, so that memory is that of x alone."""

import torch

from implementations.torch_eager import soft_histogram as eager
from implementations.torch_eager.first_order import batched_over_rows, never_twice
from implementations.triton.direct_counts import (
    at_edges,
    at_edges_launch,
    at_samples,
    at_samples_launch,
    counts,
    counts_launch,
)
from implementations.triton.torch.launch import launch, name_of, operation
from suite.registry import implements


@implements(
    "soft_histogram",
    framework="torch",
    devices=("cuda",),
    dtypes=("float32", "float64", "float16", "bfloat16"),
    requires=("triton",),
)
def soft_histogram(
    x, edges, bandwidth, weights=None, *, kernel="gaussian", density=False, overflow="drop"
):
    """Soft counts of every row; arguments as in ``suite.operators.soft_histogram``.

    Raises RuntimeError for second derivatives.
    """
    apply = (_Counts if torch.compiler.is_compiling() else _BatchedCounts).apply
    return eager.histogram(apply, x, edges, bandwidth, weights, kernel, density, overflow)


@operation(counts)
def histogram_counts(
    x: torch.Tensor, edges: torch.Tensor, bandwidth: torch.Tensor, weights: torch.Tensor | None,
    kernel: str,
) -> torch.Tensor:  # fmt: skip
    """Counts (R, E + 1) of x (R, N) between edges (R, E), with one open bin at either end."""
    step = counts_launch(tuple(x.shape), edges.shape[1], kernel, weights is not None)
    return launch(step, x, edges, bandwidth, x if weights is None else weights)[0].sum(1)


@operation(at_edges)
def histogram_at_edges(
    x: torch.Tensor, edges: torch.Tensor, bandwidth: torch.Tensor, weights: torch.Tensor | None,
    kernel: str,
) -> torch.Tensor:  # fmt: skip
    """Sums of w k(z) and w z k(z) at every edge, (R, E, 2)."""
    step = at_edges_launch(tuple(x.shape), edges.shape[1], kernel, weights is not None)
    return launch(step, x, edges, bandwidth, x if weights is None else weights)[0].sum(1)


@operation(at_samples)
def histogram_at_samples(
    x: torch.Tensor, edges: torch.Tensor, bandwidth: torch.Tensor, weights: torch.Tensor | None,
    cotangent: torch.Tensor, kernel: str, want_x: bool, want_weights: bool,
) -> tuple[torch.Tensor, torch.Tensor]:  # fmt: skip
    """Gradients to x and to weights, (R, N), or (1,) where not wanted."""
    step = at_samples_launch(
        tuple(x.shape), name_of(x.dtype), edges.shape[1], kernel, weights is not None,
        want_x, want_weights,
    )  # fmt: skip
    return launch(step, x, edges, bandwidth, x if weights is None else weights, cotangent)


def _contiguous(*tensors):
    return (None if tensor is None else tensor.contiguous() for tensor in tensors)


class _Counts(torch.autograd.Function):
    """Counts (R, E + 1) of x (R, N) between edges (R, E); bandwidth (R,), NaN in a bad row."""

    @staticmethod
    def forward(x, edges, bandwidth, weights, kernel):
        return histogram_counts(*_contiguous(x, edges, bandwidth, weights), kernel)

    @staticmethod
    def setup_context(ctx, inputs, output):
        *tensors, ctx.kernel = inputs
        ctx.save_for_backward(*tensors)

    @staticmethod
    def backward(ctx, cotangent):
        wanted = tuple(ctx.needs_input_grad[:4])
        gradients = _gradients_once(cotangent, *ctx.saved_tensors, ctx.kernel, wanted)
        return (*(g if w else None for g, w in zip(gradients, wanted, strict=True)), None)


def _gradients(cotangent, x, edges, bandwidth, weights, kernel, wanted):
    """Gradients to x, edges, bandwidth, weights (R, ...); zeros (R, 1) where not wanted."""
    given = tuple(_contiguous(x, edges, bandwidth, weights))
    nothing = edges.new_zeros(x.shape[0], 1)
    to_x, to_edges, to_bandwidth, to_weights = nothing, nothing, nothing[:, 0], nothing
    if wanted[0] or wanted[3]:
        found = histogram_at_samples(
            *given, cotangent.contiguous(), kernel, bool(wanted[0]), bool(wanted[3])
        )
        to_x, to_weights = (f if w else nothing for f, w in zip(found, wanted[::3], strict=True))
    if wanted[1] or wanted[2]:
        heights, stretches = histogram_at_edges(*given, kernel).unbind(-1)
        step = cotangent.diff() / bandwidth[:, None]
        to_edges, to_bandwidth = -step * heights, (step * stretches).sum(1)
    return to_x, to_edges, to_bandwidth, to_weights


_gradients_once = never_twice(_gradients, "soft_histogram")
_BatchedCounts = batched_over_rows(_Counts)
