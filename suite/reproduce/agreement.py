"""Do two frameworks train alike? In float64, from the same draws: step by step, and at the end.

At the start, loss and slopes are held to the tolerance that the operator states. For some steps
only rounding parts the two. Later training itself may magnify that, so the end is held to
what moving the start by one unit in the last place makes of one framework alone, or to the
tolerance that the operator states, where that is more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from suite import operators
from suite.reproduce.claims import Evidence, Record, Trial, Unsupported
from suite.reproduce.training import Objective, Path, Rate, train
from suite.reproduce.verdicts import Control, short

AGAINST = "torch_eager"
FIRST, TOLERANCE = 20, 1e-9
Value = tuple[Any, Mapping[str, Any]]
"""A loss, and slopes by name."""
At = Callable[[str], Value]
"""Those that an implementation finds at a point."""


@dataclass(frozen=True)
class Training:
    """objective(implementation, dtype), a start, steps and rate, as ``train`` takes them."""

    name: str
    objective: Callable[[str, str], Objective]
    start: Mapping[str, np.ndarray]
    steps: int
    rate: float | Rate

    def first(self, implementation: str) -> Value:
        """Loss and slopes at the start."""
        return self.objective(implementation, "float64").gradients(self.start)

    def path(self, implementation: str, moved: Trial | None = None) -> Path:
        start = {name: values.astype(np.float64) for name, values in self.start.items()}
        if moved is not None:
            start = {name: moved.moved(values) for name, values in start.items()}
        subject = self.objective(implementation, "float64")
        return train(subject, start, self.steps, self.rate, looks=range(FIRST + 1))


def in_tolerances(
    operator: str, at: At, implementation: str, condition: Value | None = None
) -> float:
    """How far an implementation's loss and slopes at a point are from torch_eager's.

    The largest difference of a number over what the operator allows: its tolerance in float64 times
    the number's condition, by default the largest number of its array.
    """
    (mine, slopes), (theirs, right) = at(implementation), at(AGAINST)
    tolerance, eps = operators.get(operator).tolerance("float64"), np.finfo(np.float64).eps
    largest = theirs, {name: np.max(np.abs(array)) for name, array in right.items()}
    of_loss, of_slopes = condition or largest
    pairs = [(mine, theirs, of_loss)]
    pairs += [(slopes[name], right[name], of_slopes[name]) for name in right]
    return _largest(
        np.max(np.abs(np.subtract(a, b)) / (tolerance * np.abs(c) + eps * np.abs(b)))
        for a, b, c in pairs
    )


def same_to_operator(numbers: Mapping[str, float]) -> str:
    """What a claim says of in_tolerances."""
    return (
        f"at the start loss and slopes are those of {AGAINST} to {short(numbers['operator'], 2)} "
        f"of the tolerance that the operator states"
    )


def agreement(operator: str, trainings: Sequence[Training], trial: Trial) -> Record:
    """The trial's implementation beside torch_eager.

    operator: largest difference at a start, in units of the operator's tolerance. first/NAME:
    largest difference of any parameter or loss over the first steps. end/NAME: of the last losses.
    spread/NAME: largest such difference that one-ulp moves of torch's start make. tolerance: the
    operator's, in float64, of losses up to 1.
    """
    if trial.implementation == AGAINST:
        raise Unsupported("it is what others are held against")
    if trial.implementation.startswith("published"):
        raise Unsupported("another formula, in float32")
    numbers = {
        "tolerance": operators.get(operator).tolerance("float64"),
        "operator": _largest(
            in_tolerances(operator, training.first, trial.implementation) for training in trainings
        ),
    }
    for training in trainings:
        mine, torchs = training.path(trial.implementation), training.path(AGAINST)
        moved = [
            training.path(AGAINST, Trial(AGAINST, f"ulp {k}"))
            for k in range(1, 3 if trial.quick else 5)
        ]
        numbers[f"first/{training.name}"] = apart(mine, torchs, FIRST)
        last = float(torchs.losses[-1])
        numbers[f"end/{training.name}"] = abs(float(mine.losses[-1]) - last)
        numbers[f"spread/{training.name}"] = max(abs(float(p.losses[-1]) - last) for p in moved)
    return Record(numbers)


def apart(mine: Path, theirs: Path, steps: int) -> float:
    """Largest difference of a parameter seen, or of a loss of the first steps; NaN where one is."""
    off = [np.abs(mine.seen[name] - theirs.seen[name]).max() for name in theirs.seen]
    return _largest([*off, np.abs(mine.losses - theirs.losses)[:steps].max()])


def _largest(numbers: Iterable[float]) -> float:
    """NaN among them is the largest."""
    return float(np.max(list(numbers)))


def agrees(evidence: Evidence) -> Control:
    """Refuted by more than the operator's tolerance at the start, by more than 1e-9 in the first
    steps, or at the end by more than one ulp makes and the operator allows."""
    n = evidence.exact.numbers
    first = _largest(value for name, value in n.items() if name.startswith("first/"))
    names = [name.partition("/")[2] for name in n if name.startswith("end/")]
    worst = max(names, key=lambda name: n[f"end/{name}"])
    # So written that NaN is apart, too.
    parted = [k for k in names if not n[f"end/{k}"] <= max(n[f"spread/{k}"], n["tolerance"])]
    says = (
        f"{same_to_operator(n)}; the first {FIRST} steps differ by {short(first, 2)} at most, last "
        f"losses by {short(n[f'end/{worst}'], 2)} ({worst}), where one ulp makes "
        f"{short(n[f'spread/{worst}'], 2)} and the operator allows {short(n['tolerance'], 2)}"
    )
    if parted:
        says += f"; too much in {', '.join(parted)}"
    alike = n["operator"] <= 1 and first <= TOLERANCE
    return Control(says, not alike or bool(parted))
