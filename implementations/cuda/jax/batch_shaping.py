"""Batch shaping by one fused launch in jax; rows too long for a block are sorted by XLA."""

from functools import partial

import jax
import jax.numpy as jnp

from implementations.cuda import batch_shaping as kernels
from implementations.cuda.jax import ffi
from implementations.jax_xla.batch_shaping import backward
from implementations.jax_xla.ranks import argsort_rows
from suite.registry import implements


@implements(
    "batch_shaping",
    framework="jax",
    devices=("cuda",),
    dtypes=("float32", "float64", "float16", "bfloat16"),
    requires=("cuda.core", "cuda.bindings", "jax_tvm_ffi"),
    native_half=True,
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
    ends = kernels.bounds(clip, from_logits)
    options = kernels.Options(prior, plotting_position, ties, bool(from_logits), *ends)
    return _reduced(x, a, 0.5 if b is None else b, options, reduction)


@partial(jax.jit, static_argnums=(3, 4))
def _reduced(x, a, b, options, reduction):
    a, b = (jnp.asarray(p, ffi.computed(x)) for p in (a, b))
    rows = _row_losses(options, x, a, b)
    reduced = {"none": lambda r: r, "mean": jnp.mean, "sum": jnp.sum}[reduction](rows)
    return reduced.astype(x.dtype)


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def _row_losses(options, x, a, b):
    return _losses_and_gradients(options, (False, False, False), x, a, b)[0]


def _losses_and_gradients(options, wanted, x, a, b):
    """Losses (R,) and the gradients of each to its row of x, a and b, empty where not wanted."""
    (rows, samples), dtype = x.shape, ffi.computed(x)
    nothing = ffi.shape((rows, 0), dtype)
    shapes = (x.shape, (rows,), (rows,))
    results = (
        ffi.shape((rows,), dtype),
        *(ffi.shape(s, dtype) if w else nothing for s, w in zip(shapes, wanted, strict=True)),
    )
    a, b = (jnp.broadcast_to(p, (rows,)) for p in (a, b))
    device = ffi.first_device()
    if kernels.block(samples, x.dtype.name, options.prior, device):
        return _rows(results, x, a, b, **options._asdict())
    given = jnp.clip(x.astype(dtype), options.low, options.high)
    order = argsort_rows(given)
    ascending = jnp.take_along_axis(given, order, axis=1, mode="promise_in_bounds")
    # Of this many bytes, so that a vmap's axis is more of the same.
    bytes_a_row = 8 * kernels.partial_shape(1, samples)[1] * 3
    results = (*results, ffi.shape((rows, bytes_a_row), "uint8"))
    return _sorted_rows(results, x, a, b, ascending, order, **options._asdict())[:4]


def _arrays(x, a, b, results):
    return kernels.Arrays(
        x.data_ptr(), *map(ffi.address, results), ffi.parameter(a), ffi.parameter(b)
    )


def _run(place, given, x, a, b, *results):
    count, samples = ffi.rows_of(x)
    arrays, dtype = _arrays(x, a, b, results), str(x.dtype)
    place.run(kernels.rows(arrays, count, samples, dtype, kernels.Options(**given), place.device))


def _run_sorted(place, given, x, a, b, ascending, order, *results):
    count, samples = ffi.rows_of(x)
    *results, partial_sums = results
    addresses = ascending.data_ptr(), order.data_ptr(), partial_sums.data_ptr()
    place.run(
        kernels.sorted_rows(
            _arrays(x, a, b, results),
            *addresses,
            count,
            samples,
            str(x.dtype),
            kernels.Options(**given),
            wide=False,
        )  # fmt: skip
    )


_OPTIONS = {
    "prior": tuple(kernels.PRIORS),
    "plotting_position": kernels.POSITIONS,
    "ties": kernels.TIES,
    "from_logits": (False, True),
    "low": float,
    "high": float,
}
_rows = ffi.define("batch_shaping", _run, **_OPTIONS)
_sorted_rows = ffi.define("batch_shaping_sorted", _run_sorted, **_OPTIONS)


def _forward(options, x, a, b):
    wanted = tuple(argument.perturbed for argument in (x, a, b))
    x, a, b = x.value, a.value, b.value
    losses, *gradients = _losses_and_gradients(options, wanted, x, a, b)
    kept = tuple(g if w else None for g, w in zip(gradients, wanted, strict=True))
    return losses, (kept, a, b, jnp.empty(0, x.dtype))


def _backward(options, residuals, cotangent):
    *residuals, like = residuals
    to_x, *others = backward(options, residuals, cotangent)
    return None if to_x is None else to_x.astype(like.dtype), *others


_row_losses.defvjp(_forward, _backward, symbolic_zeros=True)
