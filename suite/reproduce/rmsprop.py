"""RMSprop over any framework's arrays, by operators alone, and a training with it.

    v <- alpha v + (1 - alpha) g^2        p <- p - rate g / (sqrt(v) + eps)

in torch.optim.RMSprop's order of operations, from which it differs by rounding (torch fuses some of
them). Source: T. Tieleman, G. Hinton, "Lecture 6.5: RMSprop", 2012.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from suite.reproduce.training import Arrays, Data, Objective, Path

ALPHA = 0.99
EPSILON = 1e-8


@dataclass
class RMSprop:
    """The mean square of every parameter's gradient by name."""

    square: dict[str, Any] = field(default_factory=dict)

    def step(
        self, parameters: Mapping[str, Any], gradients: Mapping[str, Any], rate: float
    ) -> dict[str, Any]:
        """The parameters after one step; arrays of any framework, not written to."""
        moved = {}
        for name, gradient in gradients.items():
            before = self.square.get(name, 0 * gradient)
            self.square[name] = v = before * ALPHA + (1 - ALPHA) * gradient * gradient
            moved[name] = parameters[name] - rate * gradient / (v**0.5 + EPSILON)
        return moved


def descend(
    objective: Objective,
    start: Arrays,
    steps: int,
    rate: float,
    *,
    data: Data,
    looks: Iterable[int] = (),
) -> Path:
    """RMSprop from the start; ``data`` are a step's other arrays. Looks as ``training.train``."""
    wanted, optimiser = frozenset(looks), RMSprop()
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
