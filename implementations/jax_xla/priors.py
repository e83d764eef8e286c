"""CDF, density and parameter slopes of the priors of batch shaping, in jax.

Every prior is a function of (x, a, b, from_logits) that returns `Slopes`; x (R, N), a and b of
shape () or (R, 1). With `from_logits` x is the logit of the sample and pdf the density of the
logit. Parameters outside their range and x outside the support give NaN. XLA drops the fields that
a caller does not use.
"""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from implementations.jax_xla.beta_rows import beta_of_rows
from implementations.jax_xla.incomplete_beta import logs_from_logits, logs_from_x, weighted


class Slopes(NamedTuple):
    """F(x; a, b) and its derivatives: pdf in x, da in a, db in b."""

    cdf: jax.Array
    pdf: jax.Array
    da: jax.Array
    db: jax.Array


def within(parameter, low, high=math.inf):
    """The parameter, NaN unless strictly between low and high."""
    return jnp.where((parameter > low) & (parameter < high), parameter, jnp.nan)


def vanishing_product(factor, other):
    """factor * other, 0 where the factor is 0 although the other is infinite."""
    return jnp.where(factor == 0, factor, factor * other)


def beta(x, a, b, from_logits):
    """F = I_x(a, b)."""
    logs = (logs_from_logits if from_logits else logs_from_x)(x, a, b)
    parts = beta_of_rows(logs, a, b, in_logits=from_logits)
    return Slopes(parts.cdf, parts.pdf, parts.da, parts.db)


def normal(x, a, b, from_logits):
    """F = Phi((x - a) / b)."""
    a, b = within(a, -math.inf), within(b, 0)
    u = ((jax.nn.sigmoid(x) if from_logits else x) - a) / b
    slope = jnp.exp(-0.5 * u * u) / (b * math.sqrt(2 * math.pi))
    chain = jax.nn.sigmoid(x) * jax.nn.sigmoid(-x) if from_logits else 1
    cdf = 0.5 * lax.erfc(-u * math.sqrt(0.5))
    return Slopes(cdf, slope * chain, -slope, -vanishing_product(slope, u))


def relaxed_bernoulli(x, a, b, from_logits):
    """F = sigmoid(t), t = b logit(x) - logit(a)."""
    a, b = within(a, 0, 1), within(b, 0)
    logit_a = jnp.log(a) - jnp.log1p(-a)
    log_x, log_y = (
        (jax.nn.log_sigmoid(x), jax.nn.log_sigmoid(-x))
        if from_logits
        else (jnp.log(x), jnp.log(1 - x))
    )
    z = x if from_logits else log_x - log_y
    t = b * z - logit_a
    slope = jax.nn.sigmoid(t) * jax.nn.sigmoid(-t)
    if from_logits:
        pdf = b * slope
    else:
        # -|t| - log x - log y in powers of x and y, so that the limits at 0 and 1 come out.
        rising = weighted(log_x, b - 1) - (b + 1) * log_y - logit_a
        falling = weighted(log_y, b - 1) - (b + 1) * log_x + logit_a
        far = jnp.exp(-jnp.abs(t))
        pdf = b * jnp.exp(jnp.where(t < 0, rising, falling)) / ((1 + far) * (1 + far))
    return Slopes(jax.nn.sigmoid(t), pdf, -slope / (a * (1 - a)), vanishing_product(slope, z))


PRIORS = {"beta": beta, "symbeta": beta, "relaxed_bernoulli": relaxed_bernoulli, "normal": normal}
