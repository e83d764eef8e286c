"""The guide's MLELoss: mean energy of data less alpha times that of negatives, and a penalty.

    L = mean E(x) - alpha mean E(y) + strength (sum |theta| or sum theta^2)

That infinite input gives NaN is the house's rule and not the source's.

Source: TorchEBM developer guide, "Loss Functions Implementation", Maximum Likelihood Estimation.
"""

import torch

from implementations.torch_eager.energies import energy_of, metrics, where_finite
from suite.registry import implements


@implements("energy_maximum_likelihood", framework="torch", devices=("cpu", "cuda"))
def energy_maximum_likelihood(
    x, theta, negatives, *, energy="gaussian", alpha=1.0, penalty=None, strength=0.0
):
    """Loss and the source's metrics; reg_strength is ``strength``, regularization ``penalty``."""
    of = energy_of(energy, theta)
    positive, negative = of.energy(x).mean(), of.energy(negatives).mean()
    added = torch.zeros((), dtype=x.dtype, device=x.device)
    if penalty is not None and strength > 0:
        size = torch.abs if penalty == "l1" else torch.square
        for array in theta:
            added = added + size(array).sum()
    loss = positive - alpha * negative + strength * added
    loss = where_finite(loss, x, theta, negatives)
    found = {"pos_energy": positive, "neg_energy": negative, "energy_gap": negative - positive}
    return loss, metrics(**found, loss=loss, reg_loss=added)
