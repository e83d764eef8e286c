"""The ratio of two sides' times, with an interval that knows how little one process tells.

Every process gives one number a cell, the logarithm of its normalised median. The interval is that
of a moderated t-test (Smyth 2004, Stat. Appl. Genet. Mol. Biol. 3(1):3): the variance between
processes is the sides' pooled one, together with a prior that is worth PRIOR processes. So one
process a side gets an interval, too, and two that happen to agree are not believed blindly.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

ALPHA = 0.05
"""How often any of all cells compared may be said to differ when none does."""

PRIOR = 8.0
"""Degrees of freedom of the prior of the variance between processes."""

FLOORS = {"cpu": 0.08, "cuda": 0.02}
"""Standard deviation of a cell's log time from process to process, by device, of which the samples
of one process know nothing."""

_Z = 1.96


@dataclass(frozen=True)
class Ratio:
    """Time of B over time of A: the geometric ratio, and its interval."""

    ratio: float
    low: float
    high: float

    @property
    def inverse(self) -> Ratio:
        """Time of A over time of B."""
        return Ratio(1 / self.ratio, _over(self.high), _over(self.low))


def ratio_of(a: Sequence[float], b: Sequence[float], noise: float, comparisons: int = 1) -> Ratio:
    """Ratio of B to A from one log time a process of each side, in any number, at least one.

    noise: what the standard deviation between processes is before anything is known of it, the
    noise of a process's own median included. comparisons: how many cells are compared; the
    interval is that much surer (Bonferroni), so that ALPHA holds of all of them together.
    """
    first, second = np.asarray(a, float), np.asarray(b, float)
    squares = sum(float(((side - side.mean()) ** 2).sum()) for side in (first, second))
    freedom = PRIOR + first.size + second.size - 2
    variance = (PRIOR * noise**2 + squares) / freedom
    error = math.sqrt(variance * (1 / first.size + 1 / second.size))
    half = float(stats.t.isf(ALPHA / comparisons / 2, freedom)) * error
    centre = float(second.mean() - first.mean())
    return Ratio(_exp(centre), _exp(centre - half), _exp(centre + half))


def median_noise(seconds: Sequence[float]) -> float:
    """Standard error of the logarithm of the samples' median, without assuming a distribution.

    Half the distance of two order statistics that hold the median between them in 95 of 100 cases,
    in units of 1.96 (McKean and Schrader 1984); infinite for fewer than three samples.
    """
    ordered = np.sort(np.log(np.asarray(seconds, float)))
    count = ordered.size
    if count < 3:
        return math.inf
    rank = max(round((count + 1) / 2 - _Z * math.sqrt(count / 4)), 1)
    return float(ordered[count - rank] - ordered[rank - 1]) / (2 * _Z)


def prior_noise(device: str, of_medians: Sequence[float]) -> float:
    """The device's noise between processes together with that of the processes' own medians."""
    own = float(np.mean(np.square(of_medians))) if len(of_medians) else 0.0
    return math.sqrt(FLOORS.get(device, FLOORS["cpu"]) ** 2 + own)


def _exp(x: float) -> float:
    return math.exp(x) if x < 700 else math.inf


def _over(x: float) -> float:
    return 1 / x if x else math.inf
