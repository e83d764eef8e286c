"""The forum's network, trained until the ECDF of its output is that of its input.

    loss = mean_i (p(x)_i - p(y)_i)^2,    y = network(x),  x standard normal, drawn anew every step

p is what the implementation says the ECDF is; only p(y) is differentiated. Several networks are
trained side by side on the same inputs, none of them touching another. Each draw of weights gives
two: one whose output rises with the input on the whole, and the same with its last layer negated,
which falls.

A map whose loss is 0 moves no more, and steps without direction may end there, too. The control
takes such: every sample's square has a random sign, so that its gradient has its size, and goes up
as often as down.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from scipy import stats

from suite.reproduce.agreement import Value
from suite.reproduce.claims import EXACT, LOOKS, Evidence, Record, Trial
from suite.reproduce.rmsprop import RMSprop
from suite.reproduce.side_by_side import side_by_side
from suite.reproduce.training import Data, Engine, Objective, Path, evenly, train
from suite.reproduce.verdicts import Control, short

SIZES = {"network": (1, 10, 10, 1), "linear": (1, 1)}
"""Units of every layer; tanh between them."""

SAMPLES, STEPS, RATE = 500, 10_000, 1e-4
DRAWS, HELD_OUT, QUICK_STEPS = 4, 2000, 400
FIRST = 20
"""Steps over which frameworks are compared."""
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
def objective(implementation: str, kind: str, dtype: str = "float32") -> Objective:
    """The sum over networks of weight times loss, every sample's square times its sign."""
    engine = Engine.of("ecdf", implementation)
    tanh, call, sizes = engine.framework.elementary("tanh"), engine.call, SIZES[kind]

    def loss(theta, x, weight, sign):
        off = call(x.reshape(1, -1)) - call(forward(theta, x, sizes, tanh))
        return ((off**2 * sign).mean(1) * weight).sum()

    return Objective(engine.framework, loss, ("theta",), dtype, engine.device)


def run(kind: str, trial: Trial) -> Record:
    """start, end / DIRECTION: mean distance of the ECDFs of output and input before and after.

    Distances are by true ranks, on inputs that no training saw; ``own ...`` are by the
    implementation's own ECDF. turned: of the falling networks, those that rise at the end.
    control, turned_control: the same of the control, from the exact start.
    """
    sizes, subject = SIZES[kind], objective(trial.implementation, kind)
    steps = QUICK_STEPS if trial.quick else STEPS
    theta = starts(trial, sizes)
    held_out = trial.rng("held-out inputs").normal(size=HELD_OUT).astype(np.float32)
    path = train(
        subject, {"theta": theta}, steps, RATE, optimiser=RMSprop(), data=draws(trial),
        looks=evenly(steps) if trial.start == EXACT else (),
    )  # fmt: skip
    numbers: dict[str, float] = {}
    for when, weights in (("start", theta), ("end", path.end["theta"])):
        numbers |= _distances(when, subject, weights, held_out, sizes)
    numbers["turned"] = _turned(path.end["theta"], sizes)
    if trial.start != EXACT:
        return Record(numbers)
    control = train(
        subject, {"theta": theta}, steps, RATE, optimiser=RMSprop(), data=draws(trial, False)
    )
    numbers |= _distances("control", subject, control.end["theta"], held_out, sizes)
    numbers["turned_control"] = _turned(control.end["theta"], sizes)
    seen = path.seen["theta"]
    curves = {
        LOOKS: path.looks,
        "distance": np.array([distances(forward(t, held_out, sizes, np.tanh), held_out)
                              for t in seen]),
        "own": np.array([_own(subject, t, held_out) for t in seen]),
        "maps": np.array([forward(t, GRID, sizes, np.tanh).ravel() for t in seen]),
    }  # fmt: skip
    return Record(numbers, curves)


def draws(trial: Trial, directed: bool = True) -> Data:
    """Every step's inputs, and signs: 1, or random."""
    inputs, signs = trial.rng("inputs"), trial.rng("signs")
    weight, ones = np.ones(2 * DRAWS), np.ones(SAMPLES)

    def data(step: int) -> dict[str, np.ndarray]:
        sign = ones if directed else signs.choice([-1.0, 1.0], SAMPLES)
        return {"x": inputs.normal(size=SAMPLES), "weight": weight, "sign": sign}

    return data


def agreement(trial: Trial) -> Record:
    """The first steps by two frameworks."""
    theta = starts(trial, SIZES["network"]).astype(np.float64)

    def first(implementation: str) -> Value:
        subject = objective(implementation, "network", "float64")
        return subject.gradients({"theta": theta}, draws(trial)(0))

    def path(implementation: str) -> Path:
        subject = objective(implementation, "network", "float64")
        return train(
            subject, {"theta": theta}, FIRST, RATE, optimiser=RMSprop(), data=draws(trial),
            looks=range(FIRST + 1),
        )  # fmt: skip

    return side_by_side("ecdf", first, path, trial)


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
    data = {"x": x, "sign": np.ones(len(x))}
    return np.array([subject.gradients({"theta": theta}, {**data, "weight": one})[0]
                     for one in np.eye(len(theta))])  # fmt: skip


def _turned(theta: np.ndarray, sizes: tuple[int, ...]) -> float:
    outputs = forward(theta, GRID, sizes, np.tanh)[DRAWS:]
    return float(sum(np.corrcoef(y, GRID)[0, 1] > 0 for y in outputs))


def learns(evidence: Evidence) -> Control:
    """Refuted when networks of a direction end about as far off as they began, or when steps
    without direction bring them as far."""
    n = evidence.exact.numbers
    told = [
        f"{d} {short(n[f'start/{d}'], 2)} untrained, {short(n[f'end/{d}'], 2)} trained"
        for d in DIRECTIONS
    ]
    own = ", ".join(short(n[f"own end/{d}"], 2) for d in DIRECTIONS)
    says = (
        f"distance of the ECDFs by true ranks: {'; '.join(told)} ({own} by its own ECDF); "
        f"{n['turned']:.0f} of {DRAWS} falling maps were turned round. Steps with random signs end "
        f"at {short(n['control/rising'], 2)} and {short(n['control/falling'], 2)}, "
        f"{n['turned_control']:.0f} turned round"
    )
    if off := [d for d in DIRECTIONS if not _learned(n, "end", d)]:
        says += f". More than {LEARNED:.0%} of the distance is left to those {' and '.join(off)}"
    others = evidence.found.others(evidence.experiment, evidence.implementation, "seed")
    if others:
        learned = sum(_learned(other.numbers, "end") for other in others)
        says += f". From other seeds {learned} of {len(others)} learn"
    return Control(says, bool(off) or _learned(n, "control"))


def _learned(n: Mapping[str, float], when: str, *directions: str) -> bool:
    return all(
        n[f"{when}/{d}"] <= max(LEARNED * n[f"start/{d}"], ALIKE) for d in directions or DIRECTIONS
    )
