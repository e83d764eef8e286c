"""Empirical distribution functions by one launch in torch; it sorts rows too long for a block."""

import torch

from implementations.cuda import ecdf as kernels
from implementations.cuda import row_sort
from implementations.cuda.torch import ops
from implementations.torch_eager.first_order import never_twice
from suite.registry import implements


@implements(
    "ecdf",
    framework="torch",
    devices=("cuda",),
    dtypes=("float32", "float64", "float16", "bfloat16"),
    requires=("cuda.core", "cuda.bindings"),
    native_half=True,
)
def ecdf(x, *, plotting_position="ecdf", ties="max", surrogate="identity", scale=None):
    """Plotting position of every sample; arguments as in ``suite.operators.ecdf``.

    Raises RuntimeError for second derivatives.
    """
    return _positions(x, plotting_position, ties, surrogate, 0.0 if scale is None else scale)


def _run(x, plotting_position, ties, surrogate, scale):
    (count, samples), x, dtype = x.shape, x.contiguous(), ops.dtype_name(x)
    positions, device = torch.empty_like(x), ops.device_of(x)
    rest = count, samples, dtype, plotting_position, ties
    if row_sort.block(samples, dtype, device):
        ops.run(kernels.rows(x.data_ptr(), positions.data_ptr(), *rest, device), x)
        return positions
    # Zero added, as a radix sort would put -0.0 before 0.0.
    given = x.to(ops.computed(x.dtype)) + 0.0
    ascending, order = torch.sort(given, dim=1, stable=ties == "ordinal")
    addresses = positions.data_ptr(), ascending.data_ptr(), order.data_ptr()
    ops.run(kernels.sorted_rows(*addresses, *rest, wide=True), x)
    return positions


def _empty(x, *_):
    return torch.empty_like(x, memory_format=torch.contiguous_format)


def _run_pairs(cotangent, x, plotting_position, surrogate, scale):
    """The gradient (R, N) of a surrogate that sums over pairs."""
    ops.require_like(x, cotangent=cotangent)
    (count, samples), x, cotangent = x.shape, x.contiguous(), cotangent.contiguous()
    gradient = torch.empty_like(x)
    addresses = x.data_ptr(), cotangent.data_ptr(), gradient.data_ptr()
    options = ops.dtype_name(x), plotting_position, surrogate, scale
    ops.run(kernels.pairs(*addresses, count, samples, *options), x)
    return gradient


_pairs = ops.define(
    "ecdf_pairs",
    "(Tensor cotangent, Tensor x, str plotting_position, str surrogate, float scale) -> Tensor",
    _run_pairs,
    _empty,
)


def _gradient(cotangent, kept, plotting_position, surrogate, scale):
    if surrogate == "identity":
        return torch.where(kept[:, :1].isnan(), torch.nan, cotangent)
    return _pairs(cotangent, kept, plotting_position, surrogate, scale)


_gradient_once = never_twice(_gradient, "ecdf")


def _save(ctx, inputs, output):
    x, plotting_position, _, surrogate, scale = inputs
    ctx.options = plotting_position, surrogate, scale
    # Of its own output, "identity" needs to know which rows are NaN.
    ctx.save_for_backward(output if surrogate == "identity" else x)


def _backward(ctx, cotangent):
    return _gradient_once(cotangent, *ctx.saved_tensors, *ctx.options), *(None,) * 4


_positions = ops.define(
    "ecdf",
    "(Tensor x, str plotting_position, str ties, str surrogate, float scale) -> Tensor",
    _run,
    _empty,
    _backward,
    _save,
)
