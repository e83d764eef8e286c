"""Beta(a, b) at the samples of rows, by one Chebyshev series per row, in jax.

The continued fraction h of `incomplete_beta` is a smooth function of w = log((1 - x) / (1 - x0)),
while in x its interval may end close to the singularity at x = 1. On the part of a row's interval
where I_x(a, b) is not negligible, TERMS Chebyshev terms in w give h and the derivatives of log h to
the rounding error, for a and b from 0.05 to 1e4. So the fraction runs at TERMS nodes per row and
side, and every sample costs a polynomial, without a loop whose length depends on the data. Powers
of t serve as well as Chebyshev's polynomials, as the terms fall faster than 2.4^-k, and cost half.

The two sides of x = (a + 1) / (a + b + 2) have a series each, the upper that of (1 - x, b, a).
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from implementations.jax_xla.incomplete_beta import (
    assemble,
    beyond_swap,
    continued_fraction,
    valid,
)

TERMS = {4: 13, 8: 28}
NEGLIGIBLE = {4: 20.0, 8: 38.0}
"""-log of the value of I_x(a, b) below which the series may end, by the dtype's bytes."""


class Series(NamedTuple):
    """Polynomials in t = (w - middle) / half on [-1, 1], for both sides of every row.

    coefficients (3, 2, R or 1, TERMS) of the powers of t in h and in the derivatives of log h in
    its first and second parameter; middle and half (2, R or 1, 1). The first side is the lower one.
    """

    coefficients: jax.Array
    middle: jax.Array
    half: jax.Array


def transforms(terms):
    """Chebyshev nodes, the matrix from values there to Chebyshev coefficients, and to monomials."""
    angles = np.pi * (np.arange(terms) + 0.5) / terms
    to_chebyshev = 2 / terms * np.cos(np.arange(terms)[:, None] * angles)
    to_chebyshev[0] /= 2
    to_powers = np.zeros((terms, terms))
    for k in range(terms):
        powers = np.polynomial.chebyshev.cheb2poly(np.eye(terms)[k, : k + 1])
        to_powers[: k + 1, k] = powers
    return np.cos(angles), to_chebyshev, to_powers


def far_end(a, b):
    """w at which log P has fallen by NEGLIGIBLE below its peak towards x = 0.

    In d = logit(x) - logit(x0) the fall is the convex s log1p(x0 expm1(d)) - a d, so Newton's
    method from beyond its asymptote approaches from the safe side.
    """
    s = a + b
    x0, fall = a / s, NEGLIGIBLE[a.dtype.itemsize]

    def newton(_, d):
        grown = x0 * jnp.expm1(d)
        slope = s * x0 * jnp.exp(d) / (1 + grown) - a
        return d - (s * jnp.log1p(grown) - a * d - fall) / slope

    d = lax.fori_loop(0, 6, newton, -(fall - s * jnp.log(b / s)) / a)
    return -jnp.log1p(x0 * jnp.expm1(d))


def series(a, b):
    """Series of h(x; a, b) for x <= (a + 1) / (a + b + 2); a and b of one shape (..., 1)."""
    nodes, *matrices = transforms(TERMS[a.dtype.itemsize])
    s = a + b
    start = jnp.log1p((a - b) / (b * (s + 2)))
    half = jnp.maximum((far_end(a, b) - start) / 2, jnp.finfo(a.dtype).eps)
    w = start + half * (1 + nodes.astype(a.dtype))
    x = jnp.maximum(a / s - b / s * jnp.expm1(w), 0)
    values = jnp.stack(continued_fraction(x, a, b))
    # One matrix after the other: their product would lose the digits that it seems to save.
    for matrix in matrices:
        values = jnp.sum(values[..., None, :] * matrix.astype(a.dtype), axis=-1)
    return Series(values, start + half, half)


def evaluate(fits, w, upper):
    """The three polynomials at w (R, N) by Horner's rule, of the second side where `upper`."""
    middle, half = (jnp.where(upper, part[1], part[0]) for part in fits[1:])
    t = jnp.clip((w - middle) / half, -1, 1)
    sums = []
    for lower_side, upper_side in fits.coefficients:
        total = jnp.zeros_like(t)
        for k in reversed(range(lower_side.shape[-1])):
            one = slice(k, k + 1)
            total = total * t + jnp.where(upper, upper_side[:, one], lower_side[:, one])
        sums.append(total)
    return tuple(sums)


def beta_of_rows(logs, a, b, *, in_logits):
    """Beta(a, b) from Logs of x (R, N); a, b shape () or (R, 1)."""
    a, b = (valid(jnp.reshape(p, (-1, 1))) for p in jnp.broadcast_arrays(a, b))
    upper = beyond_swap(logs.x, a, b)
    fits = series(jnp.stack([a, b]), jnp.stack([b, a]))
    fraction = evaluate(fits, jnp.where(upper, logs.log_x, logs.log_y), upper)
    return assemble(logs, a, b, fraction, in_logits=in_logits)
