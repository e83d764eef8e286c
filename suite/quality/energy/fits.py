"""Use: a mixture of many narrow components fitted to a law in the plane, by each loss alike.

Adam, the same number of steps, fresh data and draws every step. The energy is normalised whatever
its parameters, so that its samples are exact; losses are not told.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from suite.energies import gaussian_mixture
from suite.energies.jet import exact
from suite.operators.energy_contrastive_divergence import chain
from suite.quality.energy.gradients import Losses
from suite.quality.energy.targets import TARGETS, Target, grid, likelihood_lost, mean_discrepancy

COMPONENTS, BATCH, STEPS, RATE = 32, 256, 400, 0.05
CHAIN, STEP, NOISE, BLUR = 10, 0.01, 2.0, 0.15
SAMPLES = 2000
SEEDS = (0, 1, 2)
NAMES = ("theta.logits", "theta.means", "theta.precision_logs")

WAYS = {
    "maximum likelihood": "maximum_likelihood",
    f"CD-{CHAIN}": "contrastive_divergence",
    f"persistent CD-{CHAIN}": "contrastive_divergence",
    f"NCE, noise {NOISE:g}": "noise_contrastive",
    "score matching": "score_matching",
    f"DSM, sigma {BLUR:g}": "denoising_score_matching",
    "SSM, 1 rademacher, reduced": "sliced_score_matching",
}
"""A line of the report, and its loss."""


@dataclass(frozen=True)
class Fit:
    """theta at the end; lost: nats a sample; discrepancy: of samples to the target's, squared;
    energy: on the targets' grid."""

    theta: list[np.ndarray]
    lost: float
    discrepancy: float
    energy: np.ndarray


def fit(losses: Losses, way: str, target: Target, seed: int) -> Fit:
    """Descend from a seeded start, the same for every way."""
    rng = np.random.Generator(np.random.Philox(key=[0xF17, seed]))
    *_, theta = descent(losses, way, target, rng)
    points, _ = grid()
    energy = energies(theta, points)
    drawn = target.sample(rng, SAMPLES)
    discrepancy = mean_discrepancy(_model(theta, rng, SAMPLES), drawn)
    return Fit(theta, likelihood_lost(target, energy), discrepancy, energy)


def descent(
    losses: Losses, way: str, target: Target, rng: np.random.Generator
) -> Iterator[list[np.ndarray]]:
    """theta at the start, which rng draws, and after every step."""
    theta = [
        np.zeros(COMPONENTS),
        1.5 * rng.normal(size=(COMPONENTS, 2)),
        np.full(COMPONENTS, -2 * np.log(0.6)),
    ]
    state = _Draws(way, target, rng)
    # log Z last: noise contrastive estimation learns it, others have no gradient to it.
    flat, first, second = (np.zeros(sum(a.size for a in theta) + 1) for _ in range(3))
    flat[:-1] = np.concatenate([array.ravel() for array in theta])
    yield theta
    for t in range(1, STEPS + 1):
        gradient = np.zeros_like(flat)
        found = losses.gradient(WAYS[way], state.arguments(_shaped(flat), flat[-1]))
        gradient[: len(found)] = found
        first = 0.9 * first + 0.1 * gradient
        second = 0.99 * second + 0.01 * gradient**2
        step = first / (1 - 0.9**t) / (np.sqrt(second / (1 - 0.99**t)) + 1e-8)
        flat = flat - RATE * (1 - (t - 1) / STEPS) * step
        yield _shaped(flat)


@functools.cache
def noise_floor(name: str, seed: int) -> float:
    """The discrepancy of two draws of the target of that name."""
    target = TARGETS[name]
    rng = np.random.Generator(np.random.Philox(key=[0xF17, 100 + seed]))
    return mean_discrepancy(target.sample(rng, SAMPLES), target.sample(rng, SAMPLES))


def energies(theta: list[np.ndarray], points: np.ndarray) -> np.ndarray:
    """E at points (N, 2), (N,)."""
    return gaussian_mixture.jet(points, np.zeros((1, 0, 2)), theta, exact).value


def _shaped(flat: np.ndarray) -> list[np.ndarray]:
    logits, means, logs = np.split(flat[:-1], [COMPONENTS, 3 * COMPONENTS])
    return [logits, means.reshape(COMPONENTS, 2), logs]


def _model(theta: list[np.ndarray], rng: np.random.Generator, n: int) -> np.ndarray:
    shares = np.exp(theta[0] - theta[0].max())
    k = rng.choice(COMPONENTS, size=n, p=shares / shares.sum())
    return theta[1][k] + np.exp(-theta[2][k, None] / 2) * rng.normal(size=(n, 2))


class _Draws:
    """Batches of a fit, one a call, and its persistent chain."""

    def __init__(self, way: str, target: Target, rng: np.random.Generator) -> None:
        self.way, self.target, self.rng = way, target, rng
        self.ends = target.sample(rng, BATCH) if way.startswith("persistent") else None

    def arguments(self, theta: list[np.ndarray], log_partition: float) -> dict[str, Any]:
        """Of the loss, at these parameters."""
        rng, loss = self.rng, WAYS[self.way]
        x = self.target.sample(rng, BATCH)
        given: dict[str, Any] = {"x": x, **dict(zip(NAMES, theta, strict=True))}
        given["energy"] = "gaussian_mixture"
        if loss == "maximum_likelihood":
            given["negatives"] = _model(theta, rng, BATCH)
        elif loss == "contrastive_divergence":
            given |= {"noise": rng.normal(size=(BATCH, CHAIN, 2)), "step": STEP}
            if self.ends is not None:
                given["start"] = self.ends
                self.ends = chain(x, theta, given["noise"], self.ends, energy=given["energy"],
                                  step=STEP)  # fmt: skip
        elif loss == "noise_contrastive":
            noise = NOISE * rng.normal(size=(BATCH, 2))
            for name, u in (("x", x), ("noise", noise)):
                norm = 2 * np.log(NOISE * np.sqrt(2 * np.pi))
                given[f"log_density_{name}"] = -(u**2).sum(axis=1) / (2 * NOISE**2) - norm
            given |= {"noise": noise, "log_partition": np.asarray(log_partition)}
        elif loss == "denoising_score_matching":
            given |= {"noise": rng.normal(size=(BATCH, 1, 2)), "sigma": BLUR}
        elif loss == "sliced_score_matching":
            given |= {"projections": rng.normal(size=(BATCH, 1, 2)), "law": "rademacher",
                      "variance_reduced": True}  # fmt: skip
        return given
