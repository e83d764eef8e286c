"""Batch shaping in Triton: one launch sorts a row and computes its loss and gradients.

Rows of more than ``ranks.LONGEST`` samples, and float64, are sorted by XLA first.
"""

from functools import partial

import jax
import jax.numpy as jnp

from implementations.jax_xla.ranks import argsort_rows
from implementations.triton.batch_shaping_options import Options, bounds
from implementations.triton.batch_shaping_rows import inside_launch, sorted_launch
from implementations.triton.beta_table import tables
from implementations.triton.jax.launch import launch, numbers, over_rows, per_row
from implementations.triton.ranks import sorts_inside
from suite.registry import implements


def route(
    x, a, b=None, *, prior, plotting_position="weibull", ties="mid", from_logits=False, clip=None,
    reduction="mean",
):  # fmt: skip
    """Who sorts."""
    return "sorted in the kernel" if sorts_inside(str(x.dtype), x.shape[1]) else "sorted by XLA"


@implements(
    "batch_shaping",
    framework="jax",
    devices=("cuda",),
    dtypes=("float32", "float64", "float16", "bfloat16"),
    requires=("triton", "jax_triton"),
    route=route,
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
    options = Options(prior, plotting_position, ties, from_logits, clip is not None)
    return _reduced(x, a, b, options, bounds(clip, from_logits), reduction)


@partial(jax.jit, static_argnums=(3, 4, 5))
def _reduced(x, a, b, options, limits, reduction):
    a, b = per_row(a, x), per_row(0.5 if b is None else b, x)
    losses = _losses(options, limits, x, a, b)
    return {"none": lambda r: r, "mean": jnp.mean, "sum": jnp.sum}[reduction](losses)


def _rows(options, limits, wanted):
    """Losses (R,) and the gradients of each to the wanted ones of its row of x, a and b."""

    def function(x, a, b):
        sums, to_x = _launched(options, limits, wanted, x, a, b)
        sums = (sums.sum(axis=1) / x.shape[1]).astype(x.dtype)
        gradients = to_x, sums[:, 1], sums[:, 2]
        return sums[:, 0], *(g for g, needed in zip(gradients, wanted, strict=True) if needed)

    return over_rows("batch_shaping", function)


def _launched(options, limits, wanted, x, a, b):
    dtype, shape, (lo, hi) = str(x.dtype), x.shape, limits
    limits = numbers(lo, hi)
    pieces, fields = limits, limits
    if options.prior in ("beta", "symbeta"):
        step = tables(dtype, options.prior == "symbeta", shape[0], shape[0])
        pieces, fields = launch(step, a, b)
    if sorts_inside(dtype, shape[1]):
        step = inside_launch(options, dtype, shape, shape[0], shape[0], wanted)
        return launch(step, x, a, b, pieces, fields, limits)[:2]
    samples = jnp.clip(x, lo, hi) if options.clip else x
    place = argsort_rows(samples)
    ascending = jnp.take_along_axis(samples, place, axis=1)
    step = sorted_launch(options, dtype, shape, shape[0], shape[0], wanted)
    return launch(step, ascending, place, x, a, b, pieces, fields, limits)


@partial(jax.custom_vjp, nondiff_argnums=(0, 1))
def _losses(options, limits, x, a, b):
    return _rows(options, limits, (False, False, False))(x, a, b)[0]


def _forward(options, limits, x, a, b):
    given = x, a, b
    wanted = tuple(argument.perturbed for argument in given)
    losses, *found = _rows(options, limits, wanted)(*(argument.value for argument in given))
    return losses, tuple(found.pop(0) if needed else None for needed in wanted)


def _backward(options, limits, gradients, cotangent):
    return tuple(None if g is None else _times(cotangent, g) for g in gradients)


def _times(cotangent, gradient):
    """Zero where the cotangent is, although the gradient is infinite."""
    each = cotangent[:, None] if gradient.ndim == 2 else cotangent
    return jnp.where((each == 0) & ~jnp.isnan(gradient), 0, each * gradient)


_losses.defvjp(_forward, _backward, symbolic_zeros=True)
