"""Occupancy entropies in torch: a launch for values, one for the gradient."""

import torch

from implementations.cuda import occupancy_entropy as kernels
from implementations.cuda.launch import Parameter
from implementations.cuda.torch import ops
from implementations.torch_eager.first_order import never_twice
from suite.registry import implements


@implements(
    "occupancy_entropy",
    framework="torch",
    devices=("cuda",),
    dtypes=("float32", "float64", "float16", "bfloat16"),
    requires=("cuda.core", "cuda.bindings"),
    native_half=True,
)
def occupancy_entropy(z, *, estimator, temperature=1.0, noise=None):
    """Entropy of units being on; arguments as in ``suite.operators.occupancy_entropy``.

    Raises RuntimeError for second derivatives.
    """
    return _values(z, noise, estimator, temperature)[0].to(z.dtype)


def _arrays(z, noise, temperature):
    return kernels.Arrays(z.data_ptr(), ops.address(noise), Parameter.number(temperature))


def _contiguous(z, noise):
    ops.require_like(z, noise=noise)
    return z.contiguous(), None if noise is None else noise.contiguous()


def _run(z, noise, estimator, temperature):
    """The entropy (R,), and what a unit's slopes are multiplied by besides -v: (R,)."""
    z, noise = _contiguous(z, noise)
    (count, samples), (value, factor) = z.shape, _empty(z)
    blocks = kernels.blocks(count, samples, ops.device_of(z))
    partial = z.new_empty((count, blocks if blocks > 1 else 0, 2), dtype=torch.float64)
    addresses = value.data_ptr(), factor.data_ptr(), ops.address(partial)
    rest = count, samples, ops.dtype_name(z), estimator, blocks
    ops.run(kernels.values(_arrays(z, noise, temperature), *addresses, *rest), z)
    return value, factor


def _empty(z, *_):
    value = z.new_empty(z.shape[0], dtype=ops.computed(z.dtype))
    return value, torch.empty_like(value)


def _run_gradient(cotangent, z, noise, factor, estimator, temperature):
    """The gradient (R, N) to z, in its dtype."""
    ops.require_beside(z, cotangent=cotangent, factor=factor)
    z, noise = _contiguous(z, noise)
    (count, samples), gradient = z.shape, torch.empty_like(z)
    cotangent, factor = cotangent.contiguous(), factor.contiguous()
    addresses = cotangent.data_ptr(), factor.data_ptr(), gradient.data_ptr()
    rest = count, samples, ops.dtype_name(z), estimator
    ops.run(kernels.gradient(_arrays(z, noise, temperature), *addresses, *rest), z)
    return gradient


def _empty_gradient(cotangent, z, *_):
    return torch.empty_like(z, memory_format=torch.contiguous_format)


_gradient_once = never_twice(
    ops.define(
        "occupancy_entropy_gradient",
        "(Tensor cotangent, Tensor z, Tensor? noise, Tensor factor, str estimator, "
        "float temperature) -> Tensor",
        _run_gradient,
        _empty_gradient,
    ),
    "occupancy_entropy",
)


def _save(ctx, inputs, output):
    z, noise, *ctx.options = inputs
    ctx.set_materialize_grads(False)
    ctx.save_for_backward(z, noise, output[1])


def _backward(ctx, cotangent, _):
    if cotangent is None:
        return (None,) * 4
    return _gradient_once(cotangent, *ctx.saved_tensors, *ctx.options), None, None, None


_values = ops.define(
    "occupancy_entropy",
    "(Tensor z, Tensor? noise, str estimator, float temperature) -> (Tensor, Tensor)",
    _run,
    _empty,
    _backward,
    _save,
)
