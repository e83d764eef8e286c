"""torchebm 0.8.9 as installed: contrastive divergence and its replay buffer.

Langevin steps on a quadratic energy are an autoregression, so that negatives have known variances.
"""

from __future__ import annotations

import math
from typing import Any

from suite.errata.entry import Erratum, Evidence
from suite.errata.peers_torchebm import PRECISION, TORCHEBM, normals, quadratic, seeded


def _langevin(energy: Any, step: float, temperature: float = 1.0) -> Any:
    import torch
    from torchebm.samplers import LangevinDynamics

    return LangevinDynamics(
        energy, step_size=step, noise_scale=math.sqrt(temperature), dtype=torch.float64
    )


def _cd(persistent: bool = False, **options: Any) -> tuple[Any, Any]:
    """A contrastive divergence of one step of 0.1, and its energy."""
    import torch
    from torchebm import losses

    energy = quadratic()
    kind = losses.PersistentContrastiveDivergence if persistent else losses.ContrastiveDivergence
    options = {"k_steps": 1, "energy_reg_weight": 0.0, "dtype": torch.float64, **options}
    return kind(energy, _langevin(energy, 0.1), **options), energy


def _contrast() -> tuple[Evidence, ...]:
    loss, energy = _cd()
    x = 1.5 * normals(100_000, 1)
    value, negatives = loss(x, generator=seeded(1))
    value.backward()
    before = float(x.square().mean())
    after = (1 - 0.1 * PRECISION) ** 2 * before + 2 * 0.1
    return (
        Evidence("variance of the negatives after one step", float(negatives.square().mean()),
                 after, 0.02),
        Evidence("loss, E over data less E over negatives", float(value.detach()),
                 before - after, 0.04),
        Evidence("its derivative in p, half the variances' difference", float(energy.p.grad),
                 (before - after) / 2, 0.01),
    )  # fmt: skip


def _stationary() -> tuple[Evidence, ...]:
    import torch

    found = []
    for step, temperature in ((0.1, 1.0), (0.4, 0.15)):
        start = torch.zeros(10_000, 1, dtype=torch.float64)
        sampler = _langevin(quadratic(), step, temperature)
        x = sampler.sample(x=start, n_steps=40, generator=seeded(2))
        right = temperature / PRECISION / (1 - step * PRECISION / 2)
        quantity = f"stationary variance, step {step:g}, noise_scale^2 = {temperature:g}"
        found.append(Evidence(quantity, float(x.var()), right, 0.05 * right))
    return tuple(found)


def _not_finite() -> tuple[Evidence, ...]:
    import torch

    found = []
    for word, value in (("NaN", math.nan), ("overflows to inf", 1e200)):
        loss, energy = _cd()
        data = torch.full((1, 1), value, dtype=torch.float64)
        result = loss.compute_loss(data, torch.zeros(1, 1, dtype=torch.float64))
        result.backward()
        right = math.nan if word == "NaN" else math.inf
        found.append(Evidence(f"loss where an energy is {word}", float(result.detach()), right, 0))
    return (*found, Evidence("its derivative in p", float(energy.p.grad), math.inf, 0))


def _fresh() -> tuple[Evidence, ...]:
    import torch

    loss, _ = _cd(True, buffer_size=10_000, init_steps=0, new_sample_ratio=0.5)
    batch = torch.zeros(1000, 1, dtype=torch.float64)
    loss.get_start_points(batch, generator=seeded(0))
    loss.replay_buffer[:] = 7.0
    starts = loss.get_start_points(batch, generator=seeded(1))
    moved = (starts - 7).abs().flatten()
    return (
        Evidence("share of starts that are not the buffer's, new_sample_ratio=0.5",
                 float((moved > 0).double().mean()), 0.5, 1e-3),
        Evidence("share of starts further than 0.1 from a buffer of sevens",
                 float((moved > 0.1).double().mean()), 0.5, 1e-3),
    )  # fmt: skip


def _reached() -> tuple[Evidence, ...]:
    import torch

    found = []
    for batch in (5, 4):
        loss, _ = _cd(True, buffer_size=10, init_steps=0, new_sample_ratio=0.0)
        x = torch.zeros(batch, 1, dtype=torch.float64)
        loss.get_start_points(x, generator=seeded(0))
        loss.replay_buffer[:] = torch.arange(10.0, dtype=torch.float64)[:, None]
        starts = [loss.get_start_points(x, generator=seeded(k)).flatten() for k in range(200)]
        reached = len(torch.cat(starts).unique())
        found.append(Evidence(f"chains of 10 that a batch of {batch} draws from", reached, 10, 0))
    return tuple(found)


_WHERE = "torchebm 0.8.9, "

ENTRIES = (
    Erratum(
        "torchebm-contrastive-divergence",
        _WHERE + "losses/contrastive_divergence.py, ContrastiveDivergence",
        "CD-k: mean energy of data less that of negatives k Langevin steps away.",
        "mean E(x) - mean E(x_k), x_k held constant",
        "",
        "none",
        "Holds with energy_reg_weight=0; its default of 0.001 adds 0.001 (E(x)^2 + E(x_k)^2).",
        TORCHEBM,
        _contrast,
    ),
    Erratum(
        "torchebm-langevin",
        _WHERE + "samplers/langevin_dynamics.py, as its losses use it",
        "Langevin steps sample exp(-E / T) with noise_scale = sqrt T.",
        "x - eta grad E + noise_scale sqrt(2 eta) n",
        "",
        "none",
        "Holds, up to the known factor 1 / (1 - eta p / 2) of unadjusted steps.",
        TORCHEBM,
        _stationary,
    ),
    Erratum(
        "torchebm-not-finite",
        _WHERE + "losses/contrastive_divergence.py, compute_loss, fallback",
        "A loss that is not finite is replaced by a small constant, as a guard.",
        "0.1 where mean E is NaN or infinite",
        "NaN or infinity, or an error",
        "nan",
        "A model that has diverged reports a loss of 0.1. The gradient is NaN all the same, so the "
        "guard hides what it was meant to guard against.",
        TORCHEBM,
        _not_finite,
    ),
    Erratum(
        "torchebm-new-samples",
        _WHERE + "core/base_loss.py, get_start_points",
        "new_sample_ratio is the fraction of new random samples in persistent chains.",
        "buffer + 0.01 n for that fraction",
        "a draw from the initial law for that fraction",
        "misnamed",
        "No chain ever starts anew: those chosen are moved by 0.01, whatever the data's scale.",
        TORCHEBM,
        _fresh,
    ),
    Erratum(
        "torchebm-buffer-tail",
        _WHERE + "core/base_loss.py, get_start_points, stratified indices",
        "Start points are spread over the whole replay buffer.",
        "k floor(B / N) + u, u < floor(B / N), k < N",
        "floor(k B / N) + u, u < the stratum's own length",
        "bias",
        "Where the batch does not divide the buffer, its last B mod N chains are never drawn until "
        "they are overwritten.",
        TORCHEBM,
        _reached,
    ),
)
