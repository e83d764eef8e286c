"""Each loss of the TorchEBM guide trains an energy, by the fit of ``suite.quality.energy.fits``.

The energy is a mixture of narrow normal components, the data two moons. Whether an energy was
trained is read from its exact likelihood, of which no loss is told.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from suite import operators
from suite.frameworks import Framework
from suite.operators.base import gathered
from suite.quality.energy.fits import BLUR, CHAIN, NAMES, NOISE, SAMPLES, descent, energies, fit
from suite.quality.energy.gradients import Losses
from suite.quality.energy.targets import TARGETS, grid, likelihood_lost, mean_discrepancy
from suite.reproduce.agreement import AGAINST, FIRST, Value
from suite.reproduce.claims import LOOKS, Evidence, Record, Trial
from suite.reproduce.side_by_side import side_by_side
from suite.reproduce.training import Path, evenly
from suite.reproduce.verdicts import Control, short

TARGET = TARGETS["two moons"]
FRAMES, WINDOW = 14, 20
"""Looks at a fit; steps over which its own loss is averaged at either end."""
LEARNED = 0.8
"""An energy is trained when at most that share of what the untrained one lost is left."""
HOUSE = "torch_eager"


@dataclass(frozen=True)
class Lesson:
    """A loss of the guide: its operator, and the way it is used in the fits.

    sigmas: noise scales in place of that way's. law: of projections, in place of that way's.
    """

    name: str
    operator: str
    way: str
    sigmas: tuple[float, ...] = ()
    law: str = ""

    @property
    def own(self) -> bool:
        """Whether it has a loss of its own once its signs are put right."""
        return self.name != "sm-implicit"


_DENOISING = "denoising_score_matching", f"DSM, sigma {BLUR:g}"
DEFAULT_SIGMA = 0.01
LESSONS = (
    Lesson("mle", "maximum_likelihood", "maximum likelihood"),
    Lesson("cd", "contrastive_divergence", f"CD-{CHAIN}"),
    Lesson("nce", "noise_contrastive", f"NCE, noise {NOISE:g}"),
    Lesson("sm-explicit", "score_matching", "score matching"),
    Lesson("sm-implicit", *_DENOISING, (DEFAULT_SIGMA,)),
    Lesson("dsm-default", *_DENOISING, (DEFAULT_SIGMA,)),
    Lesson("dsm-several", *_DENOISING, (0.05, BLUR, 0.5)),
    Lesson("ssm", "sliced_score_matching", "SSM, 1 rademacher, reduced", law="sphere"),
)
"""Chains take the guide's 10 steps; sigma is its default unless there are several."""


class _Watched(Losses):
    """Losses that remember values, parameters and slopes, with a lesson's own arguments."""

    def __init__(
        self,
        implementation: str,
        lesson: Lesson,
        rng: np.random.Generator,
        dtype: str = "float32",
    ) -> None:
        super().__init__(implementation, dtype)
        self.lesson, self.rng = lesson, rng
        self.values: list[float] = []
        self.thetas: list[np.ndarray] = []
        self.slopes: list[np.ndarray] = []
        self.given: dict[str, Any] = {}

    def gradient(self, loss: str, arguments: dict) -> np.ndarray:
        self.thetas.append(_flat([arguments[name] for name in NAMES]))
        changed: dict[str, Any] = {}
        if sigmas := self.lesson.sigmas:
            shape = (len(arguments["x"]), len(sigmas), 2)
            changed = {"sigma": np.array(sigmas), "noise": self.rng.normal(size=shape)}
        if self.lesson.law:
            changed["law"] = self.lesson.law
        self.given = self.given or {**arguments, **changed}
        self.slopes.append(super().gradient(loss, {**arguments, **changed}))
        return self.slopes[-1]

    def _target(self, *asked: Any) -> tuple[Framework, Callable]:
        framework, target = super()._target(*asked)

        def watched(arrays: Any, cotangent: Any) -> tuple:
            value, *gradients = target(arrays, cotangent)
            self.values.append(float(framework.numpy(value)))
            return (value, *gradients)

        return framework, watched


def run(lesson: Lesson, trial: Trial) -> Record:
    """lost/start, lost/end: nats a sample of likelihood. value/start, value/end: the loss's own.

    discrepancy: squared, of the fitted energy's samples to the data's; floor: of two draws of the
    data. The fit is short, so a quick one is as long.
    """
    losses = _Watched(trial.implementation, lesson, trial.rng("noise of several scales"))
    found = fit(losses, lesson.way, TARGET, trial.seed)
    thetas = np.array([*losses.thetas, _flat(found.theta)])
    rng, values = trial.rng("draws of the data"), np.array(losses.values)
    numbers = {
        "lost/start": lost(thetas[0]),
        "lost/end": found.lost,
        "value/start": float(values[:WINDOW].mean()),
        "value/end": float(values[-WINDOW:].mean()),
        "discrepancy": found.discrepancy,
        "floor": mean_discrepancy(TARGET.sample(rng, SAMPLES), TARGET.sample(rng, SAMPLES)),
    }
    if trial.start != "exact":
        return Record(numbers)
    looks = np.array(evenly(len(values), FRAMES))
    seen = thetas[looks]
    curves = {LOOKS: looks, "theta": seen, "values": values,
              "lost": np.array([lost(theta) for theta in seen])}  # fmt: skip
    return Record(numbers, curves)


def agreement(trial: Trial) -> Record:
    """The first steps of every lesson by two frameworks: the largest differences, the least move.

    The guide's implicit score matching with its signs put right is its denoising at its default.
    """
    every = [_lesson_agreement(lesson, trial).numbers for lesson in LESSONS if lesson.own]
    picked = {"operator": np.max, "steps": np.min, "apart": np.max, "moved": np.min}
    return Record({name: float(pick([n[name] for n in every])) for name, pick in picked.items()})


def _lesson_agreement(lesson: Lesson, trial: Trial) -> Record:
    @functools.cache
    def watched(implementation: str) -> tuple[_Watched, np.ndarray]:
        noise = trial.rng("noise of several scales")
        losses = _Watched(implementation, lesson, noise, "float64")
        steps = descent(losses, lesson.way, TARGET, trial.rng("a fit in two frameworks"))
        return losses, np.array([_flat(theta) for theta in itertools.islice(steps, FIRST + 1)])

    def first(implementation: str) -> Value:
        losses, _ = watched(implementation)
        return losses.values[0], {"theta": losses.slopes[0]}

    def path(implementation: str) -> Path:
        losses, thetas = watched(implementation)
        looks = np.arange(len(thetas))
        return Path(np.array(losses.values), {"theta": thetas[-1]}, looks, {"theta": thetas})

    operator = f"energy_{lesson.operator}"
    condition = _condition(operator, watched(AGAINST)[0].given)
    return side_by_side(operator, first, path, trial, condition)


def _condition(operator: str, given: dict[str, Any]) -> Value:
    """Of the loss and of its slopes, as the operator states it."""
    wrt = tuple(name for name in given if name in (*NAMES, "log_partition"))
    found = operators.get(operator).condition(np.ones(()), wrt, **gathered(given))
    return found["output"], {"theta": _flat([found[name] for name in wrt])}


def _flat(theta: list[np.ndarray]) -> np.ndarray:
    return np.concatenate([np.ravel(array) for array in theta])


def energy(theta: np.ndarray) -> np.ndarray:
    """At the grid's points, of parameters (4 K,)."""
    logits, means, logs = np.split(theta, [theta.size // 4, 3 * theta.size // 4])
    return energies([logits, means.reshape(-1, 2), logs], grid()[0])


def lost(theta: np.ndarray) -> float:
    """Nats a sample."""
    return likelihood_lost(TARGET, energy(theta))


def trains(evidence: Evidence) -> Control:
    """Refuted when the likelihood is not better than that of the energy untrained.

    The loss's own value says less: that of maximum likelihood is a gap that training closes.
    """
    n = evidence.exact.numbers
    others = evidence.numbers("seed", "lost/end")
    trained = int(np.sum(others <= LEARNED * evidence.numbers("seed", "lost/start")))
    says = (
        f"its value goes from {short(n['value/start'])} to {short(n['value/end'])}; nats lost a "
        f"sample {short(n['lost/start'])} untrained, {short(n['lost/end'])} trained; discrepancy "
        f"of samples {short(n['discrepancy'], 2)}, of two draws of the data {short(n['floor'], 2)}"
    )
    house = evidence.found.exact(evidence.experiment, HOUSE)
    if house is not None and evidence.implementation != HOUSE:
        says += f"; the house's loss leaves {short(house.numbers['lost/end'])}"
    if len(others):
        says += f"; {trained} of {len(others)} other seeds train"
    return Control(says, not n["lost/end"] <= LEARNED * n["lost/start"])
