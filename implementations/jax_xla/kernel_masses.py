"""Masses of smoothing kernels in bins, to a few roundings of themselves, in one precision.

Everything is asked of the bin as its sample sees it, reflected so that its centre is not below the
sample: nearer edge a, farther edge b >= |a|, in bandwidths, width w given apart because b - a has
lost its last digits. No term below is a difference of nearly equal numbers. With the Mills ratio
M = Q / k of the normal density k and its upper tail Q,

    Q(a) - Q(b) = k(a) (M(a) - M(b)) + (k(a) - k(b)) M(b),    k(a) - k(b) = -k(a) expm1(-w (a+b)/2)

where M is t times a polynomial in t = 1 / (1 + (z + 1) / 4), whose divided difference comes with
its value from one Horner scheme. The logistic's mass is s(b) s(-a) (1 - exp(-w)). The compact
kernels are polynomials of the distances p, q >= 0 of a, b from the end of the support.

Eight bandwidths away a rounding of a alone moves k(a) by 1e-5 in float32, hence the distances come
as a number and the rest that it has lost.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from numpy.polynomial import chebyshev
from scipy.special import erfcx

UNIT = 2.0**-24
"""Unit of masses and densities: samples whose masses would vanish one by one still add up."""

FAR = 1e30
"""Stands for an edge at infinity."""

_TOP = 40.0
_DEGREE = {"float32": 11, "float64": 20}


class Distance(NamedTuple):
    """(edge - sample) / bandwidth, and what its rounding has lost."""

    z: jax.Array
    rest: jax.Array


class BinTerms(NamedTuple):
    """Of a bin, in UNIT: mass, k(lower) - k(upper), z k(z) at the upper edge minus the lower."""

    mass: jax.Array
    fall: jax.Array
    stretch: jax.Array


def distance(edge, x, bandwidth):
    """Distance of samples from edges in bandwidths; the three broadcast against each other."""
    difference = edge - x
    z = difference / bandwidth
    if z.dtype == jnp.float64:
        return Distance(z, jnp.zeros_like(z))
    minus_x = difference - edge
    rest = (edge - (difference - minus_x)) - (x + minus_x)
    # Halves of 12 bits, whose products are exact, also where a compiler contracts them.
    z1, h1 = _upper_half(z), _upper_half(bandwidth)
    z2, h2 = z - z1, bandwidth - h1
    rest = ((((difference - z1 * h1) - z1 * h2) - z2 * h1) - z2 * h2) + rest
    return Distance(z, rest / bandwidth)


def density(kernel, at):
    """k at a Distance, in UNIT."""
    z, rest = at
    if kernel == "gaussian":
        return _normal(z, rest)
    if kernel == "logistic":
        e = jnp.exp(-jnp.abs(z))
        return e / UNIT / ((1 + e) * (1 + e))
    height = jnp.clip((1 - jnp.abs(z)) - jnp.sign(z) * rest, 0, 1)
    return (height if kernel == "triangular" else _parabola(height)) / UNIT


def bin_terms(kernel, lower, upper, width):
    """BinTerms between two Distances, width (upper - lower) in bandwidths given apart."""
    flip = lower.z + upper.z < 0
    a, a_rest, b, b_rest = (
        jnp.where(flip, -one, other)
        for one, other in zip((*upper, *lower), (*lower, *upper), strict=True)
    )
    if kernel == "gaussian":
        mass, fall, k_b = _gaussian(a, a_rest, b, width)
    elif kernel == "logistic":
        mass, fall, k_b = _logistic(a, b, width)
    else:
        terms = _compact(kernel, a, a_rest, b, b_rest, width)
        mass, fall, k_b = (term / UNIT for term in terms)
    # b k(b) - a k(a), the same on both sides of the sample.
    return BinTerms(mass, jnp.where(flip, -fall, fall), width * k_b - a * fall)


def _upper_half(value):
    bits = lax.bitcast_convert_type(value, jnp.int32)
    return lax.bitcast_convert_type(bits & jnp.int32(-4096), jnp.float32)


def _normal(z, rest):
    """exp(-(z + rest)^2 / 2) / sqrt(2 pi) in UNIT; the exponent in two parts, the first exact."""
    rest = jnp.where(jnp.abs(z) < 100, rest, 0)
    z = jnp.clip(z, -100, 100)
    top = (2 * np.pi) ** -0.5 / UNIT
    if z.dtype == jnp.float64:
        return jnp.exp(-0.5 * z * z) * top
    first = _upper_half(z)
    root = jnp.exp(-0.25 * first * first)
    second = 0.5 * (z - first) * (z + first) + z * rest
    return root * (root * (top * jnp.exp(-second)))


def _mills_polynomial(dtype):
    """Coefficients, highest first, in s in [-1, 1], and the start and slope of t(s)."""
    start = 4 / (5 + _TOP)
    slope = (1 - start) / 2

    def over_t(s):
        t = start + slope * (s + 1)
        z = 4 / t - 5
        return np.sqrt(np.pi / 2) * erfcx(z / np.sqrt(2)) / t

    coefficients = chebyshev.cheb2poly(chebyshev.chebinterpolate(over_t, _DEGREE[dtype]))
    return coefficients[::-1].tolist(), start, slope


_MILLS = {dtype: _mills_polynomial(dtype) for dtype in _DEGREE}


def _gaussian(a, a_rest, b, width):
    coefficients, start, slope = _MILLS[str(a.dtype)]
    k = _normal(a, a_rest)
    fall = -k * jnp.expm1(-width * (0.5 * (a + b)))
    k_b = jnp.where(b < _TOP, k - fall, 0)
    # A bin that reaches far to both sides is one minus two tails.
    wide = a < -1
    near, far = jnp.minimum(jnp.where(wide, -a, a), _TOP), jnp.minimum(b, _TOP)
    apart = jnp.where(b < _TOP, width, _TOP - near)
    t_near, t_far = 4 / (near + 5), 4 / (far + 5)
    s_near, s_far = (t_near - start) / slope - 1, (t_far - start) / slope - 1
    value, divided = jnp.full_like(a, coefficients[0]), jnp.zeros_like(a)
    for coefficient in coefficients[1:]:
        divided = divided * s_near + value
        value = value * s_far + coefficient
    divided = divided / slope
    mills_far = t_far * value
    rise = (0.25 * apart) * t_near * t_far * (value + t_near * divided)
    mills_near = t_near * (value + (t_near - t_far) * divided)
    mass = jnp.where(wide, 1 / UNIT - k * mills_near - k_b * mills_far, k * rise + fall * mills_far)
    return mass, fall, k_b


def _logistic(a, b, width):
    e_a, e_b = jnp.exp(-jnp.abs(a)), jnp.exp(-b)
    above_a, below_b = jnp.where(a > 0, e_a, 1) / (1 + e_a), 1 / (1 + e_b)
    mass = above_a / UNIT * below_b * -jnp.expm1(-width)
    return mass, mass * (below_b - above_a), e_b / UNIT * below_b * below_b


def _compact(kernel, a, a_rest, b, b_rest, width):
    p = jnp.clip((1 - a) - a_rest, 0, 1)
    q = jnp.clip((1 - b) - b_rest, 0, 1)
    below = jnp.clip((1 + a) + a_rest, 0, 1)
    inside = (a > -1) & (b < 1)
    span = jnp.where((a > 0) & inside, width, p - q)
    k_a, centre = jnp.where(a > 0, p, below), a + b
    if kernel == "triangular":
        mass = 0.5 * (span * (p + q) + (1 - below) * (1 + below))
        return mass, jnp.where(inside, jnp.where(a > 0, width, centre), k_a - q), q
    mass = 0.75 * (_cubic(span, p, q) + _cubic(1 - below, 1.0, below))
    k_b = _parabola(q)
    return mass, jnp.where(inside, 0.75 * width * centre, _parabola(k_a) - k_b), k_b


def _parabola(height):
    return 0.75 * height * (2 - height)


def _cubic(span, p, q):
    return span * ((p + q) - (p * p + p * q + q * q) / 3)
