"""The entropy of a ReLU unit's state driven to its largest value, by each way the forum names.

A unit's pre-activation is z = w u + b, u a fixed law's draws, new ones every step; w and b descend
on minus the entropy by plain gradient descent; the source names no setting. Units:

    normal, shifted    u ~ N(0, 1), b = 1.5        on for 93% of the samples
    skewed, shifted    u ~ Gumbel's law mirrored, its median at 0 and its mean at -0.21, b = 1.5
                       on for 86%
    nearly off         u ~ N(0, 1), b = -3         on for 0.1%
    off                u ~ N(0, 1), b = -8         never on
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import stats

from suite.reproduce.agreement import Value
from suite.reproduce.claims import LOOKS, Evidence, Record, Trial
from suite.reproduce.gradient_descent import GradientDescent
from suite.reproduce.side_by_side import side_by_side
from suite.reproduce.training import Engine, Objective, Path, evenly, train
from suite.reproduce.verdicts import Control, short

SAMPLES, STEPS, QUICK_STEPS = 500, 1000, 200
FIRST = 20
"""Steps over which frameworks are compared."""
LAST = 10
"""Looks at the end over which the state is averaged, of 40."""
CENTRED, CLOSE, COLLAPSED = 0.03, 0.05, 0.5
"""Off 1/2 at most; apart at most; spread left at most."""
MEDIAN = float(np.log(np.log(2)))
"""Of Gumbel's law mirrored."""


@dataclass(frozen=True)
class Unit:
    """law: of u, a frozen distribution of SciPy. shift: where b starts; w starts at 1."""

    name: str
    law: stats.rv_continuous
    shift: float

    def on(self, w: np.ndarray, b: np.ndarray) -> np.ndarray:
        """P(w u + b > 0), w not 0."""
        return np.where(w > 0, self.law.sf(-b / w), self.law.cdf(-b / w))


@dataclass(frozen=True)
class Way:
    """An estimator with steepness H. noise: added, a law of NumPy's generators; "" for none.

    rate: of the descent; a mean of entropies is sharper, by H^2 / 4, than the entropy of a mean.
    """

    name: str
    estimator: str
    steepness: float = 1.0
    noise: str = ""
    rate: float = 0.5


NORMAL, SKEWED, NEARLY_OFF, OFF = UNITS = (
    Unit("normal, shifted", stats.norm(), 1.5),
    Unit("skewed, shifted", stats.gumbel_l(-MEDIAN), 1.5),
    Unit("nearly off", stats.norm(), -3.0),
    Unit("off", stats.norm(), -8.0),
)
SOFT, WARM, HOT, BERNOULLI, HARD, LOGISTIC, GUMBEL, GAUSSIAN = WAYS = (
    Way("sigmoid, H = 1", "sigmoid"),
    Way("sigmoid, H = 10", "sigmoid", 10.0),
    Way("sigmoid, H = 1000", "sigmoid", 1000.0),
    Way("Bernoulli entropy, H = 10", "mean_bernoulli", 10.0, rate=0.05),
    Way("straight-through", "straight_through"),
    Way("straight-through Gumbel", "gumbel_straight_through", noise="logistic"),
    Way("one Gumbel draw added", "straight_through", noise="gumbel"),
    Way("normal noise added", "straight_through", noise="normal"),
)


@functools.cache
def objective(implementation: str, way: Way, dtype: str = "float32") -> Objective:
    """Minus the sum of the units' entropies."""
    if way is BERNOULLI and implementation == "published_forum":
        implementation = "published_forum_bernoulli"
    engine = Engine.of("occupancy_entropy", implementation)
    call = functools.partial(engine.call, estimator=way.estimator, temperature=1 / way.steepness)

    def loss(w, b, u, noise=None):
        return -call(w.reshape(-1, 1) * u + b.reshape(-1, 1), noise=noise).sum()

    return Objective(engine.framework, loss, ("w", "b"), dtype, engine.device)


def run(trial: Trial) -> Record:
    """on / WAY / UNIT: P(on) of the unit by itself, without added noise, over the last looks.

    spread / WAY / UNIT: |w| over the last looks. mean / WAY / UNIT: of z at the end.
    """
    steps = QUICK_STEPS if trial.quick else STEPS
    numbers: dict[str, float] = {}
    curves: dict[str, np.ndarray] = {}
    for way in WAYS:
        start = {"w": np.ones(len(UNITS)), "b": np.array([unit.shift for unit in UNITS])}
        start = {name: trial.moved(values.astype(np.float32)) for name, values in start.items()}
        path = train(
            objective(trial.implementation, way), start, steps, way.rate,
            optimiser=GradientDescent(), data=_draws(trial, way), looks=evenly(steps),
        )  # fmt: skip
        w, b = (path.seen[name].astype(np.float64) for name in ("w", "b"))
        on = np.stack([unit.on(w[:, k], b[:, k]) for k, unit in enumerate(UNITS)], axis=1)
        # A comparison with NaN is false: a lost unit is in no state.
        on[np.isnan(w * b)] = np.nan
        for k, unit in enumerate(UNITS):
            about = f"{way.name}/{unit.name}"
            numbers[f"on/{about}"] = float(on[-LAST:, k].mean())
            numbers[f"spread/{about}"] = float(np.abs(w[-LAST:, k]).mean())
            numbers[f"mean/{about}"] = float(b[-1, k] + w[-1, k] * unit.law.mean())
        curves |= {LOOKS: path.looks, f"on/{way.name}": on}
    return Record(numbers, curves if trial.start == "exact" else {})


def agreement(trial: Trial) -> Record:
    """The first steps of the warm sigmoid by two frameworks."""
    start = {"w": np.ones(len(UNITS)), "b": np.array([unit.shift for unit in UNITS])}

    def first(implementation: str) -> Value:
        return objective(implementation, WARM, "float64").gradients(start, _draws(trial, WARM)(0))

    def path(implementation: str) -> Path:
        return train(
            objective(implementation, WARM, "float64"), start, FIRST, WARM.rate,
            optimiser=GradientDescent(), data=_draws(trial, WARM), looks=range(FIRST + 1),
        )  # fmt: skip

    return side_by_side("occupancy_entropy", first, path, trial)


def _draws(trial: Trial, way: Way) -> Callable[[int], dict[str, np.ndarray]]:
    """A step's u (units, N) and noise; u is the same for every way."""
    inputs, added = trial.rng("units' inputs"), trial.rng(f"noise of {way.name}")

    def data(step: int) -> dict[str, np.ndarray]:
        u = np.stack([unit.law.rvs(SAMPLES, random_state=inputs) for unit in UNITS])
        if not way.noise:
            return {"u": u}
        return {"u": u, "noise": getattr(added, way.noise)(size=u.shape)}

    return data


def _on(evidence: Evidence, way: Way, *units: Unit) -> list[float]:
    return [evidence.exact.numbers[f"on/{way.name}/{unit.name}"] for unit in units]


def _told(values: list[float]) -> str:
    return " and ".join(short(value, 2) for value in values)


def _centred(values: list[float]) -> bool:
    return all(abs(value - 0.5) <= CENTRED for value in values)


def centres(evidence: Evidence) -> Control:
    """Refuted when a unit ends elsewhere than on for half of its samples."""
    on = _on(evidence, HARD, NORMAL, SKEWED)
    mean = evidence.exact.numbers[f"mean/{HARD.name}/{SKEWED.name}"]
    says = (
        f"by hard states P(on) of a normal and a skewed unit goes from "
        f"{_told([_start(NORMAL), _start(SKEWED)])} to {_told(on)}; the skewed one's mean is then "
        f"{short(mean, 2)}"
    )
    return Control(says, not _centred(on))


def _start(unit: Unit) -> float:
    return float(unit.on(np.array(1.0), np.array(unit.shift)))


def hot_is_right(evidence: Evidence) -> Control:
    """Refuted when the hotter sigmoid leaves a unit where a warm one centres it."""
    told = [
        f"H = {way.steepness:g} {_told(_on(evidence, way, *UNITS))}" for way in (SOFT, WARM, HOT)
    ]
    says = f"P(on) of the units {' / '.join(unit.name for unit in UNITS)}: {'; '.join(told)}"
    return Control(says, not _centred(_on(evidence, HOT, *UNITS)))


def bernoulli_is_the_same(evidence: Evidence) -> Control:
    """Refuted when it shrinks a unit's input or does not centre it."""
    on = _on(evidence, BERNOULLI, NORMAL, SKEWED)
    left = [evidence.exact.numbers[f"spread/{BERNOULLI.name}/{unit.name}"] for unit in
            (NORMAL, SKEWED)]  # fmt: skip
    says = f"the shifted units' spread ends at {_told(left)} of what it was, P(on) at {_told(on)}"
    if min(left) < COLLAPSED:
        says += ": the mean of entropies is largest where every sample is 0"
    return Control(says, min(left) < COLLAPSED or not _centred(on))


def gumbel_is_related(evidence: Evidence) -> Control:
    """Refuted when straight-through Gumbel and the sigmoid of H = 1 end apart."""
    gumbel, soft = (_on(evidence, way, NORMAL, SKEWED, NEARLY_OFF) for way in (LOGISTIC, SOFT))
    together = all(abs(a - b) <= CLOSE for a, b in zip(gumbel, soft, strict=True))
    says = f"P(on) ends at {_told(gumbel)}, by the sigmoid of H = 1 at {_told(soft)}"
    return Control(says, not together)


def noise_revives(evidence: Evidence) -> Control:
    """Refuted when a unit that is off, or nearly, stays so under either noise."""
    gumbel, normal = (_on(evidence, way, NEARLY_OFF, OFF) for way in (GUMBEL, GAUSSIAN))
    says = (
        f"P(on) of units that start nearly off and off: normal noise {_told(normal)}, Gumbel "
        f"{_told(gumbel)}"
    )
    return Control(says, not _alive(*normal, *gumbel))


def without_noise(evidence: Evidence) -> tuple[Control, ...]:
    """Refuting: units come back as well by hard states alone."""
    without = _on(evidence, HARD, NEARLY_OFF, OFF)
    return (Control(f"no noise {_told(without)}", _alive(*without)),)


def _alive(*on: float) -> bool:
    return all(value > CLOSE for value in on)
