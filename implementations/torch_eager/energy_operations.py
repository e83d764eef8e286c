"""torch's operations by the names that ``implementations.energies`` uses."""

import torch

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


def softplus(z):
    """log(1 + e^z) and its first two derivatives."""
    s, t = _sigmoids(z)
    return _softplus(z), s, s * t


def silu(z):
    """z s(z) with s the sigmoid, and its first two derivatives."""
    s, t = _sigmoids(z)
    return z * s, s * (1 + z * t), s * t * (2 + z * (t - s))


def _sigmoids(z):
    """s(z) and s(-z): exponentials, as autograd's s (1 - s) of a sigmoid is lost where s is one."""
    logsigmoid = torch.nn.functional.logsigmoid
    return logsigmoid(z).exp(), logsigmoid(-z).exp()


def _softplus(z):
    # Not torch's, which is linear above a threshold, nor logaddexp, which is slow.
    return -torch.nn.functional.logsigmoid(-z)


activations = {"softplus": softplus, "silu": silu}
activate = {"softplus": _softplus, "silu": torch.nn.functional.silu}
