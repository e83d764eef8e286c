"""Occupancy entropy in jax: means of p and of 1 - p, so that neither loses its tail.

The backward pass computes the sigmoids again; of the forward one it needs a factor a unit.
"""

from functools import partial

import jax
import jax.numpy as jnp
from jax import lax

from implementations.jax_xla.first_order_only import first_order_only
from suite.registry import implements

_LARGEST = 1e30


@implements(
    "occupancy_entropy",
    framework="jax",
    devices=("cpu", "cuda"),
    dtypes=("float32", "float64", "float16", "bfloat16"),
)
@partial(jax.jit, static_argnames=("estimator",))
def occupancy_entropy(z, *, estimator, temperature=1.0, noise=None):
    """Entropy of units being on; arguments as in ``suite.operators.occupancy_entropy``.

    Raises NotImplementedError for second derivatives.
    """
    temperature = jnp.asarray(temperature, z.dtype)
    return _entropies(estimator, z, lax.stop_gradient(noise), lax.stop_gradient(temperature))


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def _entropies(estimator, z, noise, temperature):
    return _forward(estimator, z, noise, temperature)[0]


def _argument(z, noise, temperature):
    """v = (z + noise) / T, bounded so that a vanished slope times it is 0."""
    v = (z if noise is None else z + noise) / temperature
    return jnp.clip(v, -_LARGEST, _LARGEST)


def _forward(estimator, z, noise, temperature):
    """The entropy (R,), and what a unit's slopes are multiplied by besides -v: (R,)."""
    v, samples = _argument(z, noise, temperature), z.shape[1]
    if estimator == "mean_bernoulli":
        e = jnp.exp(-jnp.abs(v))
        value = (jnp.log1p(e) + jnp.abs(v) * (e / (1 + e))).mean(axis=1)
        factor = jnp.ones_like(value)
    elif estimator == "sigmoid":
        e = jnp.exp(-jnp.abs(v))
        more, less = 1 / (1 + e), e / (1 + e)
        p, q = (jnp.where(up, more, less).mean(axis=1) for up in (v > 0, v <= 0))
        value, on, off = _entropy(p, q)
        factor = off - on
    else:
        on = (v > 0).sum(axis=1).astype(v.dtype)
        clipped = jnp.clip(on, 0.5, samples - 0.5)
        factor = jnp.log((samples - clipped) / clipped)
        value = _entropy(on / samples, (samples - on) / samples)[0]
    poison = jnp.where(jnp.isnan(v).any(axis=1), jnp.nan, 0).astype(v.dtype)
    return value + poison, (z, noise, temperature, factor + poison)


def _entropy(p, q):
    """h(p), log p and log q of p + q = 1, each accurate where its argument is near 0 or 1."""
    tiny = jnp.finfo(p.dtype).tiny
    on = jnp.where(p > 0.5, jnp.log1p(-q), jnp.log(jnp.maximum(p, tiny)))
    off = jnp.where(q > 0.5, jnp.log1p(-p), jnp.log(jnp.maximum(q, tiny)))
    return -(p * on + q * off), on, off


def _backward(estimator, residuals, cotangent):
    z, noise, temperature, factor = residuals
    v = _argument(z, noise, temperature)
    e = jnp.exp(-jnp.abs(v))
    push = (cotangent * factor / (z.shape[1] * temperature))[:, None]
    slope = push * (e / ((1 + e) * (1 + e)))
    gradient = -v * slope if estimator == "mean_bernoulli" else slope
    nothing = None if noise is None else jnp.zeros_like(noise)
    gradients = gradient, nothing, jnp.zeros_like(temperature)
    return first_order_only("occupancy_entropy", gradients)


_entropies.defvjp(_forward, _backward)
