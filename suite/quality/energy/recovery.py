"""Which precision every loss makes of a Gaussian's data: what is stated, and what is found.

Data of covariance A = 1/Q, d = 1, 4, 16. A loss recovers the precision at which its gradient is 0:

    maximum likelihood, score matching, sliced    Q
    denoising at sigma                            1 / (A + sigma^2)
    CD-k by steps h without correction            (1 - sqrt(1 - 2 h Q)) / h = Q + h Q^2 / 2 + ...,
                                                  whatever k; Q itself with correction
    noise contrastive                             Q as N grows; the noise's density is known

Draws are whitened together with the data, so that no correlation is left to chance; Rademacher's
are the rows of a Hadamard matrix in turn. Odds depend on more than moments: what noise contrastive
estimation finds is held to ``chance``, the sampling error of as many independent draws, beside
which its bias, of the order of that error's square, is small. Chains with correction are not sought
here: their slope has steps. That their slope at Q is 0 is a test's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import linalg, optimize

from suite.quality.energy.gradients import Losses

SIZES = (1, 4, 16)
SIGMA, STEP, NOISE, CHAIN = 0.3, 0.05, 1.3, 3
SAMPLES, NOISES, PARTS = 2000, 40_000, 80
ROUNDING = 1e-6


@dataclass(frozen=True)
class Way:
    """A loss as it is used here. law: of projections."""

    name: str
    loss: str
    bias: str
    law: str = "gaussian"


WAYS = (
    Way("maximum likelihood", "maximum_likelihood", "none"),
    Way(f"CD-{CHAIN}, step {STEP:g}", "contrastive_divergence", "h Q / 2, relative"),
    Way("score matching", "score_matching", "none"),
    Way(f"DSM, sigma {SIGMA:g}", "denoising_score_matching", "-sigma^2 Q / (1 + sigma^2 Q)"),
    Way("SSM, gaussian, reduced", "sliced_score_matching", "none"),
    Way("SSM, rademacher, reduced", "sliced_score_matching", "none", law="rademacher"),
    Way(f"NCE, noise {NOISE:g}", "noise_contrastive", "none as N grows"),
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
    # Newton's steps for a - 1 / p need p < 2 / a; for odds, a model near the data.
    wide = 1.0 if way.loss == "noise_contrastive" else 0.4
    start = _packed(np.zeros(size), wide * np.eye(size), size * np.log(2 * np.pi) / 2)
    count = len(start) if way.loss == "noise_contrastive" else len(start) - 1
    slopes = _Slopes(losses, way, size)
    at = optimize.root(lambda at: slopes(at)[:count], start[:count], method="hybr",
                       options={"xtol": 1e-10}).x  # fmt: skip
    return _parts(at, size)[1]


def chance(losses: Losses, way: Way, size: int) -> float:
    """The error that one in a hundred sets of as many independent draws exceeds.

    Of noise contrastive estimation: resampled mean slopes of parts of the data at what is stated,
    through the inverse of the slopes' derivative there. Of others, which leave nothing to chance,
    what rounding and the search for the root explain.
    """
    if way.loss != "noise_contrastive":
        return ROUNDING
    q, slopes = stated(way, precision(size)), _Slopes(losses, way, size)
    level = (size * np.log(2 * np.pi) - np.linalg.slogdet(q)[1]) / 2
    at, h = _packed(np.zeros(size), q, level), 1e-6
    here, steps = slopes(at), h * np.eye(len(at))
    derivative = np.stack([slopes(at + step) - here for step in steps], axis=1) / h
    rows = np.arange(NOISES).reshape(PARTS, -1)
    parts = np.stack([slopes(at, part) for part in rows])
    rng = np.random.Generator(np.random.Philox(key=[0x9EC2, size]))
    means = (rng.multinomial(PARTS, [1 / PARTS] * PARTS, size=400) / PARTS) @ parts
    moved = np.linalg.solve(derivative, (means - parts.mean(axis=0)).T).T
    errors = [error(_parts(at + each, size)[1], q) for each in moved]
    return float(np.quantile(errors, 0.99))


class _Slopes:
    """The gradient to mean, precision and log Z, as a function of them, of all data or rows."""

    def __init__(self, losses: Losses, way: Way, size: int) -> None:
        self.losses, self.way, self.size = losses, way, size
        self.data = _Data(way, size)

    def __call__(self, at: np.ndarray, rows: np.ndarray | None = None) -> np.ndarray:
        size, count = self.size, len(self.data.x)
        given = self.data.arguments(*_parts(at, size), at[-1])
        if rows is not None:
            each = {name for name, a in given.items() if np.ndim(a) and len(a) == count}
            given = {name: a[rows] if name in each else a for name, a in given.items()}
        found = self.losses.gradient(self.way.loss, given)
        folded = found[size : size + size**2].reshape(size, size)[np.triu_indices(size)]
        return np.concatenate([found[:size], folded, found[size + size**2 :]])


def _packed(mean: np.ndarray, matrix: np.ndarray, log_partition: float) -> np.ndarray:
    """What ``_parts`` takes apart, and log Z."""
    return np.concatenate([mean, matrix[np.triu_indices(len(mean))], [log_partition]])


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
            if self.way.law == "rademacher":
                one = linalg.hadamard(size)[np.arange(len(one)) % size].astype(float)
            given |= {"projections": one[:, None], "law": self.way.law, "variance_reduced": True}
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
