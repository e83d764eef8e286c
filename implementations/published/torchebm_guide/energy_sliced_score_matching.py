"""The guide's SlicedScoreMatchingLoss: unit vectors against the whole score.

    L = mean over n, v of [v.H v + |dE/dx|^2 / 2],    v = z / |z|,  H the Hessian of E

It detaches its samples, which it does not here, so that gradients reach them.

Source: TorchEBM developer guide, "Loss Functions Implementation", SlicedScoreMatching.
"""

import torch

from implementations.published.torchebm_guide.derivatives import gradient_of, no_images
from implementations.torch_eager.energies import metrics
from suite.registry import implements


def lacking(case):
    """What of a case the source does not have, or None."""
    if case.options.get("law", "gaussian") != "sphere":
        return "the source projects on unit vectors only: law='sphere'"
    if not case.options.get("variance_reduced", False):
        return "the source squares the whole score: variance_reduced=True"
    return no_images(case)


@implements(
    "energy_sliced_score_matching",
    framework="torch",
    devices=("cpu", "cuda"),
    known_error="torchebm-guide-slice-sign",
    skip=lacking,
)
def energy_sliced_score_matching(
    x, theta, projections, *, energy="gaussian", law="gaussian", variance_reduced=False
):
    """Loss and the source's metrics; n_projections is the projections' second axis."""
    score = gradient_of(energy, theta)
    losses = []
    for draw in projections.detach().unbind(1):
        v = draw / torch.linalg.vector_norm(draw, dim=1, keepdim=True)
        slope, turned = torch.func.jvp(score, (x,), (v,))
        losses.append(((turned * v).sum(1) + 0.5 * slope.square().sum(1)).mean())
    loss = sum(losses) / len(losses)
    return loss, metrics(loss=loss)
