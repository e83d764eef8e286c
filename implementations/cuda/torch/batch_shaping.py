"""Batch shaping by one fused launch in torch; rows too long for a block are sorted by torch."""

import torch

from implementations.cuda import batch_shaping as kernels
from implementations.cuda.torch import ops
from implementations.torch_eager.first_order import once
from suite.registry import implements


@implements(
    "batch_shaping",
    framework="torch",
    devices=("cuda",),
    dtypes=("float32", "float64", "float16", "bfloat16"),
    requires=("cuda.core", "cuda.bindings"),
    native_half=True,
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
    (a, a_number), (b, b_number) = ops.per_row(a, x), ops.per_row(0.5 if b is None else b, x)
    ends = kernels.bounds(clip, from_logits)
    rows = _rows(
        x, a, b, a_number, b_number, ops.wanted(x, a, b), prior, plotting_position, ties,
        from_logits, *ends,
    )[0]  # fmt: skip
    return {"none": lambda r: r, "mean": torch.mean, "sum": torch.sum}[reduction](rows).to(x.dtype)


def _run(x, a, b, a_number, b_number, wanted, *options):
    """Losses (R,) and the gradients of each to its row of x, a and b, empty where not wanted."""
    ops.require_beside(x, a=a, b=b)
    (count, samples), x, dtype = x.shape, x.contiguous(), ops.dtype_name(x)
    results = _empty(x, a, b, a_number, b_number, wanted)
    options = kernels.Options(*options)
    arrays = kernels.Arrays(
        x.data_ptr(), *map(ops.address, results), ops.parameter(a, a_number),
        ops.parameter(b, b_number),
    )  # fmt: skip
    device = ops.device_of(x)
    if kernels.block(samples, dtype, options.prior, device):
        ops.run(kernels.rows(arrays, count, samples, dtype, options, device), x)
        return results
    # Zero added, as a radix sort would put -0.0 before 0.0.
    given = (x.to(ops.computed(x.dtype)) + 0.0).clamp(options.low, options.high)
    ascending, order = torch.sort(given, dim=1, stable=options.ties == "ordinal")
    shape = kernels.partial_shape(count, samples)
    partial = torch.empty(shape, dtype=torch.float64, device=x.device)
    addresses = ascending.data_ptr(), order.data_ptr(), partial.data_ptr()
    ops.run(kernels.sorted_rows(arrays, *addresses, count, samples, dtype, options, wide=True), x)
    return results


def _empty(x, a, b, a_number, b_number, wanted, *_):
    losses, nothing = x.new_empty(x.shape[0], dtype=ops.computed(x.dtype)), (x.shape[0], 0)
    shapes = (shape if needed else nothing for shape, needed in
              zip((x.shape, losses.shape, losses.shape), wanted, strict=True))  # fmt: skip
    return losses, *(losses.new_empty(shape) for shape in shapes)


def _save(ctx, inputs, output):
    ctx.set_materialize_grads(False)
    ctx.wanted = inputs[5]
    ctx.save_for_backward(*inputs[:3], *output[1:])


def _backward(ctx, cotangent, *_):
    inputs, units = ctx.saved_tensors[:3], ctx.saved_tensors[3:]
    given = [tensor for tensor in inputs if tensor is not None]
    gradients = [
        once(unit, cotangent, *given).to(tensor.dtype) if needed and cotangent is not None else None
        for unit, needed, tensor in zip(units, ctx.wanted, inputs, strict=True)
    ]
    return *gradients, *(None,) * 9


def _widened(arguments):
    """Inside a vmap a tensor does not show that an outer transform differentiates it."""
    needed = [before or now for before, now in
              zip(arguments[5], ops.wanted(*arguments[:3]), strict=True)]  # fmt: skip
    return (*arguments[:5], needed, *arguments[6:])


_rows = ops.define(
    "batch_shaping",
    "(Tensor x, Tensor? a, Tensor? b, float a_number, float b_number, bool[] wanted, str prior, "
    "str plotting_position, str ties, bool from_logits, float low, float high) -> "
    "(Tensor, Tensor, Tensor, Tensor)",
    _run,
    _empty,
    _backward,
    _save,
    _widened,
)
