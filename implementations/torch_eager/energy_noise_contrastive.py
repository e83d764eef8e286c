"""Noise contrastive estimation in torch; autograd differentiates it."""

import math

import torch
from torch.nn.functional import logsigmoid

from implementations.torch_eager.energies import energy_of, metrics, where_finite
from suite.registry import implements


@implements(
    "energy_noise_contrastive",
    framework="torch",
    devices=("cpu", "cuda"),
    dtypes=("float32", "float64", "float16", "bfloat16"),
)
def energy_noise_contrastive(
    x, theta, noise, log_density_x, log_density_noise, log_partition=0.0, *, energy="gaussian"
):
    """Loss and metrics; arguments as in ``suite.operators.energy_noise_contrastive``."""
    of = energy_of(energy, theta)
    ratio = noise.shape[0] / x.shape[0]
    level = log_partition + math.log(ratio)
    odds_x = -of.energy(x) - log_density_x - level
    odds_noise = -of.energy(noise) - log_density_noise - level
    positive, negative = -logsigmoid(odds_x).mean(), -ratio * logsigmoid(-odds_noise).mean()
    given = [array for array in (log_partition,) if torch.is_tensor(array)]
    loss = where_finite(
        positive + negative, x, theta, noise, log_density_x, log_density_noise, given
    )
    return loss, metrics(
        positive_loss=positive,
        negative_loss=negative,
        positive_odds=odds_x.mean(),
        negative_odds=odds_noise.mean(),
    )
