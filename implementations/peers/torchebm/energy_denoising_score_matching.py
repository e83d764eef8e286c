"""Denoising score matching by torchebm, with given draws; its loss has no weight, times sigma^2."""

import torch
from torchebm.losses import DenoisingScoreMatching

from implementations.peers.torchebm.models import Energy, placed
from implementations.torch_eager.energies import metrics
from suite.registry import implements


class Given(DenoisingScoreMatching):
    """The loss with draws of one's own, which are not yet scaled."""

    def perturb_data(self, x, generator=None):
        noise = self.draws * self.noise_scale
        return x + noise, noise


def lacking(case):
    """Why torchebm cannot do a case, or None."""
    if "sigma" in case.dims:
        return "torchebm's noise scale is a host number"
    if case.sizes["S"] > 1:
        return "torchebm takes one noise scale"
    return None


@implements(
    "energy_denoising_score_matching",
    framework="torch",
    devices=("cpu", "cuda"),
    requires=("torchebm",),
    skip=lacking,
)
def energy_denoising_score_matching(
    x, theta, noise, sigma, *, energy="gaussian", weighting="sigma2"
):
    """Loss and metrics; arguments as in ``suite.operators.energy_denoising_score_matching``."""
    loss = Given(Energy(x, energy, theta), noise_scale=sigma, **placed(x))
    loss.draws = noise[:, 0]
    with torch.enable_grad():
        value = loss(x)
    value = value * (sigma**2 if weighting == "sigma2" else 1.0)
    return value, metrics(loss=value)
