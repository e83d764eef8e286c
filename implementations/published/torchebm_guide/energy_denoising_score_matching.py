"""The guide's denoising losses: DenoisingScoreMatchingLoss, and what it calls implicit.

With n = sigma e the noise as it is added,

    DenoisingScoreMatchingLoss    mean over sigmas of mean |dE/dx(x + n) - n / sigma^2|^2 / 2
    ScoreMatchingLoss, implicit   mean |dE/dx(x + n) + n / sigma^2|^2 / 2,    sigma always 0.01

The first leaves out the signs of the score and of its target, which cancel; the second leaves out
that of the score alone. sigma is an argument here, and invalid input gives NaN, as the house wants.

Source: TorchEBM developer guide, "Loss Functions Implementation", Denoising Score Matching, and
Score Matching, _compute_implicit_score_matching.
"""

import torch

from implementations.published.torchebm_guide.derivatives import gradient_of, no_images
from implementations.torch_eager.energies import metrics, nan_where, where_finite
from suite.registry import implements


def lacking(case):
    """What of a case the source does not have, or None."""
    if case.options.get("weighting", "sigma2") != "none":
        return "the source weighs all sigmas alike: weighting='none'"
    return no_images(case)


@implements(
    "energy_denoising_score_matching", framework="torch", devices=("cpu", "cuda"), skip=lacking
)
def energy_denoising_score_matching(
    x, theta, noise, sigma, *, energy="gaussian", weighting="sigma2"
):
    """Loss and the source's metrics, of which that of sigma number i is ``loss_sigma_i``."""
    return _loss(x, theta, noise, sigma, energy, sign=-1)


@implements(
    "energy_denoising_score_matching",
    framework="torch",
    devices=("cpu", "cuda"),
    name="published_torchebm_guide_implicit",
    known_error="torchebm-guide-implicit-sign",
    skip=lacking,
)
def implicit_score_matching(x, theta, noise, sigma, *, energy="gaussian", weighting="sigma2"):
    """Loss and metrics, those of the other."""
    return _loss(x, theta, noise, sigma, energy, sign=1)


def _loss(x, theta, noise, sigma, energy, sign):
    """Half the mean squared sum of the gradient and ``sign`` times noise over variance."""
    score = gradient_of(energy, theta)
    sigma = torch.as_tensor(sigma, dtype=x.dtype, device=x.device).detach()
    losses = []
    for index, scale in enumerate(sigma.expand(noise.shape[1])):
        added = noise[:, index] * scale
        target = sign * added / scale**2
        losses.append(0.5 * (score(x + added) + target).square().sum(1).mean())
    loss = where_finite(sum(losses) / len(losses), x, theta, noise, sigma)
    loss = nan_where((sigma <= 0).any(), loss)
    return loss, metrics(**{f"loss_sigma_{i}": part for i, part in enumerate(losses)}, loss=loss)
