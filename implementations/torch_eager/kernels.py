"""Smoothing kernels of unit width: upper tails and densities, overwriting what they are given."""

import torch

_LOG2_E = 1.4426950408889634


def upper_tail(u, kernel):
    """Mass above u, in place where it can be; of a compact kernel for u >= 0 only."""
    if kernel == "gaussian":
        return u.mul_(0.5**0.5).erfc_().mul_(0.5)
    if kernel == "logistic":
        return u.mul_(_LOG2_E).exp2_().add_(1).reciprocal_()
    left = (1 - u).clamp_(min=0)
    return left * left * (0.5 if kernel == "triangular" else 0.25 * (2 + u))


def signed_tail(z, kernel):
    """Mass above z for z >= 0, minus the mass below z for z < 0."""
    return torch.copysign(upper_tail(z.abs(), kernel), z)


def density(z, kernel):
    """The kernel's density; powers of two, since Inductor would store an exp that is used twice."""
    if kernel == "gaussian":
        return (z * z).mul_(-0.5 * _LOG2_E).exp2_().mul_((2 * torch.pi) ** -0.5)
    if kernel == "logistic":
        tail = upper_tail(z.abs(), kernel)
        return tail * (1 - tail)
    height = (1 - z.abs()).clamp_(min=0)
    return height if kernel == "triangular" else 0.75 * height * (2 - height)
