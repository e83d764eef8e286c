"""A descent by two implementations in float64, from the same start and draws, step by step.

For losses by ranks, which are steps: what ``agreement`` asks of an end says nothing of them.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from suite.reproduce.agreement import (
    AGAINST,
    TOLERANCE,
    At,
    Value,
    apart,
    in_tolerances,
    same_to_operator,
)
from suite.reproduce.claims import Evidence, Record, Trial, Unsupported
from suite.reproduce.training import Path
from suite.reproduce.verdicts import Control, short


def side_by_side(
    operator: str,
    first: At,
    path: Callable[[str], Path],
    trial: Trial,
    condition: Value | None = None,
) -> Record:
    """first(implementation): loss and slopes at the start. path: with a look at every step that
    counts.

    operator: difference at the start, in units of the operator's tolerance. steps: how many.
    apart: largest difference of any parameter or loss. moved: largest move.
    """
    if trial.implementation == AGAINST:
        raise Unsupported("it is what others are held against")
    if trial.implementation.startswith("published"):
        raise Unsupported("another formula, in float32")
    mine, torchs = path(trial.implementation), path(AGAINST)
    moved = [float(np.abs(seen[-1] - seen[0]).max()) for seen in torchs.seen.values()]
    return Record(
        {
            "operator": in_tolerances(operator, first, trial.implementation, condition),
            "steps": float(len(torchs.losses)),
            "apart": apart(mine, torchs, len(torchs.losses)),
            "moved": max(moved),
        }
    )


def stay_together(evidence: Evidence) -> Control:
    """Refuted when they part by more than the operator's tolerance at the start, or by 1e-9."""
    n = evidence.exact.numbers
    says = (
        f"{same_to_operator(n)}; over {n['steps']:.0f} steps, which move by "
        f"{short(n['moved'], 2)}, parameters and losses differ by {short(n['apart'], 2)} at most"
    )
    return Control(says, not (n["operator"] <= 1 and n["apart"] <= TOLERANCE))
