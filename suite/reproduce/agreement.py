"""Do two frameworks train alike? In float64, from the same draws: step by step, and at the end.

At first only rounding parts them. Later training itself may magnify that, so the end is held to
what moving the start by one unit in the last place makes of one framework alone, or to the
tolerance that the operator states, where that is more.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from suite import operators
from suite.reproduce.claims import Evidence, Record, Trial, Unsupported
from suite.reproduce.training import Objective, Path, Rate, train
from suite.reproduce.verdicts import Control, short

AGAINST = "torch_eager"
FIRST, TOLERANCE = 20, 1e-9


@dataclass(frozen=True)
class Training:
    """objective(implementation, dtype), a start, steps and rate, as ``train`` takes them."""

    name: str
    objective: Callable[[str, str], Objective]
    start: Mapping[str, np.ndarray]
    steps: int
    rate: float | Rate

    def path(self, implementation: str, moved: Trial | None = None) -> Path:
        start = {name: values.astype(np.float64) for name, values in self.start.items()}
        if moved is not None:
            start = {name: moved.moved(values) for name, values in start.items()}
        subject = self.objective(implementation, "float64")
        return train(subject, start, self.steps, self.rate, looks=range(FIRST + 1))


def agreement(operator: str, trainings: Sequence[Training], trial: Trial) -> Record:
    """The trial's implementation beside torch_eager.

    first/NAME: largest difference of any parameter or loss over the first steps. end/NAME: of the
    last losses. spread/NAME: largest such difference that one-ulp moves of torch's start make.
    tolerance: the operator's, in float64, of losses up to 1.
    """
    if trial.implementation == AGAINST:
        raise Unsupported("it is what others are held against")
    if trial.implementation.startswith("published"):
        raise Unsupported("another formula, in float32")
    numbers = {"tolerance": operators.get(operator).tolerance("float64")}
    for training in trainings:
        mine, torchs = training.path(trial.implementation), training.path(AGAINST)
        moved = [
            training.path(AGAINST, Trial(AGAINST, f"ulp {k}"))
            for k in range(1, 3 if trial.quick else 5)
        ]
        numbers[f"first/{training.name}"] = max(
            *(float(np.abs(mine.seen[k] - torchs.seen[k]).max()) for k in torchs.seen),
            float(np.abs(mine.losses - torchs.losses)[:FIRST].max()),
        )
        last = float(torchs.losses[-1])
        numbers[f"end/{training.name}"] = abs(float(mine.losses[-1]) - last)
        numbers[f"spread/{training.name}"] = max(abs(float(p.losses[-1]) - last) for p in moved)
    return Record(numbers)


def agrees(evidence: Evidence) -> Control:
    """Refuted by more than 1e-9 in the first steps, or at the end by more than one ulp makes and
    the operator allows."""
    n = evidence.exact.numbers
    first = max(value for name, value in n.items() if name.startswith("first/"))
    names = [name.partition("/")[2] for name in n if name.startswith("end/")]
    worst = max(names, key=lambda name: n[f"end/{name}"])
    # So written that NaN is apart, too.
    apart = [k for k in names if not n[f"end/{k}"] <= max(n[f"spread/{k}"], n["tolerance"])]
    says = (
        f"against {AGAINST} the first {FIRST} steps differ by {short(first, 2)} at most, last "
        f"losses by {short(n[f'end/{worst}'], 2)} ({worst}), where one ulp makes "
        f"{short(n[f'spread/{worst}'], 2)}"
    )
    if apart:
        says += f"; too much in {', '.join(apart)}"
    return Control(says, not first <= TOLERANCE or bool(apart))
