"""Empirical distribution function in plain torch: one sort forward, a named surrogate backward.

The surrogates over all pairs of samples are summed block by block, so that memory does not grow
with N^2; a compiled graph fuses distance, kernel and sum and needs no blocks.
"""

import math

import torch

from implementations.torch_eager.first_order import batched_over_rows, never_twice, reads_values
from suite.registry import implements

_CPU_PAIRS = 1 << 17
_CUDA_PAIRS = 1 << 24
_MOST_PAIRS = 1 << 32
# A sample's own term is near 1; exponentials that underflow take ten times as long.
_UNDERFLOW = -87.0


def too_many_pairs(case):
    """Reason to leave out a case whose surrogate sums over too many pairs, or None."""
    pairs = case.sizes["R"] * case.sizes["N"] ** 2
    if case.options.get("surrogate", "identity") == "identity" or pairs <= _MOST_PAIRS:
        return None
    return f"O(N^2): R N^2 = {pairs:.1e} is above {_MOST_PAIRS:.1e}"


@implements(
    "ecdf",
    framework="torch",
    devices=("cpu", "cuda"),
    dtypes=("float32", "float64", "float16", "bfloat16"),
    skip=too_many_pairs,
)
def ecdf(x, *, plotting_position="ecdf", ties="max", surrogate="identity", scale=None):
    """Plotting position of every sample; arguments as in ``suite.operators.ecdf``.

    Raises RuntimeError for second derivatives.
    """
    apply = (_Ecdf if torch.compiler.is_compiling() else _BatchedEcdf).apply
    return apply(x, plotting_position, ties, surrogate, scale)


def _positions(x, plotting_position, ties):
    """Plotting positions (R, N) in input order, NaN in a row that has a NaN."""
    if ties == "ordinal":  # a radix sort would put -0.0 before 0.0
        x = torch.where(x == 0, torch.zeros_like(x), x)
    ascending, order = torch.sort(x, dim=1, stable=ties == "ordinal")
    index = torch.arange(1, x.shape[1] + 1, device=x.device, dtype=torch.float64)
    step = _step(plotting_position, x.shape[1])
    positions = ((index - 0.5 if plotting_position == "hazen" else index) * step).to(x.dtype)
    if ties != "ordinal":
        positions = _of_ties(ascending, positions, ties)
    # NaN sorts last; added, so that its row's other samples are NaN as well.
    positions = positions + torch.where(ascending[:, -1:].isnan(), torch.nan, 0.0).to(x.dtype)
    return torch.empty_like(ascending).scatter_(1, order, positions)


def _step(plotting_position, samples):
    """The plotting position's step from one rank to the next."""
    return 1.0 / (samples + 1 if plotting_position == "weibull" else samples)


def _of_ties(ascending, positions, ties):
    """Give equal samples the last of their positions or the mean; (N,) where none are equal."""
    rises = ascending[:, 1:] != ascending[:, :-1]
    if reads_values(ascending) and rises.all():
        return positions
    edge = rises.new_ones(rises.shape[0], 1)
    last = torch.where(torch.cat((rises, edge), 1), positions, 2).flip(1).cummin(1).values.flip(1)
    if ties == "max":
        return last
    first = torch.where(torch.cat((edge, rises), 1), positions, 0).cummax(1).values
    return (first + last) * 0.5


def _gradient(cotangent, x, positions, plotting_position, surrogate, scale):
    """The surrogate's gradient to x (R, N)."""
    if surrogate == "identity":
        return torch.where(positions[:, :1].isnan(), torch.nan, cotangent)
    result = torch.empty_like(cotangent, memory_format=torch.contiguous_format)
    pairs = _density if surrogate == "density" else _soft_rank
    for r, i in _blocks(x):
        # Distances from x_i along the last axis; a block's are written over by its kernel.
        z = (x[r, i, None] - x[r, None, :]).abs_().div_(scale)
        result[r, i] = pairs(z, cotangent[r], i)
    if surrogate == "density":
        return result / (x.shape[1] * scale)
    return result * (_step(plotting_position, x.shape[1]) / scale)


def _density(z, cotangent, i):
    """g_i sum_j phi(z_ij)."""
    total = z.square_().mul_(-0.5).clamp_(min=_UNDERFLOW).exp_().sum(dim=-1)
    return cotangent[:, i] * total * (2 * math.pi) ** -0.5


def _soft_rank(z, cotangent, i):
    """sum_j sigmoid'(z_ij) (g_i - g_j), the slope as e / (1 + e)^2 with e = exp(-|z|)."""
    e = z.neg_().clamp_(min=_UNDERFLOW).exp_()
    slope = e.div_((e + 1).square_())
    return (slope.mul_(cotangent[:, i, None] - cotangent[:, None, :])).sum(dim=-1)


def _blocks(x):
    """Slices of rows and of samples whose distances to all samples of the row fit into a block."""
    rows, samples = x.shape
    if torch.compiler.is_compiling():
        return [(slice(0, rows), slice(0, samples))]
    block = max(1, (_CUDA_PAIRS if x.device.type == "cuda" else _CPU_PAIRS) // samples)
    across = max(1, block // samples)
    return [
        (slice(r, r + across), slice(i, i + block))
        for r in range(0, rows, across)
        for i in range(0, samples, block)
    ]


class _Ecdf(torch.autograd.Function):
    """Plotting positions (R, N) of x (R, N)."""

    @staticmethod
    def forward(x, plotting_position, ties, surrogate, scale):
        return _positions(x, plotting_position, ties)

    @staticmethod
    def setup_context(ctx, inputs, output):
        x, *ctx.options = inputs  # a compiled graph's scale is a tensor, so that it may change
        ctx.save_for_backward(x, output)

    @staticmethod
    def backward(ctx, cotangent):
        plotting_position, _, surrogate, scale = ctx.options
        gradient = _gradient_once(
            cotangent, *ctx.saved_tensors, plotting_position, surrogate, scale
        )
        return gradient, None, None, None, None


_gradient_once = never_twice(_gradient, "ecdf")
_BatchedEcdf = batched_over_rows(_Ecdf)
