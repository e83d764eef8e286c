"""Occupancy entropy in Triton: two launches forward, one backward; no sigmoid is stored."""

from functools import partial

import jax
import jax.numpy as jnp
from jax import lax

from implementations.triton.jax.launch import launch, over_rows, per_row
from implementations.triton.occupancy import entropies_launch, gradients_launch, sums_launch
from suite.registry import implements


@implements(
    "occupancy_entropy",
    framework="jax",
    devices=("cuda",),
    dtypes=("float32", "float64", "float16", "bfloat16"),
    requires=("triton", "jax_triton"),
)
@partial(jax.jit, static_argnames=("estimator",))
def occupancy_entropy(z, *, estimator, temperature=1.0, noise=None):
    """Entropy of units being on; arguments as in ``suite.operators.occupancy_entropy``.

    Raises NotImplementedError for second derivatives.
    """
    temperature = lax.stop_gradient(per_row(temperature, z))
    return _entropies(estimator, z, lax.stop_gradient(noise), temperature)


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def _entropies(estimator, z, noise, temperature):
    return _forward(estimator, z, noise, temperature)[0]


def _forward(estimator, z, noise, temperature):
    def function(z, temperature, *noise):
        heat = temperature[:1].astype(jnp.float64)
        step = sums_launch(z.shape, bool(noise), estimator)
        (sums,) = launch(step, z, *(noise or (z,)), heat)
        return launch(entropies_launch(z.shape, str(z.dtype), estimator), sums)

    rest = () if noise is None else (noise,)
    values, factors = over_rows("occupancy_entropy", function)(z, temperature, *rest)
    return values, (z, noise, temperature, factors)


def _backward(estimator, residuals, cotangent):
    z, noise, temperature, factors = residuals

    def function(cotangent, z, temperature, factors, *noise):
        heat = temperature[:1].astype(jnp.float64)
        step = gradients_launch(z.shape, str(z.dtype), bool(noise), estimator)
        return launch(step, cotangent, z, *(noise or (z,)), heat, factors)

    rest = () if noise is None else (noise,)
    given = cotangent, z, temperature, factors, *rest
    (to_z,) = over_rows("occupancy_entropy", function)(*given)
    nothing = None if noise is None else jnp.zeros_like(noise)
    return to_z, nothing, jnp.zeros_like(temperature)


_entropies.defvjp(_forward, _backward)
