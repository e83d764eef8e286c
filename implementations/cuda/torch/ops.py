"""The kernels as torch's own operators: dispatched by device, launched on the current stream."""

import torch

from implementations.cuda import launch
from implementations.cuda.launch import Parameter
from implementations.torch_eager.first_order import vmap_over_rows

NAMESPACE = "cdfbench_cuda"
LIBRARY = torch.library.Library(NAMESPACE, "DEF")
KEYS = ["CUDA"]
"""Torch's dispatch keys that operators are defined for; an emulation adds the CPU's."""


def define(name, schema, run, fake, backward=None, save=None, widen=None):
    """Define an operator of rows; returns it, differentiable and under every transform.

    run, fake: of its arguments. save(ctx, inputs, output), backward(ctx, *cotangents): of autograd.
    widen(arguments) -> arguments: what a vmap, in which tensors do not show who differentiates
    them, asks for beside what was asked.
    """
    LIBRARY.define(f"{name}{schema}")
    for key in KEYS:
        LIBRARY.impl(name, run, key)
    if "CPU" not in KEYS:
        LIBRARY.impl(name, _refuse, "CPU")
    full = f"{NAMESPACE}::{name}"
    torch.library.register_fake(full, fake, lib=LIBRARY)
    operator = getattr(getattr(torch.ops, NAMESPACE), name).default
    if backward is None:
        return operator
    torch.library.register_autograd(full, backward, setup_context=save, lib=LIBRARY)
    function = _function(operator, backward, save, widen)

    def call(*arguments):
        return (operator if torch.compiler.is_compiling() else function.apply)(*arguments)

    return call


def _refuse(*arguments):
    raise ValueError("x is on cpu: the CUDA kernels run on cuda only; x.cuda() is there")


def _function(operator, backward, save, widen):
    """The same for torch.func, whose transforms do not take autograd that a library registers."""

    class Differentiable(torch.autograd.Function):
        forward = staticmethod(operator)

        @staticmethod
        def setup_context(ctx, inputs, output):
            save(ctx, inputs, output)

        @staticmethod
        def vmap(info, in_dims, *arguments):
            arguments = arguments if widen is None else widen(arguments)
            return vmap_over_rows(Differentiable, info, in_dims, *arguments)

    Differentiable.backward = staticmethod(backward)
    return Differentiable


def device_of(tensor):
    """The ``launch.Device`` that a tensor is on."""
    return launch.device(tensor.device.index or 0)


def run(launches, tensor):
    """Launch on the current stream of a tensor's device.

    Raises RuntimeError in the capture of a CUDA graph for kernels that were never launched before.
    """
    index, stream = tensor.device.index or 0, 0
    if tensor.is_cuda:
        stream = torch.cuda.current_stream(tensor.device).cuda_stream
        if torch.cuda.is_current_stream_capturing():
            launch.require_loaded(launches, index)
    launch.run(launches, index, stream)


def dtype_name(tensor):
    return str(tensor.dtype).removeprefix("torch.")


def computed(dtype):
    """What is computed in for samples of a dtype."""
    return torch.float64 if dtype == torch.float64 else torch.float32


def address(tensor):
    """Of its data, 0 where there is none."""
    return 0 if tensor is None or tensor.numel() == 0 else tensor.data_ptr()


def parameter(values, number):
    """One value a row (R,), or None, and then the number for all rows, as kernels take it."""
    if values is None:
        return Parameter.number(number)
    return Parameter.one_a_row(values.data_ptr(), values.stride(0), dtype_name(values))


def per_row(value, x):
    """A host scalar or a tensor () or (R,) as (tensor (R,) or None, number)."""
    if not torch.is_tensor(value):
        return None, float(value)
    if value.dtype not in (torch.float32, torch.float64):
        value = value.float()
    return value.expand(x.shape[0]), 0.0


def wanted(*inputs):
    """Which inputs autograd will ask a gradient for."""
    return [torch.is_grad_enabled() and given is not None and given.requires_grad
            for given in inputs]  # fmt: skip


def require_beside(x, **others):
    """Raise ValueError or TypeError for what is not on x's device, computed as it is, and of rows.

    others: tensors (R, ...) of x's dtype or of what it is computed in, whole numbers, or None.
    """
    if x.ndim != 2 or 0 in x.shape:
        raise ValueError(f"x has shape {tuple(x.shape)}: expected rows of samples, none empty")
    for name, other in others.items():
        if other is None:
            continue
        if other.device != x.device:
            raise ValueError(f"{name} is on {other.device}: expected {x.device}, where x is")
        if other.ndim == 0 or len(other) != len(x):
            raise ValueError(f"{name} has shape {tuple(other.shape)}: expected {len(x)} rows")
        allowed = (x.dtype, computed(x.dtype), torch.float64, torch.int32)
        if other.dtype not in allowed:
            raise TypeError(f"{name} has dtype {other.dtype}: expected {x.dtype}, as x has")


def require_like(x, **others):
    """Raise for what has not x's device, dtype and shape; None passes."""
    require_beside(x, **others)
    for name, other in others.items():
        if other is not None and (other.shape, other.dtype) != (x.shape, x.dtype):
            raise ValueError(
                f"{name} is {other.dtype} of shape {tuple(other.shape)}: expected {x.dtype} of "
                f"{tuple(x.shape)}, as x is"
            )
