"""What the guide's losses take of an energy: its gradient, which they call the score, by autodiff.

The model's score is its negative, -dE/dx; each loss says what that makes of its signs.
"""

import torch

from implementations.torch_eager.energies import energy_of


def gradient_of(energy, theta):
    """The function x (N, *shape) -> dE/dx, of an energy's name or callable with its theta."""
    of = energy_of(energy, theta)
    return torch.func.grad(lambda x: of.energy(x).sum())


def no_images(case):
    """Why a loss that sums over axis 1 cannot do a case, or None."""
    images = case.options["energy"] == "conv"
    return "the source takes samples (N, d) and sums over axis 1" if images else None
