"""jax's operations by the names that ``implementations.energies`` uses."""

import jax
import jax.numpy as jnp
from jax import lax

from implementations.energies import networks
from implementations.jax_xla.sigmoids import sigmoid
from implementations.jax_xla.sigmoids import softplus as _softplus
from implementations.jax_xla.unit_vectors import sum_over_unit_vectors

exp, einsum, trace = jnp.exp, jnp.einsum, jnp.trace
sum, mean = jnp.sum, jnp.mean


def logsumexp(array):
    """Over the last axis."""
    return jax.nn.logsumexp(array, axis=-1)


def log_softmax(array):
    """Over the last axis."""
    return jax.nn.log_softmax(array, axis=-1)


def ones(shape, like):
    """Ones of the dtype of another."""
    return jnp.ones(shape, like.dtype)


def conv(x, kernel):
    """Cross-correlation of images (B, c, h, w), of the same size."""
    return lax.conv_general_dilated(x, kernel, (1, 1), [(kernel.shape[-1] // 2,) * 2] * 2)


def conv_transposed(g, kernel):
    """Its transpose."""
    return conv(g, jnp.flip(kernel, (2, 3)).swapaxes(0, 1))


def _softplus_derivatives(z):
    s, t = sigmoid(z), sigmoid(-z)
    return s, lambda: s * t


def _silu_derivatives(z):
    s, t = sigmoid(z), sigmoid(-z)
    return s * (1 + z * t), lambda: s * t * (2 + z * (t - s))


activate = {"softplus": _softplus, "silu": lambda z: z * sigmoid(z)}
derivatives = {"softplus": _softplus_derivatives, "silu": _silu_derivatives}


def tangent_squares(layers, slopes, weights, shape, block):
    """sum_n sum_l weights_l . J_l^2 over unit vectors, block by block; () of ``networks``."""
    ops, kind = layers[0].ops, type(layers[0])

    def part(directions, arguments):
        slopes, weights, arrays = arguments
        layers = [kind(ops, array) for array in arrays]
        return networks.squares_along(ops, layers, slopes, weights, directions)

    return sum_over_unit_vectors(
        part, shape, block, (slopes, weights, [layer.weights for layer in layers])
    )
