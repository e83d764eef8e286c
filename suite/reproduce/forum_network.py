"""The forum's network, trained until the ECDF of its output is that of its input.

    loss = mean_i (p(x)_i - p(y)_i)^2,    y = network(x),  x standard normal, drawn anew every step

p is what the implementation says the ECDF is; only p(y) is differentiated. Several networks are
trained side by side on the same inputs, none of them touching another. Each draw of weights gives
two: one whose output rises with the input on the whole, and the same with its last layer negated,
which falls.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import stats

from suite.reproduce.claims import LOOKS, Evidence, Record, Trial
from suite.reproduce.rmsprop import descend
from suite.reproduce.training import Engine, Objective, evenly
from suite.reproduce.verdicts import Control, short

SIZES = {"network": (1, 10, 10, 1), "linear": (1, 1)}
"""Units of every layer; tanh between them."""

SAMPLES, STEPS, RATE = 500, 10_000, 1e-4
DRAWS, HELD_OUT, QUICK_STEPS = 4, 2000, 400
DIRECTIONS = ("rising", "falling")
GRID = np.linspace(-3, 3, 61)
LEARNED, ALIKE = 0.5, 1e-3
"""Learned: the distance falls to that share of the untrained one's, or below ALIKE."""


def forward(theta: Any, x: Any, sizes: tuple[int, ...], tanh: Callable) -> Any:
    """Outputs (R, N) of networks theta (R, P) at inputs x (N,), in any framework's arrays."""
    at, h = 0, x.reshape(1, 1, -1)
    for into, out in zip(sizes[:-1], sizes[1:], strict=True):
        h = tanh(h) if at else h
        w, b = theta[:, at : at + into * out], theta[:, at + into * out : at + (into + 1) * out]
        h = w.reshape(-1, out, into) @ h + b.reshape(-1, out, 1)
        at += (into + 1) * out
    return h[:, 0, :]


def starts(trial: Trial, sizes: tuple[int, ...]) -> np.ndarray:
    """Weights (2 DRAWS, P) by torch's law for a layer, U(+-1/sqrt(inputs)): rising, then falling.

    The source names no seed.
    """
    rng, layers = trial.rng("weights"), []
    for into, out in zip(sizes[:-1], sizes[1:], strict=True):
        layers.append(rng.uniform(-1, 1, (DRAWS, (into + 1) * out)) / np.sqrt(into))
    theta = np.concatenate(layers, axis=1)
    outputs = forward(theta, GRID, sizes, np.tanh)
    sign = np.sign([np.corrcoef(y, GRID)[0, 1] for y in outputs])
    last = sizes[-2] + 1
    rising, falling = theta.copy(), theta.copy()
    rising[:, -last:] *= sign[:, None]
    falling[:, -last:] *= -sign[:, None]
    return trial.moved(np.concatenate([rising, falling]).astype(np.float32))


@functools.cache
def objective(implementation: str, kind: str) -> Objective:
    """The sum over networks of weight times loss."""
    engine = Engine.of("ecdf", implementation)
    tanh, call, sizes = engine.framework.elementary("tanh"), engine.call, SIZES[kind]

    def loss(theta, x, weight):
        off = call(x.reshape(1, -1)) - call(forward(theta, x, sizes, tanh))
        return ((off**2).mean(1) * weight).sum()

    return Objective(engine.framework, loss, ("theta",), device=engine.device)


def run(kind: str, trial: Trial) -> Record:
    """start, end / DIRECTION: mean distance of the ECDFs of output and input before and after.

    Distances are by true ranks, on inputs that no training saw; ``own ...`` are by the
    implementation's own ECDF. turned: of the falling networks, those that rise at the end.
    """
    sizes, subject = SIZES[kind], objective(trial.implementation, kind)
    steps = QUICK_STEPS if trial.quick else STEPS
    theta, inputs = starts(trial, sizes), trial.rng("inputs")
    held_out = trial.rng("held-out inputs").normal(size=HELD_OUT).astype(np.float32)
    ones = np.ones(len(theta))
    path = descend(
        subject, {"theta": theta}, steps, RATE,
        data=lambda step: {"x": inputs.normal(size=SAMPLES), "weight": ones},
        looks=evenly(steps) if trial.start == "exact" else (),
    )  # fmt: skip
    numbers = {}
    for when, weights in (("start", theta), ("end", path.end["theta"])):
        numbers |= _distances(when, subject, weights, held_out, sizes)
    rises = _correlation(path.end["theta"], held_out, sizes) > 0
    numbers["turned"] = float(rises[DRAWS:].sum())
    if trial.start != "exact":
        return Record(numbers)
    seen = path.seen["theta"]
    curves = {
        LOOKS: path.looks,
        "distance": np.array([distances(forward(t, held_out, sizes, np.tanh), held_out)
                              for t in seen]),
        "own": np.array([_own(subject, t, held_out) for t in seen]),
        "maps": np.array([forward(t, GRID, sizes, np.tanh).ravel() for t in seen]),
    }  # fmt: skip
    return Record(numbers, curves)


def _distances(
    when: str, subject: Objective, theta: np.ndarray, x: np.ndarray, sizes: tuple[int, ...]
) -> dict[str, float]:
    true = distances(forward(theta, x, sizes, np.tanh), x)
    own, numbers = _own(subject, theta, x), {when: float(true.mean())}
    for direction, of in zip(DIRECTIONS, (slice(0, DRAWS), slice(DRAWS, None)), strict=True):
        numbers[f"{when}/{direction}"] = float(true[of].mean())
        numbers[f"own {when}/{direction}"] = float(own[of].mean())
    return numbers


def distances(y: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Mean squared difference of the ranks of y (R, N) and x (N,) over N: 0 alike, 1/3 reversed."""
    off = stats.rankdata(y, axis=1) - stats.rankdata(x)
    return (off**2).mean(axis=1) / len(x) ** 2


def _own(subject: Objective, theta: np.ndarray, x: np.ndarray) -> np.ndarray:
    """The implementation's loss of every network."""
    each = np.eye(len(theta))
    return np.array([subject.gradients({"theta": theta}, {"x": x, "weight": one})[0]
                     for one in each])  # fmt: skip


def _correlation(theta: np.ndarray, x: np.ndarray, sizes: tuple[int, ...]) -> np.ndarray:
    outputs = forward(theta, x, sizes, np.tanh)
    return np.array([np.corrcoef(y, x)[0, 1] for y in outputs])


def learns(evidence: Evidence) -> Control:
    """Refuted when networks of either direction end about as far off as they began."""
    n = evidence.exact.numbers
    told = [
        f"{d} {short(n[f'start/{d}'], 2)} untrained, {short(n[f'end/{d}'], 2)} trained"
        for d in DIRECTIONS
    ]
    own = ", ".join(short(n[f"own end/{d}"], 2) for d in DIRECTIONS)
    says = (
        f"distance of the ECDFs by true ranks: {'; '.join(told)} ({own} by its own ECDF); "
        f"{n['turned']:.0f} of {DRAWS} falling maps were turned round"
    )
    return Control(says, not all(_learned(n, direction) for direction in DIRECTIONS))


def _learned(n: dict[str, float], direction: str) -> bool:
    end = n[f"end/{direction}"]
    return end <= max(LEARNED * n[f"start/{direction}"], ALIKE)
