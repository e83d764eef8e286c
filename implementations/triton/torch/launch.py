"""Launches in torch: kernels behind operators of torch, so that a compiled graph sees them."""

from contextlib import nullcontext

import numpy as np
import torch
import triton
from torch._guards import detect_fake_mode
from torch.library import custom_op, triton_op, wrap_triton

from implementations.triton.launch import Launch

DTYPES = {"float32": torch.float32, "float64": torch.float64, "int32": torch.int32}


def name_of(dtype):
    """A torch dtype as ``Output`` names it."""
    return str(dtype).removeprefix("torch.")


def launch(step: Launch, *inputs):
    """Allocate what a kernel writes and run it on the inputs, contiguous tensors of one device.

    Under Triton's interpreter the tensors are a CPU's, and a tracer's get nothing written. Raises
    ValueError for tensors of a device that a compiled kernel cannot run on.
    """
    device = inputs[0].device
    for given in inputs:
        if not given.is_contiguous() or given.device != device:
            raise ValueError("kernels take contiguous tensors of one device")
    compiled = isinstance(step.kernel, triton.JITFunction)
    traced = detect_fake_mode(inputs) is not None
    if compiled and not traced and device.type != "cuda":
        raise ValueError(f"inputs are on {device}: triton_torch runs on cuda only")
    outputs = tuple(_allocated(inputs[0], output) for output in step.outputs)
    arguments = *inputs, *outputs, *step.sizes
    if compiled:
        # Triton launches on the current device, wherever its tensors are.
        with nullcontext() if traced else torch.cuda.device(device):
            wrap_triton(step.kernel)[step.grid](*arguments, **step.constants, num_warps=step.warps)
    elif not traced:
        with np.errstate(all="ignore"):
            step.kernel[step.grid](*arguments, **step.constants)
    return outputs


def _allocated(like, output):
    new = like.new_zeros if output.zeros else like.new_empty
    return new(output.shape, dtype=DTYPES[output.dtype])


def operation(kernel):
    """A decorator: a function of tensors that launches that kernel, as ``cdfbench::<its name>``.

    An interpreted kernel is Python that a compiler must not look into.
    """

    def decorate(function):
        name = f"cdfbench::{function.__name__}"
        if isinstance(kernel, triton.JITFunction):
            return triton_op(name, function, mutates_args=())
        opaque = custom_op(name, function, mutates_args=())
        opaque.register_fake(function)
        return opaque

    return decorate


def numbers(x, *values):
    """Host numbers as a float64 tensor on x's device, without a copy from the host's memory."""
    return torch.cat([x.new_full((1,), value, dtype=torch.float64) for value in values])
