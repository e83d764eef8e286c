"""Soft histogram in Triton: every sample at every bin, or by moments where that costs less.

Shapes decide which is tried, see ``moments.plan``; then, on the device, the edges of each row.
"""

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
from implementations.triton.moments import (
    Plan,
    deposit,
    deposit_launch,
    evaluate,
    evaluate_launch,
    plan,
)
from implementations.triton.torch.launch import launch, name_of, operation
from suite.registry import implements


def route(x, edges, bandwidth, weights=None, *, kernel="gaussian", density=False, overflow="drop"):
    """What the shapes say."""
    one = plan(kernel, x.shape[1], edges.shape[0])
    if one is None:
        return "every sample at every bin"
    return f"moments: {one.cells:,} cells a row, {one.terms} terms"


@implements(
    "soft_histogram",
    framework="torch",
    devices=("cuda",),
    dtypes=("float32", "float64", "float16", "bfloat16"),
    requires=("triton",),
    route=route,
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


@operation(deposit)
def histogram_moments(
    x: torch.Tensor, weights: torch.Tensor | None, frame: torch.Tensor, cells: int, terms: int
) -> torch.Tensor:
    """Chebyshev moments (R, cells, terms) of x (R, N) in the cells of frames (R, 2)."""
    one = Plan(cells, terms, 0.0, 0)
    step = deposit_launch(tuple(x.shape), one, weights is not None)
    return launch(step, x, x if weights is None else weights, frame)[0]


@operation(evaluate)
def histogram_evaluate(
    x: torch.Tensor, weights: torch.Tensor | None, frame: torch.Tensor, coefficients: torch.Tensor
) -> torch.Tensor:
    """Each sample's cell's polynomial at it, times its weight, (R, N)."""
    one = Plan(*coefficients.shape[1:], 0.0, 0)
    step = evaluate_launch(tuple(x.shape), name_of(x.dtype), one, weights is not None)
    return launch(step, x, x if weights is None else weights, frame, coefficients)[0]


def _contiguous(*tensors):
    return (None if tensor is None else tensor.contiguous() for tensor in tensors)


class _Nodes:
    """The weighted samples that stand for rows, and which rows they stand for.

    x, weights: (R, cells terms). narrow: bandwidths (R,) of these rows, wide: of the others, NaN
    where there is none.
    """

    def __init__(self, one, edges, bandwidth):
        span = edges[:, -1] - edges[:, 0] + 2 * one.reach * bandwidth
        width = bandwidth / one.fine
        applies = span <= one.cells * width
        nothing = torch.full_like(bandwidth, torch.nan)
        self.one = one
        self.narrow = torch.where(applies, bandwidth, nothing)
        self.wide = torch.where(applies, nothing, bandwidth)
        start = edges[:, 0] - one.reach * bandwidth
        self.frame = torch.stack((start, torch.where(applies, width, nothing)), 1)
        order = torch.arange(one.terms, device=edges.device, dtype=torch.float64)
        angle = (order + 0.5) * (torch.pi / one.terms)
        # From moments to weights of nodes, and transposed from values at nodes to coefficients.
        self.matrix = torch.cos(order[:, None] * angle) * (2 / one.terms)
        self.matrix = torch.where(order[:, None] == 0, self.matrix / 2, self.matrix)
        cell = torch.arange(one.cells, device=edges.device, dtype=torch.float64)
        place = (cell[:, None] + (torch.cos(angle) + 1) / 2).reshape(-1)
        self.x = start[:, None] + width[:, None] * place

    def weights(self, x, weights):
        """Of the nodes that stand for these samples."""
        moments = histogram_moments(x, weights, self.frame, self.one.cells, self.one.terms)
        return torch.matmul(moments, self.matrix).flatten(1)

    def coefficients(self, values):
        """Of the cells' polynomials through values (R, cells terms) at the nodes."""
        values = values.unflatten(1, (self.one.cells, self.one.terms))
        return torch.matmul(values, self.matrix.T).contiguous()

    def select(self, by_nodes, by_samples):
        """Rows of either; both are NaN in a row that is bad."""
        applies = ~self.narrow.isnan()
        return torch.where(applies.view(-1, *(1,) * (by_nodes.ndim - 1)), by_nodes, by_samples)


class _Counts(torch.autograd.Function):
    """Counts (R, E + 1) of x (R, N) between edges (R, E); bandwidth (R,), NaN in a bad row."""

    @staticmethod
    def forward(x, edges, bandwidth, weights, kernel):
        x, edges, bandwidth, weights = _contiguous(x, edges, bandwidth, weights)
        return _sums(histogram_counts, x, edges, bandwidth, weights, kernel)

    @staticmethod
    def setup_context(ctx, inputs, output):
        *tensors, ctx.kernel = inputs
        ctx.save_for_backward(*tensors)

    @staticmethod
    def backward(ctx, cotangent):
        wanted = tuple(ctx.needs_input_grad[:4])
        gradients = _gradients_once(cotangent, *ctx.saved_tensors, ctx.kernel, wanted)
        return (*(g if w else None for g, w in zip(gradients, wanted, strict=True)), None)


def _sums(operation, x, edges, bandwidth, weights, kernel):
    """Sums over samples, by whichever way each row takes."""
    one = plan(kernel, x.shape[1], edges.shape[1])
    if one is None:
        return operation(x, edges, bandwidth, weights, kernel)
    nodes = _Nodes(one, edges, bandwidth)
    few = operation(nodes.x, edges, nodes.narrow, nodes.weights(x, weights), kernel)
    return nodes.select(few, operation(x, edges, nodes.wide, weights, kernel))


def _at_samples(x, edges, bandwidth, weights, cotangent, kernel, wanted):
    """Gradients to x and to weights, by whichever way each row takes."""
    one = plan(kernel, x.shape[1], edges.shape[1])
    if one is None:
        return histogram_at_samples(x, edges, bandwidth, weights, cotangent, kernel, *wanted)
    nodes = _Nodes(one, edges, bandwidth)
    there = histogram_at_samples(nodes.x, edges, nodes.narrow, None, cotangent, kernel, *wanted)
    here = histogram_at_samples(x, edges, nodes.wide, weights, cotangent, kernel, *wanted)
    factors = weights, None
    return tuple(
        nodes.select(histogram_evaluate(x, factor, nodes.frame, nodes.coefficients(at)), direct)
        if needed
        else direct
        for needed, at, direct, factor in zip(wanted, there, here, factors, strict=True)
    )


def _gradients(cotangent, x, edges, bandwidth, weights, kernel, wanted):
    """Gradients to x, edges, bandwidth, weights (R, ...); zeros (R, 1) where not wanted."""
    given = tuple(_contiguous(x, edges, bandwidth, weights))
    nothing = edges.new_zeros(x.shape[0], 1)
    to_x, to_edges, to_bandwidth, to_weights = nothing, nothing, nothing[:, 0], nothing
    if wanted[0] or wanted[3]:
        chosen = bool(wanted[0]), bool(wanted[3])
        found = _at_samples(*given, cotangent.contiguous(), kernel, chosen)
        to_x, to_weights = (f if w else nothing for f, w in zip(found, wanted[::3], strict=True))
    if wanted[1] or wanted[2]:
        heights, stretches = _sums(histogram_at_edges, *given, kernel).unbind(-1)
        step = cotangent.diff() / bandwidth[:, None]
        to_edges, to_bandwidth = -step * heights, (step * stretches).sum(1)
    return to_x, to_edges, to_bandwidth, to_weights


_gradients_once = never_twice(_gradients, "soft_histogram")
_BatchedCounts = batched_over_rows(_Counts)
