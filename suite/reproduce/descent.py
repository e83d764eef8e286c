"""Training by other optimisers than Adam."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from suite.reproduce.rmsprop import RMSprop
from suite.reproduce.training import Arrays, Data, Objective, Path


class Plain:
    """Gradient descent: p <- p - rate g."""

    def step(
        self, parameters: Mapping[str, Any], gradients: Mapping[str, Any], rate: float
    ) -> dict[str, Any]:
        """The parameters after one step; arrays of any framework, not written to."""
        return {name: parameters[name] - rate * gradient for name, gradient in gradients.items()}


def descend(
    objective: Objective,
    start: Arrays,
    steps: int,
    rate: float,
    optimiser: RMSprop | Plain,
    *,
    data: Data,
    looks: Iterable[int] = (),
) -> Path:
    """Steps of a fresh optimiser from the start; all else as ``training.train`` has it."""
    wanted = frozenset(looks)
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
        parameters = optimiser.step(parameters, gradients, rate)
    return Path(
        np.array([float(objective.numpy(value)) for value in losses]),
        {k: objective.numpy(v) for k, v in parameters.items()},
        np.array(at, int),
        {k: np.stack([each[k] for each in seen]) for k in parameters} if seen else {},
    )
