"""What an operator estimates: an objective of a whole population, and its exact gradient.

A batch is a sample of a population whose law has parameters. The operator's value on the batch, or
a function of it, estimates an objective of the population; its gradient, carried back to the
parameters along the samples' paths, estimates the objective's gradient. How well is *quality*.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

Arrays = dict[str, np.ndarray]


@dataclass(frozen=True)
class Sweep:
    """One knob and what it is turned to, all else as in ``options``.

    name: unique within the population. knob: an option or argument of the operator ("bandwidth",
    "temperature", "surrogate", "plotting_position") or "samples" for the batch size.
    values: what the knob is set to. options: the operator's other options, the same throughout.
    samples: the batch sizes N at which every value of the knob is tried.
    """

    name: str
    knob: str
    values: tuple[Any, ...]
    options: Mapping[str, Any] = field(default_factory=dict)
    samples: tuple[int, ...] = (1024,)


@dataclass(frozen=True)
class Population:
    """A law of samples with parameters, and the objective that an operator estimates from a batch.

    Every row of a batch is one batch of the population: ``rows`` batches of ``samples`` draws.

    name: unique within the operator. operator: its name. source: where the objective comes from.
    parameters: the point at which gradients are taken, by name, e.g. {"mu": 0.3, "sigma": 1.2}.
    draw(rng, rows, samples) -> noise by name, each (R, N) or as the operator needs; free of the
        parameters.
    arrays(noise, parameters, options) -> the operator's array arguments by name, float64; ``x``
        (or ``z``) is a differentiable function of the parameters.
    pathwise(noise, parameters) -> {parameter: d x / d parameter, (R, N)}.
    cotangents(output, noise, parameters) -> {component: cotangent of the output}: the gradient of
        each component of the batch's objective to the operator's output, for all rows at once.
    batch_objective(output, noise, parameters) -> {component: (R,)}: those components' values.
    objective(parameters) -> {component: value in the limit of infinitely many samples}.
    gradient(parameters) -> {component: {parameter: exact derivative, to 1e-8}}.
    differentiated: the array argument that the samples are ("x" or "z").
    sweeps: the curves that are drawn.
    """

    name: str
    operator: str
    parameters: Mapping[str, float]
    draw: Callable[[np.random.Generator, int, int], Arrays]
    arrays: Callable[[Arrays, Mapping[str, float], Mapping[str, Any]], Arrays]
    pathwise: Callable[[Arrays, Mapping[str, float]], Arrays]
    cotangents: Callable[[np.ndarray, Arrays, Mapping[str, float]], Arrays]
    batch_objective: Callable[[np.ndarray, Arrays, Mapping[str, float]], Arrays]
    objective: Callable[[Mapping[str, float]], dict[str, float]]
    gradient: Callable[[Mapping[str, float]], dict[str, dict[str, float]]]
    sweeps: tuple[Sweep, ...]
    differentiated: str = "x"
    source: str = ""
