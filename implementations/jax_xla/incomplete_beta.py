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


def coefficient(m, x, a, b):
    """d_m and its derivatives in a and b, along a new first axis; m >= 1 a float scalar."""
    k = jnp.floor(m / 2)
    at, s = a + 2 * k, a + b
    odd_b = -(a + k) * x / (at * (at + 1))
    odd = odd_b * (s + k)
    odd_a = odd * (k / ((a + k) * at) + (1 - b + k) / ((s + k) * (at + 1)))
    even_b = k * x / ((at - 1) * at)
    even = (b - k) * even_b
    even_a = -even * (1 / (at - 1) + 1 / at)
    is_odd = m > 2 * k
    pairs = ((odd, even), (odd_a, even_a), (odd_b, even_b))
    return jnp.stack([jnp.where(is_odd, *pair) for pair in pairs])


def continued_fraction(x, a, b):
    """h(x; a, b) and the derivatives of log h in a and b, for x <= (a + 1) / (a + b + 2).

    The convergents A_m / B_m obey X_m = X_{m-1} + d_m X_{m-2}; both are rescaled so that B_m = 1.
    """
    x, a, b = jnp.broadcast_arrays(x, a, b)
    eps = jnp.finfo(x.dtype).eps

    def step(m, before, last):
        d = coefficient(m, x, a, b)[:, None]
        new = last + d[:1] * before
        new = jnp.concatenate([new[:1], new[1:] + d[1:] * before[:1]])
        return last / new[0, 1], new / new[0, 1]

    def ratio(last):
        """h and the derivatives of log h, of a convergent with B = 1."""
        h = last[0, 0]
        return jnp.stack([h, last[1, 0] / h - last[1, 1], last[2, 0] / h - last[2, 1]])

    def body(carry):
        m, active, before, last, kept = carry
        before, last = step(m + 1, *step(m, before, last))
        new = ratio(last)
        moved = jnp.sum(jnp.abs(new - kept), axis=0) > 4 * eps * (1 + jnp.sum(jnp.abs(new), axis=0))
        return m + 2, moved & active, before, last, jnp.where(active, new, kept)

    zero, one = jnp.zeros_like(x), jnp.ones_like(x)
    before = jnp.stack([jnp.stack([zero, one]), *[jnp.stack([zero, zero])] * 2])
    last = jnp.stack([jnp.stack([one, one]), *[jnp.stack([zero, zero])] * 2])
    start = (jnp.ones((), x.dtype), x == x, before, last, jnp.stack([one, zero, zero]))
    _, active, _, _, result = lax.while_loop(
        lambda carry: jnp.any(carry[1]) & (carry[0] < MAX_STEPS), body, start
    )
    return jnp.where(active, jnp.nan, result[0]), result[1], result[2]


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
