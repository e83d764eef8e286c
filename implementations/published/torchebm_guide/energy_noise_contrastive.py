"""The guide's NCELoss: data told from noise by -E - log Z alone, without the noise's density.

    L = mean log(1 + exp(-f(x))) + mean log(1 + exp(f(y))),    f = -E - log Z

Both classes weigh the same whatever their numbers. Densities are taken, since the operator has
them, and do not count.

Source: TorchEBM developer guide, "Loss Functions Implementation", Noise Contrastive Estimation.
"""

import torch
from torch.nn.functional import binary_cross_entropy_with_logits as cross_entropy

from implementations.torch_eager.energies import energy_of, metrics
from suite.registry import implements


@implements(
    "energy_noise_contrastive",
    framework="torch",
    devices=("cpu", "cuda"),
    known_error="torchebm-guide-noise-density",
)
def energy_noise_contrastive(
    x, theta, noise, log_density_x, log_density_noise, log_partition=0.0, *, energy="gaussian"
):
    """Loss and the source's metrics; the source's log_z is ``log_partition``."""
    of = energy_of(energy, theta)
    positive, negative = of.energy(x), of.energy(noise)
    odds_x, odds_noise = -positive - log_partition, -negative - log_partition
    first = cross_entropy(odds_x, torch.ones_like(odds_x))
    second = cross_entropy(odds_noise, torch.zeros_like(odds_noise))
    unused = 0 * (log_density_x.sum() + log_density_noise.sum())
    found = {"pos_energy": positive.mean(), "neg_energy": negative.mean()}
    loss = first + second + unused
    return loss, metrics(**found, pos_loss=first, neg_loss=second, loss=loss)
