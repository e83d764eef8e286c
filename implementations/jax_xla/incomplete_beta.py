"""The regularised incomplete beta function, its density and its derivatives in a and b, in jax.

For a, b > 0 and 0 <= x <= 1, with y = 1 - x and s = a + b,

    I_x(a, b) = P(x) h(x; a, b) / a,   P(x) = x^a y^b / B(a, b),
    h = 1 / (1 + d_1 / (1 + d_2 / (1 + ...))),
    d_{2m}   =  m (b - m) x / ((a + 2m - 1) (a + 2m)),
    d_{2m+1} = -(a + m) (s + m) x / ((a + 2m) (a + 2m + 1)).

The fraction converges fast for x <= (a + 1) / (s + 2); beyond, I_x(a, b) = 1 - I_y(b, a). It is
evaluated by the modified Lentz recurrence on dual numbers in a and b, until the value and both
derivatives of every element have settled.

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

Sources: NIST DLMF 8.17.22; Thompson and Barnett 1986, J. Comput. Phys. 64, 490-509 (Lentz).
"""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from implementations.jax_xla.first_order_only import first_order_only

STIRLING = (1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188, -691 / 360360, 1 / 156)
DIGAMMA = (1 / 12, -1 / 120, 1 / 252, -1 / 240, 1 / 132, -691 / 32760, 1 / 12)
MAX_STEPS = 20_000


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


def stirling_remainder(a):
    """D(a) = log Gamma(a) - (a - 1/2) log a + a - log(2 pi) / 2, by its recurrence up to a + 10."""
    total = jnp.zeros_like(a)
    for k in range(10):
        total = total + ((a + (k + 0.5)) * jnp.log1p(1 / (a + k)) - 1)
    far = a + 10
    return total + horner(STIRLING, 1 / (far * far)) / far


def log_minus_digamma(a):
    """K(a) = log a - psi(a + 1), by psi's recurrence up to a + 10."""
    total = jnp.zeros_like(a)
    for k in range(1, 10):
        total = total + 1 / (a + k)
    far = a + 10
    square = 1 / (far * far)
    return total - jnp.log1p(10 / a) + 0.5 / far + square * horner(DIGAMMA, square)


def log_peak(a, b):
    """c = log P(x0): the logarithm of x^a y^b / B(a, b) at its maximum."""
    scale = jnp.log(a) + jnp.log(b) - jnp.log(a + b) - 1.8378770664093453
    return 0.5 * scale - stirling_remainder(a) - stirling_remainder(b) + stirling_remainder(a + b)


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
    """h(x; a, b) and the derivatives of log h in a and b, for x <= (a + 1) / (a + b + 2)."""
    tiny, eps = jnp.finfo(x.dtype).tiny, jnp.finfo(x.dtype).eps
    nonzero = partial(_away_from_zero, floor=tiny / eps)

    def lentz(state, d, d_a, d_b):
        (c, c_a, c_b), (q, q_a, q_b), (h, h_a, h_b) = state
        ratio = d / c
        new_c = nonzero(1 + ratio)
        new_c_a, new_c_b = (d_a - ratio * c_a) / c, (d_b - ratio * c_b) / c
        new_q = 1 / nonzero(1 + d * q)
        new_q_a = -(d_a * q + d * q_a) * new_q * new_q
        new_q_b = -(d_b * q + d * q_b) * new_q * new_q
        factor = new_c * new_q
        step_a = new_c_a / new_c + new_q_a / new_q
        step_b = new_c_b / new_c + new_q_b / new_q
        moved = jnp.abs(factor - 1) + jnp.abs(step_a) + jnp.abs(step_b)
        values = ((new_c, new_c_a, new_c_b), (new_q, new_q_a, new_q_b))
        return (*values, (h * factor, h_a + step_a, h_b + step_b)), moved

    def body(carry):
        m, active, state = carry
        old = state[2]
        at = a + 2 * m
        d = -(a + m) / at * ((a + b + m) / (at + 1)) * x
        d_b = d / (a + b + m)
        d_a = d * (m / ((a + m) * at)) + d * ((1 - b + m) / ((a + b + m) * (at + 1)))
        state, moved = lentz(state, d, d_a, d_b)
        m = m + 1
        at = a + 2 * m
        d_b = m * x / ((at - 1) * at)
        d = (b - m) * d_b
        state, moved_even = lentz(state, d, -d * (1 / (at - 1) + 1 / at), d_b)
        kept = tuple(jnp.where(active, new, was) for new, was in zip(state[2], old, strict=True))
        return m, active & (moved + moved_even > 2 * eps), (*state[:2], kept)

    one, zero = jnp.ones_like(x + a + b), jnp.zeros_like(x + a + b)
    start = ((one * jnp.inf, zero, zero), (one, zero, zero), (one, zero, zero))
    carry = jnp.zeros((), x.dtype), one > 0, start
    _, active, state = lax.while_loop(
        lambda carry: jnp.any(carry[1]) & (carry[0] < MAX_STEPS), body, carry
    )
    h, h_a, h_b = state[2]
    return jnp.where(active, jnp.nan, h), h_a, h_b


def _away_from_zero(value, floor):
    return jnp.where(jnp.abs(value) < floor, floor, value)


def beta_from_logs(logs, a, b, *, in_logits):
    """Beta(a, b) from Logs, by the continued fraction; a, b already broadcast against x."""
    x, y, log_x, log_y = logs
    a = jnp.where(a > 0, a, jnp.nan)
    b = jnp.where(b > 0, b, jnp.nan)
    s = a + b
    upper = x > (a + 1) / (s + 2)
    near, far = jnp.where(upper, b, a), jnp.where(upper, a, b)
    h, h_near, h_far = continued_fraction(jnp.where(upper, y, x), near, far)
    peak = jnp.exp(_weighted(log_x, a) + _weighted(log_y, b) + log_peak(a, b))
    value = peak * h / near
    k_s = log_minus_digamma(s) + 1 / s
    k_near, k_far = log_minus_digamma(near) - k_s, log_minus_digamma(far) + 1 / far - k_s
    d_near = value * (_finite(jnp.where(upper, log_y, log_x), value) + k_near + h_near)
    d_far = value * (_finite(jnp.where(upper, log_x, log_y), value) + k_far + h_far)
    return Beta(
        cdf=jnp.where(upper, 1 - value, value),
        sf=jnp.where(upper, value, 1 - value),
        pdf=peak if in_logits else density_from_logs(logs, a, b),
        da=jnp.where(upper, -d_far, d_near),
        db=jnp.where(upper, -d_near, d_far),
    )


def density_from_logs(logs, a, b):
    """The density of Beta(a, b) in x: infinite at an end whose parameter is below one."""
    c = log_peak(a, b) - jnp.log(a / (a + b)) - jnp.log(b / (a + b))
    return jnp.exp(_weighted(logs.log_x, a - 1) + _weighted(logs.log_y, b - 1) + c)


def _weighted(log, weight):
    """Weight * log with 0 * -inf = 0."""
    return jnp.where(weight == 0, 0, weight * log)


def _finite(log, value):
    """The logarithm, replaced by 0 where the value that multiplies it is 0."""
    return jnp.where(value == 0, 0, log)


@jax.jit
def beta(x, a, b):
    """Beta(a, b) at x: CDF, survival function, density and parameter derivatives.

    x (R, N) or any shape, in [0, 1]; a, b > 0, scalar, or (R,) for a two-dimensional x. All float32
    or all float64 (with jax_enable_x64). Values outside these ranges give NaN.
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
