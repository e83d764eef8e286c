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

PRIOR = 4.0
"""Degrees of freedom of the prior: few, since some cells are far noisier than most."""

MANY = 10
"""Cells from which their spread says how much processes differ; of fewer it is assumed."""

ASSUMED = {"cpu": 0.2, "cuda": 0.05}
"""Standard deviation of a cell's log time from process to process, by device. Two runs of a shared
machine with two cores had 0.18; on a GPU it has not been measured."""

LEAST = {"cpu": 0.03, "cuda": 0.01}
"""The least standard deviation between processes that is believed."""

_Z = 1.96

Numbers = Sequence[float] | np.ndarray


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


def ratio_of(a: Numbers, b: Numbers, noise: float, comparisons: int = 1) -> Ratio:
    """Ratio of B to A from one log time a process of each side, in any number, at least one.

    noise: what the standard deviation between processes is before anything is known of it, the
    noise of a process's own median included. comparisons: how many cells are compared; the
    interval is that much surer (Bonferroni), so that ALPHA holds of all of them together.
    """
    first, second = np.asarray(a, float), np.asarray(b, float)
    squares = _squares(first) + _squares(second)
    freedom = PRIOR + first.size + second.size - 2
    variance = (PRIOR * noise**2 + squares) / freedom
    error = math.sqrt(variance * (1 / first.size + 1 / second.size))
    half = float(stats.t.isf(ALPHA / comparisons / 2, freedom)) * error
    centre = float(second.mean() - first.mean())
    return Ratio(_exp(centre), _exp(centre - half), _exp(centre + half))


def median_noise(seconds: Numbers) -> float:
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


def between_processes(sides: Sequence[tuple[Numbers, Numbers]], device: str) -> float:
    """How much processes differ: the standard deviation that is typical of all cells.

    sides: of every cell the log times of A's and of B's processes. From the variance within the
    sides where they have several processes; else from the spread of the cells' ratios, which real
    changes can only widen; assumed where there are fewer than MANY cells. The median cell counts.
    """
    within = []
    for a, b in sides:
        if (freedom := len(a) + len(b) - 2) > 0:
            typical = float(stats.chi2.median(freedom))
            within.append((_squares(a) + _squares(b)) / typical)
    if len(within) >= MANY:
        found = math.sqrt(float(np.median(within)))
    elif len(sides) >= MANY:
        ratios = np.array([np.mean(b) - np.mean(a) for a, b in sides])
        found = float(stats.median_abs_deviation(ratios, scale="normal")) / math.sqrt(2)
    else:
        found = ASSUMED.get(device, ASSUMED["cpu"])
    return max(found, LEAST.get(device, LEAST["cpu"]))


def with_own(between: float, of_medians: Numbers) -> float:
    """The noise between processes together with that of the processes' own medians."""
    return math.sqrt(between**2 + float(np.mean(np.square(of_medians))))


def _squares(logs: Numbers) -> float:
    """Sum of squared deviations from the mean."""
    values = np.asarray(logs, float)
    return float(((values - values.mean()) ** 2).sum())


def _exp(x: float) -> float:
    return math.exp(x) if x < 700 else math.inf


def _over(x: float) -> float:
    return 1 / x if x else math.inf
