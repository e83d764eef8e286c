"""Time of the batch-shaping notebook's cells: a step of training, and a frame of its animation."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from suite.reproduce.batch_figures import picture
from suite.reproduce.batch_shaping_example import RATE, Example, objective
from suite.reproduce.claims import LOOKS, Record, Trial
from suite.reproduce.training import train

CELLS = {
    "relaxed-bernoulli-0.2-0.25": ("relaxed-bernoulli-0.2-0.25",),
    "symbeta-0.9": ("symbeta-0.9",),
    "beta-2-6": ("beta-2-6",),
    "normal": ("normal-range-4", "normal-range-1"),
    "relaxed-bernoulli-0.8": ("relaxed-bernoulli-0.8-0.4", "relaxed-bernoulli-0.8-0.01"),
}
"""Trainings of every cell whose wall time is printed."""
SHOWN = tuple((f"step/{cell}", f"{cell} (ms a step)") for cell in CELLS)
"""What the page says of every implementation, with heads."""

REPEATS, FRAMES = 5, 5


def times(
    examples: Sequence[Example],
    starts: Callable[[Trial], Mapping[str, np.ndarray]],
    trial: Trial,
) -> Record:
    """train/CELL: seconds of a cell's steps. draw/CELL: of its frames, one a step. step/CELL:
    milliseconds a step.

    The quickest of a few trainings after one that compiles; a frame is our picture, drawn to
    pixels as an animation draws it.
    """
    frame = _frame_seconds(examples[0])
    numbers = {"frame": frame}
    for cell, names in CELLS.items():
        of_cell = [each for each in examples if each.name in names]
        spent = [_training_seconds(each, starts(trial)[each.name], trial) for each in of_cell]
        steps = sum(each.steps for each in of_cell)
        numbers[f"train/{cell}"] = sum(spent)
        numbers[f"step/{cell}"] = 1e3 * sum(spent) / steps
        numbers[f"draw/{cell}"] = frame * steps
    return Record(numbers)


def _training_seconds(example: Example, start: np.ndarray, trial: Trial) -> float:
    subject, found = objective(example, trial.implementation), []
    for _ in range(1 + (2 if trial.quick else REPEATS)):
        begun = time.perf_counter()
        train(subject, {"z": start}, example.steps, RATE)
        found.append(time.perf_counter() - begun)
    return min(found[1:])


def _frame_seconds(example: Example) -> float:
    logits = np.linspace(-4, 4, 500)[None]
    record = Record({}, {"losses": np.ones(100), LOOKS: np.array([99]), "logits": logits})
    found = []
    for _ in range(FRAMES):
        begun = time.perf_counter()
        picture(example, record, 0).canvas.draw()
        found.append(time.perf_counter() - begun)
    return min(found)
