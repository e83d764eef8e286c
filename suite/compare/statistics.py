"""The ratio of two sides' times, with an interval that knows how little one process tells.

Every process gives one number a cell, the logarithm of its normalised median. The interval is that
of a moderated t-test (Smyth 2004, Stat. Appl. Genet. Mol. Biol. 3(1):3): a cell's variance between
processes is what its own processes show, together with a prior that is fitted to all cells: how
large the variances are, and how unlike. So one process a side gets an interval, too, and two that
happen to agree are not believed blindly.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import optimize, special, stats

ALPHA = 0.05
"""How often any of all cells compared may be said to differ when none does."""

MANY = 10
"""Cells from which they say themselves how much processes differ; of fewer it is assumed."""

ASSUMED = {"cpu": 0.2, "cuda": 0.05}
"""Standard deviation of a cell's log time from process to process, by device. Two runs of a shared
machine with two cores had 0.18; on a GPU it has not been measured."""

LEAST = {"cpu": 0.03, "cuda": 0.01}
"""The least standard deviation between processes that is believed."""

FREEDOM = (1.0, 4.0)
"""Degrees of freedom that a prior may have: at least, and at most or where it is assumed."""

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


@dataclass(frozen=True)
class Prior:
    """What is known of a cell's noise before its own processes have a say.

    noise: standard deviation between processes. freedom: what that is worth in degrees of freedom,
    few where cells are unlike.
    """

    noise: float
    freedom: float = FREEDOM[1]


def ratio_of(a: Numbers, b: Numbers, prior: Prior, comparisons: int = 1) -> Ratio:
    """Ratio of B to A from one log time a process of each side, in any number, at least one.

    comparisons: how many cells are compared; the interval is that much surer (Bonferroni), so that
    ALPHA holds of all of them together.
    """
    first, second = np.asarray(a, float), np.asarray(b, float)
    freedom = prior.freedom + first.size + second.size - 2
    squares = _squares(first) + _squares(second)
    variance = (prior.freedom * prior.noise**2 + squares) / freedom
    error = math.sqrt(variance * (1 / first.size + 1 / second.size))
    half = float(stats.t.isf(ALPHA / comparisons / 2, freedom)) * error
    centre = float(second.mean() - first.mean())
    return Ratio(_exp(centre), _exp(centre - half), _exp(centre + half))


def prior_of(sides: Sequence[tuple[Numbers, Numbers]], device: str) -> Prior:
    """How much processes differ, fitted to all cells.

    sides: of every cell the log times of A's and of B's processes. From the variances within the
    sides where they have several processes; else from the spread of the cells' ratios, which real
    changes can only widen; assumed where there are fewer than MANY cells.
    """
    least = LEAST.get(device, LEAST["cpu"])
    several = [(a, b) for a, b in sides if len(a) + len(b) > 2]
    if len(several) >= MANY:
        freedom = np.array([len(a) + len(b) - 2 for a, b in several])
        variances = np.array([_squares(a) + _squares(b) for a, b in several]) / freedom
        return _fitted(np.maximum(variances, least**2), freedom, least)
    if len(sides) >= MANY:
        # One process each: a cell noisier than most cannot be told from one that has changed.
        ratios = [np.mean(b) - np.mean(a) for a, b in sides]
        spread = float(stats.median_abs_deviation(ratios, scale="normal"))
        return Prior(max(spread / math.sqrt(2), least))
    return Prior(ASSUMED.get(device, ASSUMED["cpu"]))


def _fitted(variances: np.ndarray, freedom: np.ndarray, least: float) -> Prior:
    """The scaled inverse chi-square that variances come from (Smyth 2004, section 6.2)."""
    logs = np.log(variances) - special.digamma(freedom / 2) + np.log(freedom / 2)
    unlike = float(logs.var(ddof=1) - special.polygamma(1, freedom / 2).mean())
    low, high = FREEDOM
    if unlike >= special.polygamma(1, low / 2):
        worth = low
    elif unlike <= special.polygamma(1, high / 2):
        worth = high
    else:
        worth = 2 * optimize.brentq(
            lambda half: float(special.polygamma(1, half)) - unlike, low / 2, high / 2
        )
    variance = math.exp(logs.mean() + special.digamma(worth / 2) - math.log(worth / 2))
    return Prior(max(math.sqrt(variance), least), worth)


def with_own(prior: Prior, of_medians: Numbers) -> Prior:
    """The noise between processes together with that of the processes' own medians."""
    noise = math.sqrt(prior.noise**2 + float(np.mean(np.square(of_medians))))
    return Prior(noise, prior.freedom)


def _squares(logs: Numbers) -> float:
    """Sum of squared deviations from the mean."""
    values = np.asarray(logs, float)
    return float(((values - values.mean()) ** 2).sum())


def _exp(x: float) -> float:
    return math.exp(x) if x < 700 else math.inf


def _over(x: float) -> float:
    return 1 / x if x else math.inf
