"""Which precision every loss makes of a Gaussian's data: what is stated, and what is found.

Data of covariance A = 1/Q, d = 1, 4, 16. A loss recovers the precision at which its gradient is 0:

    maximum likelihood, score matching, sliced    Q
    denoising at sigma                            1 / (A + sigma^2)
    CD-k by steps h without correction            (1 - sqrt(1 - 2 h Q)) / h = Q + h Q^2 / 2 + ...,
                                                  whatever k; Q itself with correction
    noise contrastive                             Q as N grows; the noise's density is known

Draws are whitened together with the data, so that no correlation is left to chance, except where
laws forbid it: Rademacher's and corrected chains have a tolerance of their own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import optimize

from suite.quality.energy.gradients import Losses

SIZES = (1, 4, 16)
SIGMA, STEP, NOISE, CHAIN = 0.3, 0.05, 1.3, 3
SAMPLES, NOISES = 2000, 40_000


@dataclass(frozen=True)
class Way:
    """A loss as it is used here. tolerance: of the precision's largest relative error."""

    name: str
    loss: str
    bias: str
    tolerance: float


WAYS = (
    Way("maximum likelihood", "maximum_likelihood", "none", 1e-6),
    Way(f"CD-{CHAIN}, step {STEP:g}", "contrastive_divergence", "h Q / 2, relative", 1e-6),
    Way("score matching", "score_matching", "none", 1e-6),
    Way(f"DSM, sigma {SIGMA:g}", "denoising_score_matching", "-sigma^2 Q / (1 + sigma^2 Q)", 1e-6),
    Way("SSM, gaussian, reduced", "sliced_score_matching", "none", 1e-6),
    Way(f"NCE, noise {NOISE:g}", "noise_contrastive", "none as N grows", 0.15),
)


def precision(size: int) -> np.ndarray:
    """Of the data: eigenvalues from 1/2 to 2 in directions of no axis."""
    rng = np.random.Generator(np.random.Philox(key=[0x9EC0, size]))
    turn = np.linalg.qr(rng.normal(size=(size, size)))[0]
    return (turn * np.geomspace(0.5, 2.0, size) if size > 1 else 2.0 * turn**2) @ turn.T


def stated(way: Way, q: np.ndarray) -> np.ndarray:
    """The precision that the loss's expectation is stationary at."""
    values, turn = np.linalg.eigh(q)
    if way.loss == "denoising_score_matching":
        values = 1 / (1 / values + SIGMA**2)
    elif way.loss == "contrastive_divergence":
        values = (1 - np.sqrt(1 - 2 * STEP * values)) / STEP
    return (turn * values) @ turn.T


def recovered(losses: Losses, way: Way, size: int) -> np.ndarray:
    """The precision where the loss's gradient is 0, sought from a multiple of 1."""
    data = _Data(way, size)
    upper = np.triu_indices(size)
    # Newton's steps for a - 1 / p need p < 2 / a; for odds, a model near the data.
    wide = 1.0 if way.loss == "noise_contrastive" else 0.4
    start = np.concatenate(
        [np.zeros(size), wide * np.eye(size)[upper], [size * np.log(2 * np.pi) / 2]]
    )
    count = len(start) if way.loss == "noise_contrastive" else len(start) - 1

    def slopes(at: np.ndarray) -> np.ndarray:
        mean, matrix = _parts(at, size)
        found = losses.gradient(way.loss, data.arguments(mean, matrix, at[-1]))
        folded = found[size : size + size**2].reshape(size, size)[upper]
        return np.concatenate([found[:size], folded, found[size + size**2 :]])[:count]

    at = optimize.root(slopes, start[:count], method="hybr", options={"xtol": 1e-10}).x
    return _parts(at, size)[1]


def _parts(at: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Mean and symmetric precision."""
    matrix = np.zeros((size, size))
    matrix[np.triu_indices(size)] = at[size : size + size * (size + 1) // 2]
    return at[:size], matrix + np.triu(matrix, 1).T


class _Data:
    """Data and draws of one way."""

    def __init__(self, way: Way, size: int) -> None:
        self.way, self.size = way, size
        q = precision(size)
        self.root = np.linalg.cholesky(np.linalg.inv(q))
        rng = np.random.Generator(np.random.Philox(key=[0x9EC1, size]))
        samples = NOISES if way.loss == "noise_contrastive" else SAMPLES
        drawn = rng.normal(size=(samples, size * (1 + CHAIN)))
        drawn -= drawn.mean(axis=0)
        drawn = drawn @ np.linalg.inv(np.linalg.cholesky(drawn.T @ drawn / samples)).T
        self.x, self.draws = drawn[:, :size] @ self.root.T, drawn[:, size:]

    def arguments(self, mean: np.ndarray, matrix: np.ndarray, log_partition: float) -> dict:
        """Of the loss at a mean and a precision."""
        given: dict[str, Any] = {"x": self.x, "theta.mean": mean, "theta.precision": matrix,
                                 "energy": "gaussian"}  # fmt: skip
        size, one = self.size, self.draws[:, : self.size]
        if self.way.loss == "maximum_likelihood":
            values, turn = np.linalg.eigh(matrix)
            given["negatives"] = mean + (one @ turn) / np.sqrt(np.abs(values)) @ turn.T
        elif self.way.loss == "contrastive_divergence":
            given |= {"noise": self.draws.reshape(-1, CHAIN, size), "step": STEP}
        elif self.way.loss == "denoising_score_matching":
            given |= {"noise": one[:, None], "sigma": SIGMA}
        elif self.way.loss == "sliced_score_matching":
            given |= {"projections": one[:, None], "variance_reduced": True}
        elif self.way.loss == "noise_contrastive":
            noise = NOISE * one
            for name, u in (("x", self.x), ("noise", noise)):
                norm = size * np.log(NOISE * np.sqrt(2 * np.pi))
                given[f"log_density_{name}"] = -(u**2).sum(axis=1) / (2 * NOISE**2) - norm
            given |= {"noise": noise, "log_partition": np.asarray(log_partition)}
        return given


def error(found: np.ndarray, right: np.ndarray) -> float:
    """The largest eigenvalue of the difference, over the smallest of the right precision."""
    return float(np.abs(np.linalg.eigvalsh(found - right)).max() / np.linalg.eigvalsh(right)[0])
