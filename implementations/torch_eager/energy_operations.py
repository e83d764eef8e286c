"""torch's operations by the names that ``implementations.energies`` uses."""

import torch

from implementations.torch_eager.sigmoids import sigmoids
from implementations.torch_eager.tangent_squares import tangent_squares

__all__ = ["tangent_squares"]

exp, einsum = torch.exp, torch.einsum
trace = torch.trace


def sum(array, axis=None, keepdims=False):
    """The sum over all or some axes."""
    return array.sum() if axis is None else array.sum(axis, keepdim=keepdims)


def mean(array, axis):
    """The mean over an axis."""
    return array.mean(axis)


def logsumexp(array):
    """Over the last axis."""
    return torch.logsumexp(array, -1)


def log_softmax(array):
    """Over the last axis."""
    return torch.log_softmax(array, -1)


def ones(shape, like):
    """Ones of the dtype and device of another."""
    return torch.ones(shape, dtype=like.dtype, device=like.device)


def unit_vectors(start, stop, size, like):
    """Rows start to stop of the identity."""
    at = torch.arange(size, device=like.device)
    return (at[start:stop, None] == at).to(like.dtype)


def conv(x, kernel):
    """Cross-correlation of images (B, c, h, w), of the same size."""
    return torch.nn.functional.conv2d(x, kernel, padding=kernel.shape[-1] // 2)


def conv_transposed(g, kernel):
    """Its transpose."""
    return torch.nn.functional.conv_transpose2d(g, kernel, padding=kernel.shape[-1] // 2)


def _softplus(z):
    # Linear only where the exponential is beyond the dtype's last digit.
    return torch.nn.functional.softplus(z, threshold=50.0)


def _softplus_derivatives(z):
    s, t = sigmoids(z)
    return s, lambda: s * t


def _silu_derivatives(z):
    s, t = sigmoids(z)
    return s * (1 + z * t), lambda: s * t * (2 + z * (t - s))


activate = {"softplus": _softplus, "silu": torch.nn.functional.silu}
derivatives = {"softplus": _softplus_derivatives, "silu": _silu_derivatives}
