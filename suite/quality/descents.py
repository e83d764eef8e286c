"""Use: what a descent with a gradient reaches, from a fixed start with a fixed budget of steps.

Adam (D. P. Kingma, J. Ba, 2014, arXiv 1412.6980), whose steps know no scale of the objective; its
rate falls linearly to zero. Rows are descents of their own, each from its own seed.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np

from suite.operators.occupancy_entropy import ESTIMATORS
from suite.quality.batches import Pull
from suite.quality.objectives import OBJECTIVES
from suite.quality.problems import Angle, Generator, Problem, Samples, Unit
from suite.quality.targets import TARGETS

RATE = 0.1
LOOKS = 30
"""How often the distance is measured, the start included."""


@dataclass(frozen=True)
class Descent:
    """operator: whose gradient, "" for NumPy alone. start: what is moved. samples: a step's."""

    operator: str
    objective: str
    setting: str
    target: str
    start: str
    samples: int
    problem: Problem

    @property
    def name(self) -> str:
        """Unique within the operator."""
        parts = (self.target, self.start, self.objective, self.setting, f"N={self.samples}")
        return "/".join(parts)

    @property
    def seed(self) -> str:
        """What competes for one goal has the same start, noise and fresh data."""
        return f"{self.target}/{self.start}/{self.samples}"

    def arrays(self, pull: Pull, rows: int, steps: int) -> dict[str, np.ndarray]:
        """Descend: "looks" (T,), "path/metric" (T, R), "needed" (R,), to be stored."""
        path = descend(self.problem, pull, rows, steps, self.seed)
        found = {f"path/{metric}": each for metric, each in path.distances.items()}
        return {"looks": path.steps, "needed": steps_needed(path, self.problem), **found}


@dataclass(frozen=True)
class Path:
    """Where the descents were: steps (T,), each metric (T, R); the last row is the end."""

    steps: np.ndarray
    distances: dict[str, np.ndarray]


def descend(problem: Problem, pull: Pull, rows: int, steps: int, seed: str) -> Path:
    """Run ``rows`` descents of ``steps`` steps. seed: of start, noise and fresh data.

    A gradient that is no number counts as zero.
    """
    start, noise, fresh = (_rng(seed, part) for part in ("start", "noise", "fresh"))
    now = problem.begin(start, rows)
    first, second = np.zeros_like(now), np.zeros_like(now)
    looks = sorted({round(k * steps / LOOKS) for k in range(LOOKS + 1)})
    seen = []
    for step in range(steps + 1):
        if step in looks:
            seen.append(problem.distances(now, fresh))
        if step == steps:
            break
        slope = np.nan_to_num(problem.slope(now, noise, pull), nan=0.0, posinf=0.0, neginf=0.0)
        first = 0.9 * first + 0.1 * slope
        second = 0.999 * second + 0.001 * slope**2
        mean, size = first / (1 - 0.9 ** (step + 1)), second / (1 - 0.999 ** (step + 1))
        now = now - RATE * (1 - step / steps) * mean / (np.sqrt(size) + 1e-12)
    found = {metric: np.stack([each[metric] for each in seen]) for metric in seen[0]}
    return Path(np.array(looks), found)


def steps_needed(path: Path, problem: Problem) -> np.ndarray:
    """First measured step of every row at which its goal is reached, inf where never, (R,)."""
    metric, threshold = problem.reached
    there = path.distances[metric] <= threshold
    return np.where(there.any(axis=0), path.steps[there.argmax(axis=0)], np.inf)


def descents() -> tuple[Descent, ...]:
    """All descents, operator by operator, those of NumPy alone at the end."""
    found = []
    for objective in OBJECTIVES:
        for name in objective.targets:
            target = TARGETS[name]
            about = (objective.operator, objective.name, objective.setting, name)
            found.append(Descent(*about, "samples", 128, Samples(objective, target, 128)))
            found.append(Descent(*about, "generator", 64, Generator(objective, target, 64)))
    for estimator in ESTIMATORS:
        for temperature in (0.1, 1.0):
            unit = Unit(estimator, temperature, 256)
            said = f"temperature {temperature:g}"
            found.append(Descent("occupancy_entropy", estimator, said, "entropy of 0.25", "unit",
                                 256, unit))  # fmt: skip
    for surrogate, scale in (("identity", None), ("density", 0.3), ("soft_rank", 0.3)):
        said = "no scale" if scale is None else f"scale {scale:g}"
        angle = Angle(surrogate, scale, 64)
        found.append(Descent("ecdf", surrogate, said, "ranks of v", "angle", 64, angle))
    return tuple(found)


def descents_of(operator: str) -> tuple[Descent, ...]:
    """Those with an operator's gradient; "" for NumPy alone."""
    return tuple(each for each in descents() if each.operator == operator)


def _rng(seed: str, part: str) -> np.random.Generator:
    key = int.from_bytes(hashlib.sha256(f"{seed}|{part}".encode()).digest()[:8], "little")
    return np.random.Generator(np.random.Philox(key=[key, 0]))
