"""Empirical distribution functions by one launch in jax; XLA sorts rows too long for a block."""

from functools import partial

import jax
import jax.numpy as jnp

from implementations.cuda import ecdf as kernels
from implementations.cuda import row_sort
from implementations.cuda.jax import ffi
from implementations.jax_xla.ranks import argsort_rows
from suite.registry import implements


@implements(
    "ecdf",
    framework="jax",
    devices=("cuda",),
    dtypes=("float32", "float64", "float16", "bfloat16"),
    requires=("cuda.core", "cuda.bindings", "jax_tvm_ffi"),
    native_half=True,
)
def ecdf(x, *, plotting_position="ecdf", ties="max", surrogate="identity", scale=None):
    """Plotting position of every sample; arguments as in ``suite.operators.ecdf``.

    Second derivatives raise NotImplementedError.
    """
    return _jitted(x, plotting_position, ties, surrogate, None if scale is None else float(scale))


@partial(jax.custom_vjp, nondiff_argnums=(1, 2, 3, 4))
def _ecdf(x, plotting_position, ties, surrogate, scale):
    options = {"plotting_position": plotting_position, "ties": ties}
    results = (ffi.shape(x.shape, x.dtype),)
    if row_sort.block(x.shape[1], x.dtype.name, ffi.first_device()):
        return _rows(results, x, **options)[0]
    given = x.astype(ffi.computed(x))
    order = argsort_rows(given)
    ascending = jnp.take_along_axis(given, order, axis=1, mode="promise_in_bounds")
    return _sorted_rows(results, ascending, order, **options)[0]


def _run(place, given, x, positions):
    count, samples = ffi.rows_of(x)
    addresses = x.data_ptr(), positions.data_ptr()
    place.run(kernels.rows(*addresses, count, samples, str(x.dtype), **given, device=place.device))


def _run_sorted(place, given, ascending, order, positions):
    count, samples = ffi.rows_of(ascending)
    addresses = positions.data_ptr(), ascending.data_ptr(), order.data_ptr()
    dtype = str(positions.dtype)
    place.run(kernels.sorted_rows(*addresses, count, samples, dtype, **given, wide=False))


def _run_pairs(place, given, x, cotangent, gradient):
    count, samples = ffi.rows_of(x)
    addresses = x.data_ptr(), cotangent.data_ptr(), gradient.data_ptr()
    place.run(kernels.pairs(*addresses, count, samples, str(x.dtype), **given))


_RANKS = {"plotting_position": kernels.POSITIONS, "ties": tuple(kernels.TIES)}
_rows = ffi.define("ecdf", _run, **_RANKS)
_sorted_rows = ffi.define("ecdf_sorted", _run_sorted, **_RANKS)
_pairs = ffi.define(
    "ecdf_pairs",
    _run_pairs,
    plotting_position=kernels.POSITIONS,
    surrogate=tuple(kernels.PAIRS),
    scale=float,
)


def _forward(x, plotting_position, ties, surrogate, scale):
    positions = _ecdf(x, plotting_position, ties, surrogate, scale)
    # Of its own output, "identity" needs to know which rows are NaN.
    return positions, positions[:, :1] if surrogate == "identity" else x


def _backward(plotting_position, ties, surrogate, scale, kept, cotangent):
    if surrogate == "identity":
        return (jnp.where(jnp.isnan(kept), jnp.nan, cotangent),)
    options = {"plotting_position": plotting_position, "surrogate": surrogate, "scale": scale}
    return _pairs((ffi.shape(kept.shape, kept.dtype),), kept, cotangent, **options)


_ecdf.defvjp(_forward, _backward)
_jitted = jax.jit(_ecdf, static_argnums=(1, 2, 3, 4))
