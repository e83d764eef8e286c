"""torchebm 0.8.9 as installed: energy matching, its flow term and its contrastive term."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy import optimize, stats

from suite.errata.entry import Erratum, Evidence
from suite.errata.evaluate import midpoints
from suite.errata.peers_torchebm import PRECISION, TORCHEBM, normals, quadratic, seeded
from suite.errata.peers_torchebm_matching import TIMES, matching, path


def _energy_flow() -> tuple[Evidence, ...]:
    x, velocity, _ = path("linear")
    gate = np.clip((1 - TIMES[:, 0]) / 0.2, 0, 1)
    right = (gate * ((-PRECISION * x - velocity) ** 2).mean(axis=1)).mean()
    options = {"sigma": 0.0, "lambda_cd": 0.0}
    got = matching("EnergyMatchingLoss", quadratic(), coupling="independent", **options)
    data, noise = normals(200, 2, seed=1).numpy(), normals(200, 2, seed=2).numpy()
    costs = ((noise[:, None] - data[None]) ** 2).sum(-1)
    _, partner = optimize.linear_sum_assignment(costs)
    moved = data[partner] - noise
    coupled = _coupled_displacement()
    return (
        Evidence("flow term of a quadratic potential", got, right, 1e-9),
        Evidence("mean squared displacement of its optimal coupling", coupled,
                 float((moved**2).sum(1).mean()), 1e-6),
    )  # fmt: skip


def _coupled_displacement() -> float:
    import torch
    from torchebm import losses

    loss = losses.EnergyMatchingLoss(quadratic(), lambda_cd=0.0, dtype=torch.float64)
    noise, data = loss.coupling(normals(200, 2, seed=2), normals(200, 2, seed=1))
    return float((data - noise).square().sum(1).mean())


def _contrastive_term(scale: float, **options: Any) -> float:
    """Derivative in p of Energy Matching's contrastive term; data at ``scale`` times the model."""
    import torch
    from torchebm import losses

    energy, temperature = quadratic(), 0.15
    law = scale * math.sqrt(temperature / PRECISION) * stats.norm.ppf(midpoints(2000))
    loss = losses.EnergyMatchingLoss(
        energy, coupling="independent", sigma=0.0, lambda_cd=2.0, noise_fraction=0.0,
        n_langevin_steps=80, langevin_dt=0.01, epsilon_max=temperature, dtype=torch.float64,
        **options,
    )  # fmt: skip
    x = torch.from_numpy(np.random.Generator(np.random.Philox(3)).permutation(law))[:, None]
    loss.training_losses(x, generator=seeded(4))["cd_loss"].backward()
    return float(energy.p.grad)


def _trim() -> tuple[Evidence, ...]:
    import torch
    from torchebm.losses import trimmed_mean

    energies = torch.from_numpy(stats.norm.ppf(midpoints(20_000)) ** 2 / 2)
    cut = stats.chi2(1).ppf(0.9)
    kept = stats.chi2(3).cdf(cut) / 0.9 / 2
    return (
        Evidence("trimmed mean of a normal model's energies, 10% off, its own formula",
                 float(trimmed_mean(energies, 0.1)), kept, 1e-3),
        Evidence("against the mean energy", float(trimmed_mean(energies, 0.1)), 0.5, 1e-3),
        Evidence("slope of the contrastive term where data and model agree, no trimming",
                 _contrastive_term(1.0, cd_trim_fraction=0.0, cd_clamp=None), 0, 0.015),
        Evidence("the same, the default trimming", _contrastive_term(1.0, cd_clamp=None), 0,
                 0.015),
        Evidence("trimmed mean of 1, 2 and NaN", float(
            trimmed_mean(torch.tensor([1.0, 2.0, math.nan]), 0.34)), math.nan, 0),
    )  # fmt: skip


def _floor() -> tuple[Evidence, ...]:
    free = _contrastive_term(0.5, cd_trim_fraction=0.0, cd_clamp=None)
    # Half of lambda times the difference of the variances, the model's after Langevin's own bias.
    variance = 0.15 / PRECISION
    right = 2.0 * 0.5 * (0.25 * variance - _after(0.25 * variance, 80, 0.01))
    return (
        Evidence("slope in p, data half as wide as the model, no clamp", free, right, 0.01),
        Evidence("the same, the default clamp", _contrastive_term(0.5, cd_trim_fraction=0.0),
                 right, 0.01),
    )  # fmt: skip


def _after(variance: float, steps: int, step: float) -> float:
    """Variance of Langevin chains at temperature 0.15 after some steps."""
    for _ in range(steps):
        variance = (1 - step * PRECISION) ** 2 * variance + 2 * step * 0.15
    return variance


_WHERE = "torchebm 0.8.9, "

ENTRIES = (
    Erratum(
        "torchebm-energy-matching-flow",
        _WHERE + "losses/energy_matching.py, flow term",
        "A potential's gradient is regressed onto optimally coupled displacements.",
        "mean w(t) |-grad V(x_t) - (x_1 - x_0)|^2",
        "",
        "none",
        "Holds, and the coupling is the optimal assignment.",
        TORCHEBM,
        _energy_flow,
    ),
    Erratum(
        "torchebm-energy-matching-trim",
        _WHERE + "losses/energy_matching.py, cd_trim_fraction=0.1",
        "The contrastive term makes exp(-V / eps) the law of the data.",
        "mean V(data) - mean of the 90% lowest V(negatives)",
        "mean V(data) - mean V(negatives)",
        "bias",
        "One-sided trimming takes 38% off a normal model's mean energy, so that the term pushes "
        "where model and data agree; and it drops NaN energies, the largest, in silence.",
        TORCHEBM,
        _trim,
    ),
    Erratum(
        "torchebm-energy-matching-clamp",
        _WHERE + "losses/energy_matching.py, cd_clamp=0.02",
        "The contrastive term sharpens the density near the data, floored for stability.",
        "max(lambda (mean V(data) - mean V(negatives)), -0.02)",
        "a floor whose gradient is not lost",
        "zero gradient",
        "A model wider than its data has a large negative term, which the floor holds constant: "
        "nothing sharpens the density just where it needs it most.",
        TORCHEBM,
        _floor,
    ),
)
