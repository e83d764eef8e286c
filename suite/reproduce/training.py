"""Training as the sources do it: a loss of a few named arrays, Adam, and what it looked like."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from suite import frameworks, load, registry
from suite.frameworks import Framework
from suite.registry import Implementation
from suite.reproduce.adam import Adam
from suite.reproduce.claims import Unsupported
from suite.reproduce.gradient_descent import GradientDescent
from suite.reproduce.rmsprop import RMSprop

Arrays = Mapping[str, np.ndarray]
Data = Callable[[int], Arrays]
Rate = Callable[[int], float]


def _no_data(step: int) -> Arrays:
    return {}


@dataclass(frozen=True)
class Engine:
    """An implementation of an operator with its framework, to write a loss in.

    call: the function as people import it; values are not checked on each call. The framework's
    ``elementary`` functions and the arrays' operators are what else a loss may use.
    """

    implementation: Implementation
    framework: Framework
    call: Callable[..., Any]

    @staticmethod
    @functools.cache
    def of(operator: str, name: str) -> Engine:
        """Raises KeyError for an unknown name, Unsupported where a package or device is missing."""
        declaration = registry.find(operator, name)
        framework = frameworks.get(declaration.framework)
        device = "cpu" if "cpu" in declaration.devices else declaration.devices[0]
        if absent := declaration.missing() or framework.missing(device):
            raise Unsupported(absent)
        call = load(operator, name, check_values=False)
        return Engine(registry.load_declared(declaration), framework, call)

    @property
    def device(self) -> str:
        devices = self.implementation.declaration.devices
        return "cpu" if "cpu" in devices else devices[0]


@dataclass(frozen=True)
class Objective:
    """loss(**parameters, **data) -> a scalar, in the framework's arrays, differentiated by it.

    vjp: of the loss, where the framework has no autodiff (numpy). wrt: the parameters' names.
    """

    framework: Framework
    loss: Callable[..., Any]
    wrt: tuple[str, ...]
    dtype: str = "float32"
    device: str = "cpu"
    vjp: Callable[..., tuple] | None = None
    target: Callable = field(init=False)

    def __post_init__(self) -> None:
        if self.framework.name == "numpy" and self.vjp is None:
            raise Unsupported("numpy has no autodiff, and the loss is more than the operator")
        made = self.framework.forward_backward(self.loss, {}, self.wrt, self.vjp)
        object.__setattr__(self, "target", made)

    def array(self, values: Any) -> Any:
        return self.framework.array(values, self.dtype, self.device)

    def evaluate(self, parameters: Mapping[str, Any], data: Mapping[str, Any]) -> tuple[Any, dict]:
        """The loss and its gradients by name, in the framework's arrays."""
        given = {k: self.framework.detach(v) for k, v in parameters.items()}
        value, *gradients = self.target({**given, **data}, self.array(1.0))
        return value, dict(zip(self.wrt, gradients, strict=True))

    def gradients(self, parameters: Arrays, data: Arrays | None = None) -> tuple[float, Arrays]:
        """The same of NumPy arrays, in NumPy's, float64."""
        arrays = ({k: self.array(v) for k, v in each.items()} for each in (parameters, data or {}))
        value, found = self.evaluate(*arrays)
        return float(self.numpy(value)), {k: self.numpy(g) for k, g in found.items()}

    def numpy(self, array: Any) -> np.ndarray:
        return np.asarray(self.framework.numpy(array), np.float64)


@dataclass(frozen=True)
class Path:
    """losses (steps,): each before its update. end: parameters after the last one.

    looks (L,): steps at which seen[name] (L, ...) has the parameters, before that step's update.
    """

    losses: np.ndarray
    end: dict[str, np.ndarray]
    looks: np.ndarray
    seen: dict[str, np.ndarray]


def train(
    objective: Objective,
    start: Arrays,
    steps: int,
    rate: float | Rate,
    *,
    optimiser: Adam | RMSprop | GradientDescent | None = None,
    data: Data = _no_data,
    looks: Iterable[int] = (),
) -> Path:
    """A fresh optimiser, else Adam, from the start; ``rate`` may depend on the step.

    ``data`` are a step's other arrays. A look at ``steps`` itself is at the end. All in the
    objective's dtype.
    """
    wanted, optimiser = frozenset(looks), optimiser or Adam()
    parameters = {name: objective.array(values) for name, values in start.items()}
    losses, at, seen = [], [], []
    for step in range(steps + 1):
        if step in wanted:
            at.append(step)
            seen.append({k: objective.numpy(v) for k, v in parameters.items()})
        if step == steps:
            break
        drawn = {name: objective.array(values) for name, values in data(step).items()}
        value, gradients = objective.evaluate(parameters, drawn)
        losses.append(value)
        size = float(rate(step) if callable(rate) else rate)
        parameters = optimiser.step(parameters, gradients, size)
    return Path(
        np.array([float(objective.numpy(value)) for value in losses]),
        {k: objective.numpy(v) for k, v in parameters.items()},
        np.array(at, int),
        {k: np.stack([each[k] for each in seen]) for k in parameters} if seen else {},
    )


def evenly(steps: int, looks: int = 31) -> tuple[int, ...]:
    """So many steps to look at, the first and the end among them."""
    return tuple(sorted({round(k * steps / (looks - 1)) for k in range(looks)}))
