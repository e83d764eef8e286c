"""Score matching by torchebm, with its exact trace and with its approximate one.

It detaches the samples, so that gradients reach theta alone. Its approximate trace draws directions
of its own.
"""

import torch
from torchebm.losses import ScoreMatching

from implementations.peers.torchebm.models import Energy, placed
from implementations.torch_eager.energies import metrics
from suite.registry import implements


def lacking(case):
    """Why torchebm cannot do a case, or None."""
    if case.options["energy"] == "conv":
        return "torchebm flattens the samples (torchebm-exact-shapes)"
    if "x" in case.wrt:
        return "torchebm detaches the samples: no gradient reaches them"
    return None


@implements(
    "energy_score_matching",
    framework="torch",
    devices=("cpu", "cuda"),
    requires=("torchebm",),
    skip=lacking,
)
def energy_score_matching(x, theta, *, energy="gaussian", block=None):
    """Loss and metrics; one Jacobian a sample whatever ``block``."""
    loss = ScoreMatching(Energy(x, energy, theta), **placed(x))
    value = loss(x.contiguous())
    return value, metrics(loss=value)


@implements(
    "energy_score_matching",
    framework="torch",
    devices=("cpu", "cuda"),
    name="peers_torchebm_approximate",
    requires=("torchebm",),
    known_error="torchebm-approximate-trace",
    skip=lacking,
)
def approximate_score_matching(x, theta, *, energy="gaussian", block=None):
    """The same with hessian_method="approx", its direction from a seeded generator."""
    loss = ScoreMatching(Energy(x, energy, theta), hessian_method="approx", **placed(x))
    generator = torch.Generator(x.device).manual_seed(0)
    with torch.enable_grad():
        value = loss(x, generator=generator)
    return value, metrics(loss=value)
