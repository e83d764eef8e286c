"""Sliced score matching in torch: all directions of all samples at once."""

import math

import torch

from implementations.torch_eager.energies import energy_of, metrics, where_finite
from suite.registry import implements


@implements(
    "energy_sliced_score_matching",
    framework="torch",
    devices=("cpu", "cuda"),
    dtypes=("float32", "float64", "float16", "bfloat16"),
)
def energy_sliced_score_matching(
    x, theta, projections, *, energy="gaussian", law="gaussian", variance_reduced=False
):
    """Loss and metrics; arguments as in ``suite.operators.energy_sliced_score_matching``."""
    v = directions(projections.detach(), law)
    gradient, bent = energy_of(energy, theta).gradient_and_curvature(x, v)
    curvature = bent.mean()
    if variance_reduced:
        square = gradient.square().sum() / x.shape[0]
    else:
        square = (v * gradient[:, None]).flatten(2).sum(2).square().mean()
    loss = where_finite(0.5 * square - curvature, x, theta, projections)
    return loss, metrics(curvature=curvature, slope_square=square)


def directions(projections, law):
    """Directions of a law from standard normal draws (N, M, *shape)."""
    if law == "gaussian":
        return projections
    if law == "rademacher":
        signs = torch.where(projections < 0, -1.0, 1.0).to(projections.dtype)
        return torch.where(projections.isnan(), projections, signs)
    flat = projections.flatten(2)
    norm = torch.linalg.vector_norm(flat, dim=2, keepdim=True)
    return (math.sqrt(flat.shape[2]) * flat / norm).reshape(projections.shape)
