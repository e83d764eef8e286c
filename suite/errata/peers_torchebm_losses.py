"""torchebm 0.8.9 as installed: contrastive divergence, matching losses, and what they are made of.

Langevin steps on a quadratic energy are an autoregression, interpolants of given noise and data are
given, so that every loss has a closed form.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy import optimize, stats

from suite.errata.entry import Erratum, Evidence
from suite.errata.evaluate import midpoints
from suite.errata.peers_torchebm import PRECISION, TORCHEBM, normals, quadratic, seeded

_TIMES = np.linspace(0.01, 0.99, 200)[:, None]
_MATRIX = np.array([[1.0, 2.0], [0.5, -1.0]])


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
        Evidence("loss, E over data less E over negatives", float(value), before - after, 0.04),
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
        found.append(Evidence(f"loss where an energy is {word}", float(result), right, 0))
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


def _schedule(name: str) -> tuple[np.ndarray, ...]:
    """alpha, sigma and their derivatives at the times."""
    t = _TIMES
    if name == "linear":
        return t, 1 - t, np.ones_like(t), -np.ones_like(t)
    if name == "cosine":
        turn = math.pi / 2
        return np.sin(turn * t), np.cos(turn * t), turn * np.cos(turn * t), -turn * np.sin(turn * t)
    alpha = np.exp(-((1 - t) ** 2) * 19.9 / 4 - (1 - t) * 0.05)
    slope = alpha * ((1 - t) * 19.9 / 2 + 0.05)
    sigma = np.sqrt(1 - alpha**2)
    return alpha, sigma, slope, -alpha * slope / sigma


def _field(time_shown: list[float] | None = None) -> Any:
    """The linear field x -> A x."""
    import torch

    class Field(torch.nn.Module):
        def forward(self, x: Any, t: Any, **conditions: Any) -> Any:
            if time_shown is not None:
                time_shown.append(float(t.abs().max()))
            return x @ torch.from_numpy(_MATRIX).T

    return Field()


def _matching(kind: str, model: Any, **options: Any) -> float:
    """A matching loss on fixed noise, data and times."""
    import torch
    from torchebm import losses

    options["t_sampler"] = lambda batch, **where: torch.from_numpy(_TIMES[:, 0])
    loss = getattr(losses, kind)(model, dtype=torch.float64, **options)
    return float(loss(normals(200, 2, seed=1), x0=normals(200, 2, seed=2), generator=seeded(0)))


def _path(name: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """x_t, its velocity, and the noise."""
    alpha, sigma, to_alpha, to_sigma = _schedule(name)
    data, noise = normals(200, 2, seed=1).numpy(), normals(200, 2, seed=2).numpy()
    return alpha * data + sigma * noise, to_alpha * data + to_sigma * noise, noise


def _flow() -> tuple[Evidence, ...]:
    found = []
    for name in ("linear", "cosine", "vp"):
        x, velocity, _ = _path(name)
        right = ((x @ _MATRIX.T - velocity) ** 2).mean()
        got = _matching("FlowMatchingLoss", _field(), interpolant=name)
        found.append(Evidence(f"flow matching of a linear field, {name}", got, right, 1e-9))
    x, velocity, _ = _path("linear")
    right = ((x @ _MATRIX.T + velocity) ** 2).mean()
    got = _matching("FlowMatchingLoss", _field(), negate_velocity=True)
    return (*found, Evidence("the same, negate_velocity=True", got, right, 1e-9))


def _equilibrium() -> tuple[Evidence, ...]:
    found: list[Evidence] = []
    shown: list[float] = []
    decay = 4 * np.minimum(1, (1 - _TIMES) / 0.2)
    fields = {
        "none": _MATRIX.T,
        "dot": _MATRIX + _MATRIX.T,
        "l2": -_MATRIX.T @ _MATRIX,
    }
    for energy_type, matrix in fields.items():
        for name in ("linear", "vp"):
            x, velocity, _ = _path(name)
            options = {"interpolant": name, "energy_type": energy_type}
            got = _matching("EquilibriumMatchingLoss", _field(shown), **options)
            right = ((x @ matrix + velocity * decay) ** 2).mean()
            quantity = f"equilibrium matching, energy_type={energy_type!r}, {name}"
            found.append(Evidence(quantity, got, right, 1e-9))
    constant = _matching("EquilibriumMatchingLoss", _field(), ct="constant", ct_multiplier=1.0,
                         time_invariant=False)  # fmt: skip
    negated = _matching("FlowMatchingLoss", _field(), negate_velocity=True)
    return (
        *found,
        Evidence("latest time shown to the model", max(shown), 0, 0),
        Evidence("ct='constant', less the negated flow matching", constant, negated, 1e-9),
    )


def _predictions() -> tuple[Evidence, ...]:
    found = []
    for name in ("linear", "cosine", "vp"):
        alpha, sigma, to_alpha, to_sigma = _schedule(name)
        x, _, noise = _path(name)
        drift = to_alpha / alpha * sigma**2 - sigma * to_sigma
        weights = {"velocity": (drift / sigma) ** 2, "likelihood": drift / sigma**2}
        residuals = {"noise": x @ _MATRIX.T - noise, "score": sigma * (x @ _MATRIX.T) + noise}
        for (weight, factor), (kind, residual) in zip(
            weights.items(), residuals.items(), strict=True
        ):
            options = {"interpolant": name, "prediction": kind, "loss_weight": weight}
            got = _matching("EquilibriumMatchingLoss", _field(), **options)
            quantity = f"{kind} prediction, {weight} weight, {name}"
            found.append(Evidence(quantity, got, (factor * residual**2).mean(), 1e-6))
    return tuple(found)


def _energy_flow() -> tuple[Evidence, ...]:
    x, velocity, _ = _path("linear")
    gate = np.clip((1 - _TIMES[:, 0]) / 0.2, 0, 1)
    right = (gate * ((-PRECISION * x - velocity) ** 2).mean(axis=1)).mean()
    options = {"sigma": 0.0, "lambda_cd": 0.0}
    got = _matching("EnergyMatchingLoss", quadratic(), coupling="independent", **options)
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


def _parts() -> tuple[Evidence, ...]:
    import torch
    from torchebm import losses

    t = torch.tensor([0.0, 0.8, 0.9, 1.0])
    ties = torch.tensor([[0.0, 0.0], [1.0, 1.0]])
    values = torch.tensor([5.0, 1.0, 2.0, 3.0, 4.0])
    return (
        Evidence("compute_eqm_ct at 0.9", float(losses.compute_eqm_ct(t)[2]), 2, 1e-6),
        Evidence("compute_flow_weight at 0.9", float(losses.compute_flow_weight(t)[2]), 0.5, 1e-6),
        Evidence("trimmed_mean of 1 to 5, a fifth off", float(losses.trimmed_mean(values, 0.2)),
                 2.5, 1e-6),
        Evidence("dispersive_loss of (0, 0) and (1, 1)", float(losses.dispersive_loss(ties)),
                 math.log((1 + math.exp(-1)) / 2), 1e-6),
        Evidence("mean_flat of rows (1, 3) and (2, 6), second",
                 float(losses.mean_flat(torch.tensor([[1.0, 3.0], [2.0, 6.0]]))[1]), 4, 1e-6),
    )  # fmt: skip


def _flat() -> tuple[Evidence, ...]:
    import torch
    from torchebm import losses

    class Zero(torch.nn.Module):
        def forward(self, x: Any, t: Any, **conditions: Any) -> Any:
            return torch.zeros_like(x)

    def loss(data: Any) -> float:
        matching = losses.FlowMatchingLoss(
            Zero(),
            t_sampler=lambda batch, **where: torch.tensor([0.0, 0.5, 0.5]),
            loss_weight_fn=lambda t: (t == 0).to(t.dtype),
        )
        return float(matching(data, x0=torch.zeros_like(data)))

    data = torch.tensor([1.0, 2.0, 3.0])
    return (
        Evidence("weighted flow matching, data of shape (3, 1)", loss(data[:, None]), 1 / 3, 1e-6),
        Evidence("the same, data of shape (3,)", loss(data), 1 / 3, 1e-6),
        Evidence("values of mean_flat for 3 samples of shape ()",
                 losses.mean_flat(data).numel(), 3, 0),
    )  # fmt: skip


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
    Erratum(
        "torchebm-flow-matching",
        _WHERE + "losses/flow_matching.py, FlowMatchingLoss",
        "Regression of a field onto an interpolant's velocity, three interpolants.",
        "mean |f(x_t, t) - (alpha' x_1 + sigma' x_0)|^2",
        "",
        "none",
        "Holds to rounding, schedules and their derivatives included.",
        TORCHEBM,
        _flow,
    ),
    Erratum(
        "torchebm-equilibrium-matching",
        _WHERE + "losses/equilibrium_matching.py, EquilibriumMatchingLoss",
        "Regression onto the negative velocity times c(t), by field or by an energy's gradient.",
        "mean |g(x_t) + c(t) u_t|^2, g = f, grad x.f or -grad |f|^2 / 2",
        "",
        "none",
        "Holds, and with constant c it is negated flow matching.",
        TORCHEBM,
        _equilibrium,
    ),
    Erratum(
        "torchebm-predictions",
        _WHERE + "losses/equilibrium_matching.py, prediction= and loss_weight=",
        "Noise and score prediction with velocity and likelihood weights.",
        "w |f - x_0|^2 and w |sigma f + x_0|^2, w = (d / sigma)^2 or d / sigma^2",
        "",
        "none",
        "Holds with d = sigma^2 alpha' / alpha - sigma sigma', the weights that turn one error "
        "into the other.",
        TORCHEBM,
        _predictions,
    ),
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
    Erratum(
        "torchebm-parts",
        _WHERE + "losses/loss_utils.py",
        "Time weights, the trimmed mean, the dispersive loss, means over all but the batch.",
        "min(1, (1 - t) / (1 - a)); log mean exp(-|z_i - z_j|^2 / D); ...",
        "",
        "none",
        "Hold.",
        TORCHEBM,
        _parts,
    ),
    Erratum(
        "torchebm-flat-samples",
        _WHERE + "losses/loss_utils.py, mean_flat",
        "Takes a batch of any shape to one mean for each sample.",
        "mean over axes 1, 2, ...; over all axes where there are none",
        "the values themselves where samples are numbers",
        "shape",
        "For data of shape (batch,) the list of axes is empty, which torch reads as all: the mean "
        "over the batch, so that a weight for each sample weighs nothing.",
        TORCHEBM,
        _flat,
    ),
)
