"""torchebm 0.8.9 as installed: flow and equilibrium matching, and the parts that they share.

Noise, data and times are given, so that interpolants and their velocities are known.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from suite.errata.entry import Erratum, Evidence
from suite.errata.peers_torchebm import TORCHEBM, normals, seeded

TIMES = np.linspace(0.01, 0.99, 200)[:, None]

_MATRIX = np.array([[1.0, 2.0], [0.5, -1.0]])


def _schedule(name: str) -> tuple[np.ndarray, ...]:
    """alpha, sigma and their derivatives at the times."""
    t = TIMES
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


def matching(kind: str, model: Any, **options: Any) -> float:
    """A matching loss on fixed noise, data and times."""
    import torch
    from torchebm import losses

    options["t_sampler"] = lambda batch, **where: torch.from_numpy(TIMES[:, 0])
    loss = getattr(losses, kind)(model, dtype=torch.float64, **options)
    data, noise = normals(200, 2, seed=1), normals(200, 2, seed=2)
    return float(loss(data, x0=noise, generator=seeded(0)).detach())


def path(name: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """x_t by an interpolant, its velocity, and the noise."""
    alpha, sigma, to_alpha, to_sigma = _schedule(name)
    data, noise = normals(200, 2, seed=1).numpy(), normals(200, 2, seed=2).numpy()
    return alpha * data + sigma * noise, to_alpha * data + to_sigma * noise, noise


def _flow() -> tuple[Evidence, ...]:
    found = []
    for name in ("linear", "cosine", "vp"):
        x, velocity, _ = path(name)
        right = ((x @ _MATRIX.T - velocity) ** 2).mean()
        got = matching("FlowMatchingLoss", _field(), interpolant=name)
        found.append(Evidence(f"flow matching of a linear field, {name}", got, right, 1e-9))
    x, velocity, _ = path("linear")
    right = ((x @ _MATRIX.T + velocity) ** 2).mean()
    got = matching("FlowMatchingLoss", _field(), negate_velocity=True)
    return (*found, Evidence("the same, negate_velocity=True", got, right, 1e-9))


def _equilibrium() -> tuple[Evidence, ...]:
    found: list[Evidence] = []
    shown: list[float] = []
    decay = 4 * np.minimum(1, (1 - TIMES) / 0.2)
    fields = {
        "none": _MATRIX.T,
        "dot": _MATRIX + _MATRIX.T,
        "l2": -_MATRIX.T @ _MATRIX,
    }
    for energy_type, matrix in fields.items():
        for name in ("linear", "vp"):
            x, velocity, _ = path(name)
            options = {"interpolant": name, "energy_type": energy_type}
            got = matching("EquilibriumMatchingLoss", _field(shown), **options)
            right = ((x @ matrix + velocity * decay) ** 2).mean()
            quantity = f"equilibrium matching, energy_type={energy_type!r}, {name}"
            found.append(Evidence(quantity, got, right, 1e-9))
    constant = matching("EquilibriumMatchingLoss", _field(), ct="constant", ct_multiplier=1.0,
                         time_invariant=False)  # fmt: skip
    negated = matching("FlowMatchingLoss", _field(), negate_velocity=True)
    return (
        *found,
        Evidence("latest time shown to the model", max(shown), 0, 0),
        Evidence("ct='constant', less the negated flow matching", constant, negated, 1e-9),
    )


def _predictions() -> tuple[Evidence, ...]:
    found = []
    for name in ("linear", "cosine", "vp"):
        alpha, sigma, to_alpha, to_sigma = _schedule(name)
        x, _, noise = path(name)
        drift = to_alpha / alpha * sigma**2 - sigma * to_sigma
        weights = {"velocity": (drift / sigma) ** 2, "likelihood": drift / sigma**2}
        residuals = {"noise": x @ _MATRIX.T - noise, "score": sigma * (x @ _MATRIX.T) + noise}
        for (weight, factor), (kind, residual) in zip(
            weights.items(), residuals.items(), strict=True
        ):
            options = {"interpolant": name, "prediction": kind, "loss_weight": weight}
            got = matching("EquilibriumMatchingLoss", _field(), **options)
            quantity = f"{kind} prediction, {weight} weight, {name}"
            found.append(Evidence(quantity, got, (factor * residual**2).mean(), 1e-6))
    return tuple(found)


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
