"""Occupancy entropies in jax: a launch for values, one for the gradient.

The temperature is an operand, so that annealing it compiles nothing anew.
"""

from functools import partial

import jax
import jax.numpy as jnp
from jax import lax

from implementations.cuda import occupancy_entropy as kernels
from implementations.cuda.jax import ffi
from suite.registry import implements


@implements(
    "occupancy_entropy",
    framework="jax",
    devices=("cuda",),
    dtypes=("float32", "float64", "float16", "bfloat16"),
    requires=("cuda.core", "cuda.bindings", "jax_tvm_ffi"),
    native_half=True,
)
@partial(jax.jit, static_argnames=("estimator",))
def occupancy_entropy(z, *, estimator, temperature=1.0, noise=None):
    """Entropy of units being on; arguments as in ``suite.operators.occupancy_entropy``.

    Raises NotImplementedError for second derivatives.
    """
    temperature = jnp.asarray(temperature, ffi.computed(z)).reshape(1)
    noise = jnp.empty(0, z.dtype) if noise is None else lax.stop_gradient(noise)
    return _entropies(estimator, z, noise, lax.stop_gradient(temperature)).astype(z.dtype)


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def _entropies(estimator, z, noise, temperature):
    return _forward(estimator, z, noise, temperature)[0]


def _forward(estimator, z, noise, temperature):
    """The entropy (R,), and what a unit's slopes are multiplied by besides -v: (R,)."""
    rows, samples = z.shape
    blocks = kernels.blocks(rows, samples, ffi.first_device())
    # Of this many bytes, so that a vmap's axis is more of the same.
    partial_bytes = ffi.shape((rows, 16 * blocks if blocks > 1 else 0), "uint8")
    each = ffi.shape((rows,), ffi.computed(z))
    value, factor, _ = _values(
        (each, each, partial_bytes), z, noise, temperature, estimator=estimator
    )
    return value, (z, noise, temperature, factor)


def _backward(estimator, residuals, cotangent):
    z = residuals[0]
    (gradient,) = _gradient(
        (ffi.shape(z.shape, z.dtype),), *residuals, cotangent, estimator=estimator
    )
    return gradient, None, None


def _arrays(z, noise, temperature):
    return kernels.Arrays(z.data_ptr(), ffi.address(noise), ffi.parameter(temperature))


def _run(place, given, z, noise, temperature, value, factor, partial_sums):
    count, samples = ffi.rows_of(z)
    blocks = max(1, partial_sums.shape[-1] // 16)
    addresses = value.data_ptr(), factor.data_ptr(), ffi.address(partial_sums)
    rest = count, samples, str(z.dtype), given["estimator"], blocks
    place.run(kernels.values(_arrays(z, noise, temperature), *addresses, *rest))


def _run_gradient(place, given, z, noise, temperature, factor, cotangent, gradient):
    count, samples = ffi.rows_of(z)
    addresses = cotangent.data_ptr(), factor.data_ptr(), gradient.data_ptr()
    rest = count, samples, str(z.dtype), given["estimator"]
    place.run(kernels.gradient(_arrays(z, noise, temperature), *addresses, *rest))


_ESTIMATORS = tuple(kernels.ESTIMATORS)
_values = ffi.define("occupancy_entropy", _run, estimator=_ESTIMATORS)
_gradient = ffi.define("occupancy_entropy_gradient", _run_gradient, estimator=_ESTIMATORS)
_entropies.defvjp(_forward, _backward)
