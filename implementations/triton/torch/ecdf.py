"""Empirical distribution function in Triton: ranks in one launch, surrogates over pairs in another.

Rows of more than ``ranks.LONGEST`` samples, and float64, are sorted by torch first.
"""

import torch

from implementations.torch_eager.first_order import batched_over_rows, never_twice
from implementations.triton.pairs import pairs, pairs_launch, too_many_pairs
from implementations.triton.positions import inside_launch, rows, sorted_launch
from implementations.triton.ranks import sorts_inside
from implementations.triton.torch.launch import launch, name_of, numbers, operation
from suite.registry import implements


def route(x, *, plotting_position="ecdf", ties="max", surrogate="identity", scale=None):
    """Who sorts."""
    inside = sorts_inside(name_of(x.dtype), x.shape[1])
    return "sorted in the kernel" if inside else "sorted by torch"


@implements(
    "ecdf",
    framework="torch",
    devices=("cuda",),
    dtypes=("float32", "float64", "float16", "bfloat16"),
    requires=("triton",),
    skip=too_many_pairs,
    route=route,
)
def ecdf(x, *, plotting_position="ecdf", ties="max", surrogate="identity", scale=None):
    """Plotting position of every sample; arguments as in ``suite.operators.ecdf``.

    Raises RuntimeError for second derivatives.
    """
    apply = (_Ecdf if torch.compiler.is_compiling() else _BatchedEcdf).apply
    return apply(x, plotting_position, ties, surrogate, scale)


@operation(rows)
def ecdf_positions(x: torch.Tensor, plotting_position: str, ties: str) -> torch.Tensor:
    """Plotting positions (R, N) of x (R, N), NaN in a row that has a NaN."""
    dtype, shape = name_of(x.dtype), tuple(x.shape)
    if sorts_inside(dtype, shape[1]):
        return launch(inside_launch(shape, dtype, ties, plotting_position), x)[0]
    if ties == "ordinal":  # a radix sort would put -0.0 before 0.0
        x = torch.where(x == 0, 0.0, x)
    ascending, place = torch.sort(x, dim=1, stable=ties == "ordinal")
    step = sorted_launch(shape, dtype, ties, plotting_position)
    return launch(step, ascending.contiguous(), place.contiguous())[0]


@operation(pairs)
def ecdf_surrogate(
    cotangent: torch.Tensor, x: torch.Tensor, positions: torch.Tensor, plotting_position: str,
    surrogate: str, scale: float,
) -> torch.Tensor:  # fmt: skip
    """The gradient (R, N) of a surrogate over pairs."""
    step = pairs_launch(tuple(x.shape), name_of(x.dtype), surrogate, plotting_position)
    return launch(step, x, cotangent, positions, numbers(x, scale))[0]


def _gradient(cotangent, x, positions, plotting_position, surrogate, scale):
    """The surrogate's gradient to x (R, N)."""
    if surrogate == "identity":
        return torch.where(positions[:, :1].isnan(), torch.nan, cotangent)
    given = cotangent.contiguous(), x.contiguous(), positions
    return ecdf_surrogate(*given, plotting_position, surrogate, float(scale))


class _Ecdf(torch.autograd.Function):
    """Plotting positions (R, N) of x (R, N)."""

    @staticmethod
    def forward(x, plotting_position, ties, surrogate, scale):
        return ecdf_positions(x.contiguous(), plotting_position, ties)

    @staticmethod
    def setup_context(ctx, inputs, output):
        x, *ctx.options = inputs
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
