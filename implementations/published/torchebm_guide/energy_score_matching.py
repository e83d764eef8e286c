"""The guide's ScoreMatchingLoss with implicit=False, which it calls explicit.

    L = mean [tr H + |dE/dx|^2 / 2],    H the Hessian of E, coordinate by coordinate

Source: TorchEBM developer guide, "Loss Functions Implementation", Score Matching.
"""

import torch

from implementations.published.torchebm_guide.derivatives import gradient_of, no_images
from implementations.torch_eager.energies import metrics
from suite.registry import implements


@implements(
    "energy_score_matching",
    framework="torch",
    devices=("cpu", "cuda"),
    known_error="torchebm-guide-trace-sign",
    skip=no_images,
)
def energy_score_matching(x, theta, *, energy="gaussian", block=None):
    """Loss and the source's metrics; one pass a coordinate whatever ``block``."""
    score = gradient_of(energy, theta)
    trace = torch.zeros(x.shape[0], dtype=x.dtype, device=x.device)
    for index, unit in enumerate(torch.eye(x.shape[1], dtype=x.dtype, device=x.device)):
        trace = trace + torch.func.jvp(score, (x,), (unit.expand(x.shape),))[1][:, index]
    loss = (trace + 0.5 * score(x).square().sum(1)).mean()
    return loss, metrics(loss=loss)
