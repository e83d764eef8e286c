"""Energies in torch: those with names over torch's operations, and anybody's callable.

``energy_of`` gives both the same methods.
"""

import math

import torch

from implementations.energies.named import Named
from implementations.torch_eager import energy_operations as operations
from implementations.torch_eager.called_energy import Called


def energy_of(energy, theta):
    """The energy of a name or a callable with its parameters."""
    if callable(energy):
        return Called(energy, list(theta))
    return Named(energy, operations, list(theta))


def where_finite(loss, *arrays):
    """The loss, NaN where an array has an infinity; so is then every gradient."""
    lists = (array if isinstance(array, (list, tuple)) else (array,) for array in arrays)
    # A NaN hides an infinity in its array, and makes the loss NaN by itself.
    # Not the norm of order infinity, which takes twenty times as long on a CPU.
    largest = [part.detach().abs().amax() for parts in lists for part in parts]
    return nan_where(torch.stack(largest).isinf().any(), loss)


def nan_where(invalid, loss):
    """The loss, NaN with all its gradients where ``invalid`` () holds."""
    return loss * torch.ones_like(loss).masked_fill(invalid, math.nan)


def metrics(**values):
    """A record of scalars that nothing flows back through."""
    return {name: value.detach() for name, value in values.items()}
