"""A descent by two implementations in float64, from the same start and draws, step by step.

For losses by ranks, which are steps: what ``agreement`` asks of an end says nothing of them.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from suite.reproduce.agreement import AGAINST, TOLERANCE
from suite.reproduce.claims import Evidence, Record, Trial, Unsupported
from suite.reproduce.training import Path
from suite.reproduce.verdicts import Control, short


def side_by_side(path: Callable[[str], Path], trial: Trial) -> Record:
    """path(implementation): with a look at every step that counts.

    steps: how many. apart: largest difference of any parameter or loss. moved: largest move.
    """
    if trial.implementation == AGAINST:
        raise Unsupported("it is what others are held against")
    if trial.implementation.startswith("published"):
        raise Unsupported("another formula, in float32")
    mine, torchs = path(trial.implementation), path(AGAINST)
    off = [float(np.abs(mine.seen[k] - torchs.seen[k]).max()) for k in torchs.seen]
    moved = [float(np.abs(seen[-1] - seen[0]).max()) for seen in torchs.seen.values()]
    apart = max(*off, float(np.abs(mine.losses - torchs.losses).max()))
    return Record({"steps": float(len(torchs.losses)), "apart": apart, "moved": max(moved)})


def stay_together(evidence: Evidence) -> Control:
    """Refuted when they part by more than 1e-9."""
    n = evidence.exact.numbers
    says = (
        f"over {n['steps']:.0f} steps, which move by {short(n['moved'], 2)}, parameters and losses "
        f"differ from those of {AGAINST} by {short(n['apart'], 2)} at most"
    )
    return Control(says, not n["apart"] <= TOLERANCE)
