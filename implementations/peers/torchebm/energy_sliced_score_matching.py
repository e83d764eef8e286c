"""Sliced score matching by torchebm, with given draws."""

import torch
from torchebm.losses import SlicedScoreMatching

from implementations.peers.torchebm.models import Energy, placed
from implementations.torch_eager.energies import metrics
from implementations.torch_eager.energy_sliced_score_matching import directions
from suite.registry import implements


class Given(SlicedScoreMatching):
    """The loss with directions (M N, d) of one's own."""

    def _get_random_projections(self, shape, generator=None):
        return self.directions


def lacking(case):
    """Why torchebm cannot do a case, or None."""
    if case.options["energy"] == "conv":
        return "torchebm projects over the last axis only (torchebm-sliced-shapes)"
    if case.options.get("variance_reduced", False):
        return "torchebm squares the projected score: variance_reduced=False"
    return None


@implements(
    "energy_sliced_score_matching",
    framework="torch",
    devices=("cpu", "cuda"),
    requires=("torchebm",),
    skip=lacking,
)
def energy_sliced_score_matching(
    x, theta, projections, *, energy="gaussian", law="gaussian", variance_reduced=False
):
    """Loss and metrics; arguments as in ``suite.operators.energy_sliced_score_matching``."""
    loss = Given(Energy(x, energy, theta), n_projections=projections.shape[1], **placed(x))
    loss.directions = directions(projections.detach(), law).transpose(0, 1).flatten(0, 1)
    with torch.enable_grad():
        value = loss(x)
    return value, metrics(loss=value)
