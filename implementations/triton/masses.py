"""Masses of smoothing kernels in bins, to a few roundings of themselves, in float64.

As in ``jax_xla/kernel_masses.py``, which derives it: everything is asked of the bin as its sample
sees it, reflected so that its centre is not below the sample, and no term is a difference of nearly
equal numbers. The normal tail is the density times Mills' ratio, a polynomial in 1 / (z + 5).
"""

import numpy as np
import triton
import triton.language as tl
from numpy.polynomial import chebyshev
from scipy.special import erfcx

from implementations.triton.numerics import expm1

KERNELS = ("gaussian", "logistic", "triangular", "epanechnikov")
GAUSSIAN, LOGISTIC, TRIANGULAR, EPANECHNIKOV = (tl.constexpr(i) for i in range(4))

FAR = tl.constexpr(1e30)
"""Stands for an edge at infinity."""

_TOP = 40.0
"""Bandwidths beyond which a normal density is zero."""

_START = 4 / (5 + _TOP)
_SLOPE = (1 - _START) / 2


def _mills_polynomial(degree=20):
    """Coefficients of M(z) / t, highest first, in s in [-1, 1], t = 4 / (z + 5)."""

    def over_t(s):
        t = _START + _SLOPE * (s + 1)
        z = 4 / t - 5
        return np.sqrt(np.pi / 2) * erfcx(z / np.sqrt(2)) / t

    return tuple(chebyshev.cheb2poly(chebyshev.chebinterpolate(over_t, degree))[::-1].tolist())


MILLS = tl.constexpr(_mills_polynomial())
TERMS = tl.constexpr(21)
TOP, START, SLOPE = tl.constexpr(_TOP), tl.constexpr(_START), tl.constexpr(_SLOPE)


@triton.jit
def density(z, KERNEL: tl.constexpr):
    """k(z)."""
    if KERNEL == GAUSSIAN:
        near = tl.minimum(tl.maximum(z, -100.0), 100.0)
        return tl.exp(-0.5 * near * near) * 0.3989422804014327
    if KERNEL == LOGISTIC:
        e = tl.exp(-tl.abs(z))
        return e / ((1.0 + e) * (1.0 + e))
    height = tl.maximum(1.0 - tl.abs(z), 0.0)
    return height if KERNEL == TRIANGULAR else parabola(height)


@triton.jit
def reach_of(KERNEL: tl.constexpr):
    """Bandwidths beyond which density and tail are zero in float64: of a compact kernel a little
    more than its half support, so that no rounding of an edge's distance matters."""
    if KERNEL == GAUSSIAN:
        return 39.0
    if KERNEL == LOGISTIC:
        return 746.0
    return 1.001


@triton.jit
def parabola(height):
    return 0.75 * height * (2.0 - height)


@triton.jit
def cubic(span, p, q):
    return span * ((p + q) - (p * p + p * q + q * q) / 3.0)


@triton.jit
def bin_terms(lower, upper, width, KERNEL: tl.constexpr):
    """Mass between two edges, and k(lower) - k(upper); width, upper - lower, is given apart.

    All in bandwidths; an open bin has an edge and a width of FAR.
    """
    flip = lower + upper < 0.0
    a, b = tl.where(flip, -upper, lower), tl.where(flip, -lower, upper)
    if KERNEL == GAUSSIAN:
        mass, fall = gaussian(a, b, width)
    elif KERNEL == LOGISTIC:
        mass, fall = logistic(a, b, width)
    else:
        mass, fall = compact(a, b, width, KERNEL)
    return mass, tl.where(flip, -fall, fall)


@triton.jit
def gaussian(a, b, width):
    k = density(a, GAUSSIAN)
    fall = -k * expm1(-width * (0.5 * (a + b)))
    k_b = tl.where(b < TOP, k - fall, 0.0)
    # A bin that reaches far to both sides is one minus two tails.
    wide = a < -1.0
    near, far = tl.minimum(tl.where(wide, -a, a), TOP), tl.minimum(b, TOP)
    apart = tl.where(b < TOP, width, TOP - near)
    t_near, t_far = 4.0 / (near + 5.0), 4.0 / (far + 5.0)
    s_near, s_far = (t_near - START) / SLOPE - 1.0, (t_far - START) / SLOPE - 1.0
    value, divided = tl.zeros_like(a) + MILLS[0], tl.zeros_like(a)
    for c in tl.static_range(1, TERMS):
        divided = divided * s_near + value
        value = value * s_far + MILLS[c]
    divided /= SLOPE
    mills_far = t_far * value
    rise = 0.25 * apart * t_near * t_far * (value + t_near * divided)
    mills_near = t_near * (value + (t_near - t_far) * divided)
    between = k * rise + fall * mills_far
    return tl.where(wide, 1.0 - k * mills_near - k_b * mills_far, between), fall


@triton.jit
def logistic(a, b, width):
    e_a, e_b = tl.exp(-tl.abs(a)), tl.exp(-b)
    above_a, below_b = tl.where(a > 0.0, e_a, 1.0) / (1.0 + e_a), 1.0 / (1.0 + e_b)
    mass = -above_a * below_b * expm1(-width)
    return mass, mass * (below_b - above_a)


@triton.jit
def compact(a, b, width, KERNEL: tl.constexpr):
    p = tl.minimum(tl.maximum(1.0 - a, 0.0), 1.0)
    q = tl.minimum(tl.maximum(1.0 - b, 0.0), 1.0)
    below = tl.minimum(tl.maximum(1.0 + a, 0.0), 1.0)
    inside = (a > -1.0) & (b < 1.0)
    span = tl.where((a > 0.0) & inside, width, p - q)
    k_a = tl.where(a > 0.0, p, below)
    if KERNEL == TRIANGULAR:
        mass = 0.5 * (span * (p + q) + (1.0 - below) * (1.0 + below))
        return mass, tl.where(inside, tl.where(a > 0.0, width, a + b), k_a - q)
    mass = 0.75 * (cubic(span, p, q) + cubic(1.0 - below, 1.0, below))
    return mass, tl.where(inside, 0.75 * width * (a + b), parabola(k_a) - parabola(q))
