"""Elementary functions in float64, whatever the samples are: what triton.language lacks."""

import triton
import triton.language as tl

LARGEST = tl.constexpr(1.7976931348623157e308)
SMALLEST = tl.constexpr(2.3e-305)
"""Below it a density has lost digits to underflow."""


@triton.jit
def sigmoid(z):
    e = tl.exp(-tl.abs(z))
    return tl.where(z < 0, e, 1.0) / (1.0 + e)


@triton.jit
def logit(x):
    """log x - log(1 - x), to a few roundings of its largest term."""
    return tl.log(x) - tl.log(1.0 - x)


@triton.jit
def log1p(x):
    """log(1 + x) of finite x > -1, accurate relative to itself (Higham 2002, section 1.14.1)."""
    u = 1.0 + x
    return tl.where(u == 1.0, x, tl.log(u) * x / tl.where(u == 1.0, 1.0, u - 1.0))


@triton.jit
def expm1(x):
    """exp(x) - 1 of x <= 0, accurate relative to itself (the same)."""
    u = tl.exp(x)
    lost = (u == 1.0) | (u == 0.0)
    ratio = (u - 1.0) * x / tl.where(lost, 1.0, tl.log(u))
    return tl.where(u == 1.0, x, tl.where(u == 0.0, -1.0, ratio))


@triton.jit
def product(factor, other):
    """factor * other, 0 where the factor is although the other is infinite."""
    return tl.where(factor == 0.0, factor, factor * other)
