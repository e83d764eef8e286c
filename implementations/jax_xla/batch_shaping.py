"""Batch shaping in jax: one jitted function with a gradient of its own.

The loss alone needs the samples in ascending order only, so the forward pass sorts plain keys; with
a gradient the samples keep their places and their ranks are brought to them.
"""

import math
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp

from implementations.jax_xla.first_order_only import first_order_only
from implementations.jax_xla.incomplete_beta import per_row
from implementations.jax_xla.priors import PRIORS, vanishing_product
from implementations.jax_xla.ranks import positions, ranks, sort_rows, sorted_ranks
from suite.registry import implements


class Options(NamedTuple):
    """The operator's keyword arguments but `reduction`; clip holds the bounds of x as given."""

    prior: str
    plotting_position: str
    ties: str
    from_logits: bool
    clip: tuple[float, float] | None


@implements(
    "batch_shaping",
    framework="jax",
    devices=("cpu", "cuda"),
    dtypes=("float32", "float64", "float16", "bfloat16"),
)
def batch_shaping(
    x,
    a,
    b=None,
    *,
    prior,
    plotting_position="weibull",
    ties="mid",
    from_logits=False,
    clip=None,
    reduction="mean",
):
    """Cramer-von Mises loss of rows to a prior; arguments as in ``suite.operators.batch_shaping``.

    Second derivatives raise NotImplementedError.
    """
    options = Options(prior, plotting_position, ties, from_logits, bounds(clip, from_logits))
    return _reduced(x, a, b, options, reduction)


def bounds(clip, from_logits):
    """The smallest and largest x that are not clamped."""
    if clip is None or not from_logits:
        return clip and tuple(map(float, clip))
    return tuple(
        math.log(bound) - math.log1p(-bound)
        if 0 < bound < 1
        else math.copysign(math.inf, bound - 0.5)
        for bound in clip
    )


@partial(jax.jit, static_argnums=(3, 4))
def _reduced(x, a, b, options, reduction):
    a = jnp.asarray(a, x.dtype)
    b = 1 - a if options.prior == "symbeta" else jnp.asarray(b, x.dtype)
    rows = _row_losses(options, x, a, b)
    return {"none": lambda r: r, "mean": jnp.mean, "sum": jnp.sum}[reduction](rows)


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def _row_losses(options, x, a, b):
    """The loss of every row, (R,), from its samples in ascending order."""
    ascending = sort_rows(_clamped(x, options))
    position = positions(sorted_ranks(ascending, options.ties), options.plotting_position)
    slopes = PRIORS[options.prior](ascending, per_row(a, x), per_row(b, x), options.from_logits)
    return jnp.mean(jnp.square(slopes.cdf - position), axis=1)


def _forward(options, x, a, b):
    """The losses, and the gradient of each to the perturbed ones of its row of x, a and b."""
    wanted = tuple(argument.perturbed for argument in (x, a, b))
    x, a, b = x.value, a.value, b.value
    samples = _clamped(x, options)
    position = positions(ranks(samples, options.ties), options.plotting_position)
    slopes = PRIORS[options.prior](samples, per_row(a, x), per_row(b, x), options.from_logits)
    residual = slopes.cdf - position
    losses = jnp.mean(jnp.square(residual), axis=1)
    push = residual * (2 / x.shape[1])
    poison = jnp.where(jnp.isnan(losses), losses, 0)[:, None]
    gradient = vanishing_product(push, slopes.pdf)
    if options.clip is not None:
        gradient = jnp.where(samples == x, gradient, 0)
    to_a, to_b = (jnp.sum(push * slope, axis=1) for slope in (slopes.da, slopes.db))
    gradients = (gradient + poison, to_a, to_b)
    kept = tuple(g if w else None for g, w in zip(gradients, wanted, strict=True))
    return losses, (first_order_only("batch_shaping", kept), a, b)


def backward(options, residuals, cotangent):
    """Of a function of rows whose residuals are its unit gradients, or None, and a and b."""
    (to_x, to_a, to_b), a, b = residuals
    if to_x is not None:
        each = cotangent[:, None]
        to_x = jnp.where((each == 0) & ~jnp.isnan(to_x), 0, each * to_x)
    return to_x, _to_parameter(cotangent, to_a, a), _to_parameter(cotangent, to_b, b)


def _to_parameter(cotangent, of_rows, parameter):
    if of_rows is None:
        return None
    return cotangent * of_rows if parameter.ndim else jnp.sum(cotangent * of_rows)


def _clamped(x, options):
    return x if options.clip is None else jnp.clip(x, *options.clip)


_row_losses.defvjp(_forward, backward, symbolic_zeros=True)
