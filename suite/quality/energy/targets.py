"""Two laws in the plane that energies are fitted to, their densities, and distances to them."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np

from suite.quality.energy.populations import MODES, RADIUS

REACH, POINTS = 4.0, 161
"""A square grid of that many points a side, over [-REACH, REACH]^2."""

BANDWIDTHS = (0.2, 0.5, 1.0, 2.0)


@dataclass(frozen=True)
class Target:
    """A mixture of equal normal laws of one width: centres (K, 2), many of them for a curve."""

    name: str
    centres: np.ndarray
    width: float

    def sample(self, rng: np.random.Generator, n: int) -> np.ndarray:
        """Samples (n, 2)."""
        k = rng.integers(len(self.centres), size=n)
        return self.centres[k] + self.width * rng.normal(size=(n, 2))

    def density(self, x: np.ndarray) -> np.ndarray:
        """At points (N, 2), (N,)."""
        found = np.zeros(len(x))
        for centre in self.centres:
            found += np.exp(-((x - centre) ** 2).sum(axis=1) / (2 * self.width**2))
        return found / (len(self.centres) * 2 * np.pi * self.width**2)

    @functools.cached_property
    def on_grid(self) -> np.ndarray:
        """The density at the grid's points, computed once."""
        return self.density(grid()[0])


def _moons() -> np.ndarray:
    """Two half circles, each reaching into the other, about the origin."""
    turn = np.pi * (np.arange(100) + 0.5) / 100
    upper = np.stack([np.cos(turn), np.sin(turn)], axis=1)
    lower = np.stack([1 - np.cos(turn), 0.5 - np.sin(turn)], axis=1)
    return 1.6 * (np.concatenate([upper, lower]) - [0.5, 0.25])


def _circle() -> np.ndarray:
    turn = 2 * np.pi * np.arange(MODES) / MODES
    return RADIUS * np.stack([np.cos(turn), np.sin(turn)], axis=1)


TARGETS = {
    target.name: target
    for target in (
        Target("eight Gaussians", _circle(), 0.25), Target("two moons", _moons(), 0.15)
    )
}  # fmt: skip


def grid() -> tuple[np.ndarray, float]:
    """Points (POINTS^2, 2), the second coordinate first to vary, and a cell's area."""
    axis = np.linspace(-REACH, REACH, POINTS)
    points = np.stack(np.meshgrid(axis, axis, indexing="ij"), axis=-1).reshape(-1, 2)
    return points, float((axis[1] - axis[0]) ** 2)


def likelihood_lost(target: Target, energy: np.ndarray) -> float:
    """Nats a sample: E_p log p / q with q = exp(-energy) / Z, both sums over the grid.

    energy: at the grid's points; Z is the sum over it.
    """
    p, (_, cell) = target.on_grid, grid()
    partition = np.log(cell) + np.logaddexp.reduce(-energy)
    with np.errstate(divide="ignore"):
        logs = np.where(p > 0, np.log(p), 0.0)
    return float(cell * (p * (logs + energy + partition)).sum())


def mean_discrepancy(x: np.ndarray, y: np.ndarray) -> float:
    """Squared maximum mean discrepancy, unbiased, of a sum of Gaussian kernels."""

    def kernels(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        squares = (a**2).sum(1)[:, None] + (b**2).sum(1) - 2 * a @ b.T
        return sum(np.exp(-squares / (2 * h * h)) for h in BANDWIDTHS)  # type: ignore[return-value]

    n, m = len(x), len(y)
    own = (kernels(x, x).sum() - n * len(BANDWIDTHS)) / (n * (n - 1))
    other = (kernels(y, y).sum() - m * len(BANDWIDTHS)) / (m * (m - 1))
    return float(own + other - 2 * kernels(x, y).mean())
