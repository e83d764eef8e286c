"""Gradients of many batches by one implementation, and what they are as estimates."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from suite import frameworks, load, operators, registry
from suite.judge.gradients import ALL, quality
from suite.quality.energy.populations import Population
from suite.quality.energy.settings import LIKELIHOOD, OWN, Setting, generator

BATCHES = 200
RESAMPLES = 200
METRICS = ("relative_bias", "relative_spread", "cosine", "cosine_of_mean", "scale")

Loss = Callable[[dict], np.ndarray]


class Losses:
    """The losses of an implementation, as functions from a batch to a flat gradient to theta."""

    def __init__(self, implementation: str = "torch_eager", dtype: str = "float32") -> None:
        self.implementation, self.dtype = implementation, dtype
        self._targets: dict[tuple, tuple] = {}

    def gradient(self, loss: str, arguments: dict) -> np.ndarray:
        """To the arrays of theta in their order, then to log Z where it is an array; float64."""
        operator = f"energy_{loss}"
        arrays = {n: a for n, a in arguments.items() if isinstance(a, np.ndarray)}
        options = {n: value for n, value in arguments.items() if n not in arrays}
        wrt = tuple(name for name in arrays if name.startswith("theta."))
        wrt += ("log_partition",) if "log_partition" in arrays else ()
        framework, target = self._target(operator, options, wrt)
        native = {n: framework.array(a, self.dtype, "cpu") for n, a in arrays.items()}
        _, *found = target(native, framework.array(np.ones(()), self.dtype, "cpu"))
        parts = [np.asarray(framework.numpy(part), np.float64).ravel() for part in found]
        return np.concatenate(parts)

    def _target(self, operator: str, options: dict, wrt: tuple[str, ...]) -> tuple:
        key = (operator, repr(sorted(options.items())), wrt)
        if key not in self._targets:
            assert operator in operators.names()
            name = registry.find(operator, self.implementation).framework
            function = load(operator, self.implementation, check_values=False)
            framework = frameworks.get(name)
            self._targets[key] = framework, framework.forward_backward(function, options, wrt)
        return self._targets[key]


def measured(losses: Losses, setting: Setting, population: Population) -> Iterator[dict]:
    """Statistics of a setting's gradients as rows, against each truth that there is."""
    estimates = np.stack(
        [
            losses.gradient(setting.loss, setting.arguments(population, generator(setting, batch)))
            for batch in range(BATCHES)
        ]
    )
    for against in (OWN, LIKELIHOOD):
        truth = setting.truth(population, against)
        if truth is not None:
            yield from _rows(estimates, truth, against)


def _rows(estimates: np.ndarray, truth: np.ndarray, against: str) -> Iterator[dict]:
    """What is said of gradients as a whole depends on inner products only: they are taken in
    coordinates of the space that estimates and truth span, which has few dimensions."""
    e, g = estimates, truth
    if truth.size > len(estimates) + 1:
        stacked = np.concatenate([estimates, truth[None]])
        squares, turn = np.linalg.eigh(stacked @ stacked.T)
        coordinates = turn * np.sqrt(np.maximum(squares, 0.0))
        e, g = coordinates[:-1], coordinates[-1]
    names = [f"c{k}" for k in range(len(g))]
    rng = np.random.Generator(np.random.Philox(key=[0x0A11, 2]))
    judged = quality(e, g, names, rng, resamples=RESAMPLES)
    for metric in METRICS:
        number = judged.statistics[ALL][metric]
        yield {
            "against": against, "metric": metric, "estimate": number.value,
            "low": number.low, "high": number.high, "non_finite": judged.non_finite,
        }  # fmt: skip
