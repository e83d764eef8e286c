"""Denoising score matching in torch: gradients of the energy at all perturbed samples at once."""

import torch

from implementations.torch_eager.energies import energy_of, metrics, nan_where, where_finite
from suite.registry import implements


@implements(
    "energy_denoising_score_matching",
    framework="torch",
    devices=("cpu", "cuda"),
    dtypes=("float32", "float64", "float16", "bfloat16"),
)
def energy_denoising_score_matching(
    x, theta, noise, sigma, *, energy="gaussian", weighting="sigma2"
):
    """Loss and metrics; arguments as in ``suite.operators.energy_denoising_score_matching``."""
    sigma = torch.as_tensor(sigma, dtype=x.dtype, device=x.device).detach()
    sigma = sigma.expand(noise.shape[1]).reshape(-1, *(1,) * (x.ndim - 1))
    perturbed = (x[:, None] + sigma * noise).flatten(0, 1)
    gradient = energy_of(energy, theta).gradient(perturbed).reshape(noise.shape)
    # Weighted by sigma^2, the difference is of what has no small divisor.
    miss = noise - sigma * gradient if weighting == "sigma2" else noise / sigma - gradient
    count = noise.shape[0] * noise.shape[1]
    loss = where_finite(0.5 * miss.square().sum() / count, x, theta, noise, sigma)
    loss = nan_where((sigma <= 0).any(), loss)
    return loss, metrics(score_square=gradient.detach().square().sum() / count)
