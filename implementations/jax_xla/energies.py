"""Energies in jax: those with names over jax's operations, and anybody's callable.

``energy_of`` gives both the same methods. Derivatives of a callable are forward over reverse.
"""

import jax
import jax.numpy as jnp

from implementations.energies.named import Named
from implementations.jax_xla import energy_operations as operations
from implementations.jax_xla.unit_vectors import sum_over_unit_vectors


def energy_of(energy, theta):
    """The energy of a name or a callable with its parameters."""
    if callable(energy):
        return Called(energy, list(theta))
    return Named(energy, operations, list(theta))


class Called:
    """A callable (x, *theta) -> (N,) with its theta; its methods are those of ``Named``."""

    def __init__(self, function, theta):
        self.function, self.theta = function, theta

    def energy(self, x):
        return self.function(x, *self.theta)

    def gradient(self, x):
        return jax.grad(lambda x: self.energy(x).sum())(x)

    def gradient_and_laplacian(self, x, block=None):
        function = self.function

        def part(directions, arguments):
            x, theta = arguments
            gradient = Called(function, theta).gradient

            def along(v):
                every = jnp.broadcast_to(v, x.shape)
                return (jax.jvp(gradient, (x,), (every,))[1] * every).sum()

            return jax.vmap(along)(directions).sum()

        total = sum_over_unit_vectors(part, x.shape[1:], block, (x, self.theta))
        return self.gradient(x), total / x.shape[0]

    def gradient_and_curvature(self, x, v):
        def along(each):
            _, turned = jax.jvp(self.gradient, (x,), (each,))
            return (turned * each).reshape(x.shape[0], -1).sum(1)

        return self.gradient(x), jax.vmap(along, in_axes=1, out_axes=1)(v)


def where_finite(loss, *arrays):
    """The loss, NaN where any of these pytrees has an infinity; so is then every gradient."""
    for array in jax.tree.leaves(arrays):
        loss = nan_where(jnp.isinf(array).any(), loss)
    return loss


def nan_where(invalid, loss):
    """The loss, NaN with all its gradients where ``invalid`` () holds."""
    return loss * jnp.where(invalid, jnp.nan, 1.0).astype(loss.dtype)


def metrics(**values):
    """A record of arrays that nothing flows back through."""
    return jax.lax.stop_gradient(values)
