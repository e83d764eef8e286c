"""Energies in torch: those with names over torch's operations, and anybody's callable.

``energy_of`` gives both the same methods. Derivatives of a callable come from torch.func, forward
over reverse, so that they compose with autograd, torch.func and torch.compile.
"""

import functools
import math

import torch

from implementations.energies.named import ENERGIES
from implementations.energies.networks import unit_blocks
from implementations.torch_eager import energy_operations as operations


def energy_of(energy, theta):
    """The energy of a name or a callable with its parameters."""
    if callable(energy):
        return Callable(functools.partial(_swapped, energy, tuple(theta)))
    return Named(ENERGIES[energy], list(theta))


def _swapped(energy, theta, x):
    return energy(x, *theta)


class Named:
    """An energy of ``implementations.energies`` with its theta."""

    def __init__(self, energy, theta):
        self.of, self.theta = energy, theta

    def energy(self, x):
        """E of every sample, (N,)."""
        return self.of.energy(operations, x, self.theta)

    def gradient(self, x):
        """dE/dx, of x's shape."""
        return self.of.gradient(operations, x, self.theta)

    def gradient_and_laplacian(self, x, block=None):
        """dE/dx, and the mean of the Laplacian over all samples, ()."""
        return self.of.gradient_and_laplacian(operations, x, self.theta, block)

    def gradient_and_curvature(self, x, v):
        """dE/dx, and v.Hv for directions v (N, M, *shape), (N, M)."""
        return self.of.gradient_and_curvature(operations, x, self.theta, v)


class Callable:
    """A callable x -> (N,); its methods are those of ``Named``."""

    def __init__(self, function):
        self.energy = function
        self.gradient = torch.func.grad(lambda x: function(x).sum())

    def gradient_and_laplacian(self, x, block=None):
        total = torch.zeros((), dtype=x.dtype, device=x.device)
        for directions in unit_blocks(operations, tuple(x.shape[1:]), block, x):
            total = total + _kept_small(self._curved, x, directions)
        return self.gradient(x), total / x.shape[0]

    def _curved(self, x, directions):
        """sum_n sum_v v.Hv for directions v (b, *shape)."""

        def along(v):
            every = v.expand(x.shape)
            return (torch.func.jvp(self.gradient, (x,), (every,))[1] * every).sum()

        return torch.func.vmap(along)(directions).sum()

    def gradient_and_curvature(self, x, v):
        def along(each):
            _, turned = torch.func.jvp(self.gradient, (x,), (each,))
            return (turned * each).flatten(1).sum(1)

        return self.gradient(x), torch.func.vmap(along, in_dims=1, out_dims=1)(v)


def _kept_small(function, x, directions):
    """A block's part, of which autograd keeps the inputs only, where it can compute it again."""
    traced = torch.compiler.is_compiling() or torch._C._functorch.peek_interpreter_stack()
    if traced or not torch.is_grad_enabled():
        return function(x, directions)
    return torch.utils.checkpoint.checkpoint(
        function, x, directions, use_reentrant=False, preserve_rng_state=False
    )


def where_finite(loss, *arrays):
    """The loss, NaN where an array has an infinity; so is then every gradient."""
    for array in arrays:
        for part in array if isinstance(array, (list, tuple)) else (array,):
            loss = nan_where(part.detach().isinf().any(), loss)
    return loss


def nan_where(invalid, loss):
    """The loss, NaN with all its gradients where ``invalid`` () holds."""
    return loss * torch.where(invalid, math.nan, 1.0).to(loss.dtype)


def metrics(**values):
    """A record of scalars that nothing flows back through."""
    return {name: value.detach() for name, value in values.items()}
