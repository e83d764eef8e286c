"""What a descent starts from, which gradient it is given, and how far from its goal it is.

A problem holds R independent descents as the rows of its parameters, (R, P).
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from scipy import special

from suite.quality.batches import Pull
from suite.quality.objectives import Objective
from suite.quality.targets import NO_TEST_TELLS, TARGETS, Target, cramer_von_mises, wasserstein

FRESH = 1024
"""Samples of a generator that its distance is measured on: no step has seen them."""

Distances = dict[str, np.ndarray]


class Problem(Protocol):
    """begin(rng, rows) -> parameters (R, P); slope -> their gradient; distances -> (R,) each.

    reached: the metric that decides, and the distance from which on the goal counts as reached.
    """

    @property
    def reached(self) -> tuple[str, float]: ...
    def begin(self, rng: np.random.Generator, rows: int) -> np.ndarray: ...
    def slope(self, now: np.ndarray, rng: np.random.Generator, pull: Pull) -> np.ndarray: ...
    def distances(self, now: np.ndarray, rng: np.random.Generator) -> Distances: ...


def _distances(theta: np.ndarray, target: Target) -> Distances:
    return {
        "cramer_von_mises": cramer_von_mises(theta, target),
        "wasserstein_1": wasserstein(theta, target),
    }


@functools.cache
def _moments(name: str) -> tuple[float, float]:
    """Mean and standard deviation of a target's theta."""
    grid = TARGETS[name].grid(1 << 18)
    return float(grid.mean()), float(grid.std())


@dataclass(frozen=True)
class Samples:
    """The N samples themselves are free; they start in a narrow heap off the target's centre."""

    objective: Objective
    target: Target
    samples: int

    @property
    def reached(self) -> tuple[str, float]:
        return "cramer_von_mises", NO_TEST_TELLS / self.samples

    def begin(self, rng: np.random.Generator, rows: int) -> np.ndarray:
        mean, spread = _moments(self.target.name)
        return mean + spread * (-1.5 + 0.3 * rng.normal(size=(rows, self.samples)))

    def slope(self, now: np.ndarray, rng: np.random.Generator, pull: Pull) -> np.ndarray:
        return self.objective.slope(now, self.target, pull)

    def distances(self, now: np.ndarray, rng: np.random.Generator) -> Distances:
        return _distances(now, self.target)


@dataclass(frozen=True)
class Generator:
    """theta = mu + exp(s) eps, new eps at every step; right at (mean, log std) of the target.

    eps has the target's shape, so that the target can be reached exactly.
    """

    objective: Objective
    target: Target
    samples: int

    @property
    def reached(self) -> tuple[str, float]:
        return "cramer_von_mises", NO_TEST_TELLS / FRESH

    def _noise(self, rng: np.random.Generator, rows: int, samples: int) -> np.ndarray:
        mean, spread = _moments(self.target.name)
        # Never 0 or 1, whose quantiles are infinite.
        u = (rng.integers(1 << 40, size=(rows, samples)) + 0.5) / (1 << 40)
        return (self.target.quantile(u) - mean) / spread

    def begin(self, rng: np.random.Generator, rows: int) -> np.ndarray:
        mean, spread = _moments(self.target.name)
        start = [mean - 1.5 * spread, math.log(0.3 * spread)]
        return np.tile(np.array(start), (rows, 1))

    def slope(self, now: np.ndarray, rng: np.random.Generator, pull: Pull) -> np.ndarray:
        spread = np.exp(now[:, 1:]) * self._noise(rng, len(now), self.samples)
        each = self.objective.slope(now[:, :1] + spread, self.target, pull)
        return np.stack([each.sum(axis=1), (each * spread).sum(axis=1)], axis=1)

    def distances(self, now: np.ndarray, rng: np.random.Generator) -> Distances:
        fresh = self._noise(rng, len(now), FRESH)
        return _distances(now[:, :1] + np.exp(now[:, 1:]) * fresh, self.target)


@dataclass(frozen=True)
class Unit:
    """A ReLU unit with pre-activation mu + eps, eps normal, to be off a quarter of the time.

    Loss: the square of its entropy minus that goal. It starts at mu = 3, on but for one sample in
    741. The distance is of the exact entropy of its on/off state, in nats.
    """

    estimator: str
    temperature: float
    samples: int

    @property
    def reached(self) -> tuple[str, float]:
        return "entropy_error", 0.02

    @property
    def goal(self) -> float:
        return float(special.entr(0.25) + special.entr(0.75))

    def begin(self, rng: np.random.Generator, rows: int) -> np.ndarray:
        return np.full((rows, 1), 3.0)

    def slope(self, now: np.ndarray, rng: np.random.Generator, pull: Pull) -> np.ndarray:
        shape = (len(now), self.samples)
        arrays = {"z": now + rng.normal(size=shape)}
        if self.estimator == "gumbel_straight_through":
            arrays["noise"] = rng.logistic(size=shape)
        options = {"estimator": self.estimator, "temperature": self.temperature}
        each = pull(arrays, options, "z", lambda entropy: 2 * (entropy - self.goal))[1]
        return each.sum(axis=1, keepdims=True)

    def distances(self, now: np.ndarray, rng: np.random.Generator) -> Distances:
        entropy = special.entr(special.ndtr(now)) + special.entr(special.ndtr(-now))
        return {"entropy_error": np.abs(entropy - self.goal)[:, 0]}


@dataclass(frozen=True)
class Angle:
    """x = cos(t) v + sin(t) eps, to have the ranks of v; it starts at t = 2.5, a decreasing map.

    Loss: E (F_x(x) - F_v(v))^2 = 1/6 - asin(cos(t)/2) / pi, which is also the distance.
    """

    surrogate: str
    scale: float | None
    samples: int

    @property
    def reached(self) -> tuple[str, float]:
        return "rank_distance", 1 / 600

    def begin(self, rng: np.random.Generator, rows: int) -> np.ndarray:
        return np.full((rows, 1), 2.5)

    def slope(self, now: np.ndarray, rng: np.random.Generator, pull: Pull) -> np.ndarray:
        v, eps = rng.normal(size=(2, len(now), self.samples))
        wanted = special.ndtr(v)
        options = {"plotting_position": "hazen", "ties": "mid", "surrogate": self.surrogate}
        arrays = {"x": np.cos(now) * v + np.sin(now) * eps}
        each = pull(arrays, {**options, "scale": self.scale}, "x",
                    lambda positions: 2 * (positions - wanted) / self.samples)[1]  # fmt: skip
        return (each * (np.cos(now) * eps - np.sin(now) * v)).sum(axis=1, keepdims=True)

    def distances(self, now: np.ndarray, rng: np.random.Generator) -> Distances:
        return {"rank_distance": (1 / 6 - np.arcsin(np.cos(now) / 2) / np.pi)[:, 0]}
