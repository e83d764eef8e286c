"""The regularised incomplete beta function, its density and its derivatives in a and b, in jax.

For a, b > 0 and 0 <= x <= 1, with y = 1 - x and s = a + b,

    I_x(a, b) = P(x) h(x; a, b) / a,   P(x) = x^a y^b / B(a, b),
    h = 1 / (1 + d_1 / (1 + d_2 / (1 + ...))),
    d_{2m}   =  m (b - m) x / ((a + 2m - 1) (a + 2m)),
    d_{2m+1} = -(a + m) (s + m) x / ((a + 2m) (a + 2m + 1)).

The fraction converges fast for x <= (a + 1) / (s + 2); beyond, I_x(a, b) = 1 - I_y(b, a). It is
evaluated on dual numbers in a and b. XLA runs every element as long as the slowest, so the number
of terms is bounded by the parameters alone and the terms are summed up from the innermost one,
which rounds least; a forward recurrence (Lentz) would have to carry and test twice the state.

P must not lose digits to large exponents, so it is taken relative to its maximum, at x0 = a / s and
y0 = b / s:

    log P = a log(x / x0) + b log(y / y0) + c,
    c = (log a + log b - log s - log 2 pi) / 2 - D(a) - D(b) + D(s),

D being the remainder of Stirling's series. The two logarithms are log1p(u) and log1p(v) with
a u + b v = 0, so rounding x0 costs only to second order. With K(a) = log a - psi(a + 1),

    d log(P / a) / da = log(x / x0) + K(a) - K(s) - 1 / s,
    d log(P / a) / db = log(y / y0) + K(b) + 1 / b - K(s) - 1 / s.

From logits, x = sigmoid(z), the logarithms come from z itself: u = sigmoid(-z) expm1(z - z0) and
v = sigmoid(z) expm1(z0 - z) with z0 = log(a / b), so nothing saturates.

Source: NIST DLMF 8.17.22.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from implementations.jax_xla.first_order_only import first_order_only

STIRLING = (1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188, -691 / 360360, 1 / 156)
DIGAMMA = (1 / 12, -1 / 120, 1 / 252, -1 / 240, 1 / 132, -691 / 32760, 1 / 12)
PAIRS = {4: 20, 8: 50}
LARGEST = 1e8


class Beta(NamedTuple):
    """Beta(a, b) at every element of x: all fields have x's shape and dtype.

    cdf is I_x(a, b), sf is 1 - cdf without cancellation, pdf the density in x, or in z where
    x = sigmoid(z); da and db are the derivatives of cdf in a and b.
    """

    cdf: jax.Array
    sf: jax.Array
    pdf: jax.Array
    da: jax.Array
    db: jax.Array


class Logs(NamedTuple):
    """x, y = 1 - x, and log(x / x0), log(y / y0) relative to x0 = a / (a + b), y0 = b / (a + b)."""

    x: jax.Array
    y: jax.Array
    log_x: jax.Array
    log_y: jax.Array


def per_row(parameter, x):
    """A parameter that is scalar or (R,) as something that broadcasts against x (R, N)."""
    parameter = jnp.asarray(parameter, x.dtype)
    return parameter[:, None] if parameter.ndim == 1 else parameter


def horner(coefficients, t):
    """coefficients[0] + coefficients[1] t + ..."""
    total = jnp.zeros_like(t)
    for coefficient in reversed(coefficients):
        total = total * t + coefficient
    return total


def shifted(a):
    """a, a + 1, ..., a + 9 along a new last axis, for recurrences."""
    return a[..., None] + jnp.arange(10, dtype=a.dtype)


def stirling_remainder(a):
    """D(a) = log Gamma(a) - (a - 1/2) log a + a - log(2 pi) / 2, by its recurrence up to a + 10."""
    steps = shifted(a)
    far = a + 10
    series = horner(STIRLING, 1 / (far * far)) / far
    return jnp.sum((steps + 0.5) * jnp.log1p(1 / steps) - 1, axis=-1) + series


def log_minus_digamma(a):
    """K(a) = log a - psi(a + 1), by psi's recurrence up to a + 10."""
    far = a + 10
    square = 1 / (far * far)
    series = 0.5 / far + square * horner(DIGAMMA, square)
    return jnp.sum(1 / shifted(a)[..., 1:], axis=-1) - jnp.log1p(10 / a) + series


def log_peak(a, b):
    """c = log P(x0): the logarithm of x^a y^b / B(a, b) at its maximum."""
    a, b = jnp.broadcast_arrays(a, b)
    every = jnp.stack([a, b, a + b])
    parts = 0.5 * jnp.log(every) - stirling_remainder(every)
    return parts[0] + parts[1] - parts[2] - 0.9189385332046727


def log_slopes(a, b):
    """K(a) - K(s) - 1 / s and K(b) - K(s) - 1 / s, with s = a + b."""
    a, b = jnp.broadcast_arrays(a, b)
    every = log_minus_digamma(jnp.stack([a, b, a + b]))
    of_sum = every[2] + 1 / (a + b)
    return every[0] - of_sum, every[1] - of_sum


def logs_from_x(x, a, b):
    """Logs of x in [0, 1]; NaN outside."""
    x = jnp.where((x >= 0) & (x <= 1), x, jnp.nan)
    y, x0, y0 = 1 - x, a / (a + b), b / (a + b)
    shift = jnp.where(x0 <= 0.5, x - x0, y0 - y)
    u, v = shift / x0, -shift / y0
    log_x = jnp.where(jnp.abs(u) < 0.5, jnp.log1p(u), jnp.log(x / x0))
    log_y = jnp.where(jnp.abs(v) < 0.5, jnp.log1p(v), jnp.log(y / y0))
    return Logs(x, y, log_x, log_y)


def logs_from_logits(z, a, b):
    """Logs of x = sigmoid(z)."""
    z0 = jnp.log(a / b)
    x, y, step = jax.nn.sigmoid(z), jax.nn.sigmoid(-z), z - z0
    u, v = y * jnp.expm1(jnp.minimum(step, 1)), x * jnp.expm1(jnp.minimum(-step, 1))
    far_x = jax.nn.log_sigmoid(z) - jax.nn.log_sigmoid(z0)
    far_y = jax.nn.log_sigmoid(-z) - jax.nn.log_sigmoid(-z0)
    near = jnp.abs(step) < 1
    log_x = jnp.where(near & (jnp.abs(u) < 0.5), jnp.log1p(jnp.maximum(u, -0.5)), far_x)
    log_y = jnp.where(near & (jnp.abs(v) < 0.5), jnp.log1p(jnp.maximum(v, -0.5)), far_y)
    return Logs(x, y, log_x, log_y)


def continued_fraction(x, a, b):
    """h(x; a, b) and the derivatives of log h in a and b, for x <= (a + 1) / (a + b + 2).

    Evaluated at a + 1, from the innermost term outwards; h(a) = 1 + s x h(a + 1) / (a + 1) then
    adds positive terms only. Parameters up to 50 need PAIRS pairs of terms, larger ones more, as
    their square root.
    """
    x, a, b = jnp.broadcast_arrays(x, a + 1, b)
    s = a + b

    def wrap(d, d_a, d_b, inner):
        t, t_a, t_b = inner
        ratio = d / t
        return 1 + ratio, (d_a - ratio * t_a) / t, (d_b - ratio * t_b) / t

    def pair(k, inner):
        at = a + 2 * k
        even_b = k * x / ((at - 1) * at)
        even = (b - k) * even_b
        inner = wrap(even, -even * (1 / (at - 1) + 1 / at), even_b, inner)
        k, at = k - 1, at - 2
        odd_b = -(a + k) * x / (at * (at + 1))
        slope = k * (s + k) / ((a + k) * at) + (1 - b + k) / (at + 1)
        return wrap(odd_b * (s + k), odd_b * slope, odd_b, inner)

    pairs = PAIRS[x.dtype.itemsize]
    largest = jnp.max(jnp.nan_to_num(s, nan=0, posinf=0))
    more = jnp.ceil(2 * jnp.sqrt(jnp.minimum(largest, LARGEST))).astype(jnp.int32)
    more = jnp.where(largest > 100, more, 0)

    def beyond(step, inner):
        return pair((pairs + more - step).astype(x.dtype), inner)

    def within(step, inner):
        return pair((pairs - step).astype(x.dtype), inner)

    inner = jnp.ones_like(x), jnp.zeros_like(x), jnp.zeros_like(x)
    inner = lax.fori_loop(0, more, beyond, inner)
    t, t_a, t_b = lax.fori_loop(0, pairs, within, inner)
    rest = (s - 1) * x / (a * t)
    share = rest / (1 + rest)
    log_a = (1 - b) / ((s - 1) * a) - t_a / t
    return 1 + rest, share * log_a, share * (1 / (s - 1) - t_b / t)


def beyond_swap(x, a, b):
    """Where the fraction is taken of (1 - x, b, a)."""
    return x > (a + 1) / (a + b + 2)


def valid(parameter):
    """The parameter, NaN unless positive and below LARGEST."""
    return jnp.where((parameter > 0) & (parameter < LARGEST), parameter, jnp.nan)


def assemble(logs, a, b, fraction, *, in_logits):
    """Beta(a, b) from Logs and h, with the derivatives of log h in the first and second parameter.

    fraction: of (x, a, b), or of (1 - x, b, a) where `beyond_swap`.
    """
    x, _, log_x, log_y = logs
    upper = beyond_swap(x, a, b)
    near, far = jnp.where(upper, b, a), jnp.where(upper, a, b)
    h, h_near, h_far = fraction
    peak = jnp.exp(weighted(log_x, a) + weighted(log_y, b) + log_peak(a, b))
    value = peak * h / near
    k_a, k_b = log_slopes(a, b)
    k_near, k_far = jnp.where(upper, k_b, k_a), jnp.where(upper, k_a, k_b) + 1 / far
    d_near = value * (_finite(jnp.where(upper, log_y, log_x), value) + k_near + h_near)
    d_far = value * (_finite(jnp.where(upper, log_x, log_y), value) + k_far + h_far)
    return Beta(
        cdf=jnp.where(upper, 1 - value, value),
        sf=jnp.where(upper, value, 1 - value),
        pdf=peak if in_logits else density_from_logs(logs, a, b),
        da=jnp.where(upper, -d_far, d_near),
        db=jnp.where(upper, -d_near, d_far),
    )


def beta_from_logs(logs, a, b, *, in_logits):
    """Beta(a, b) from Logs, by the fraction at every element; a, b broadcast against x."""
    a, b = valid(a), valid(b)
    upper = beyond_swap(logs.x, a, b)
    near, far = jnp.where(upper, b, a), jnp.where(upper, a, b)
    fraction = continued_fraction(jnp.where(upper, logs.y, logs.x), near, far)
    return assemble(logs, a, b, fraction, in_logits=in_logits)


def density_from_logs(logs, a, b):
    """The density of Beta(a, b) in x: infinite at an end whose parameter is below one."""
    c = log_peak(a, b) - jnp.log(a / (a + b)) - jnp.log(b / (a + b))
    return jnp.exp(weighted(logs.log_x, a - 1) + weighted(logs.log_y, b - 1) + c)


def weighted(log, weight):
    """Weight * log with 0 * -inf = 0."""
    return jnp.where(weight == 0, 0, weight * log)


def _finite(log, value):
    """The logarithm, replaced by 0 where the value that multiplies it is 0."""
    return jnp.where(value == 0, 0, log)


@jax.jit
def beta(x, a, b):
    """Beta(a, b) at x: CDF, survival function, density and parameter derivatives.

    x (R, N) or any shape, in [0, 1]; 0 < a, b < 1e8, scalar, or (R,) for a two-dimensional x. All
    float32 or all float64 (with jax_enable_x64). Values outside these ranges give NaN.
    """
    a, b = per_row(a, x), per_row(b, x)
    return beta_from_logs(logs_from_x(x, a, b), a, b, in_logits=False)


@jax.jit
def beta_from_logits(z, a, b):
    """Beta(a, b) at x = sigmoid(z), accurate where sigmoid(z) rounds to 0 or 1.

    Arguments as for `beta`, z any real number; the field pdf is the density of z.
    """
    a, b = per_row(a, z), per_row(b, z)
    return beta_from_logs(logs_from_logits(z, a, b), a, b, in_logits=True)


@jax.custom_jvp
def incomplete_beta(x, a, b):
    """I_x(a, b), differentiable in x, a and b; arguments as for `beta`.

    A second derivative raises NotImplementedError.
    """
    return beta(x, a, b).cdf


@incomplete_beta.defjvp
def _incomplete_beta_jvp(primals, tangents):
    x, a, b = primals
    parts = first_order_only("incomplete_beta", beta(x, a, b))
    d_x, d_a, d_b = (per_row(tangent, x) for tangent in tangents)
    return parts.cdf, parts.pdf * d_x + parts.da * d_a + parts.db * d_b
