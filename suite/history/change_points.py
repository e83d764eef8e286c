"""Where a series has changed, by a test that assumes no distribution.

Binary segmentation: there is a change when fewer than LEVEL of random orders of the same numbers
have a split as good by ranks (Pettitt 1979, Applied Statistics 28:126, in units of the statistic's
standard deviation at every split), and the medians differ by LEAST. It is where the logarithms fit
two levels best, and both sides are searched in turn. Without a change the numbers must be
exchangeable: a machine that drifts is one, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import rankdata

LEVEL = 0.01
PERMUTATIONS = 1999
SIDE = 3
"""Runs on either side of a change, at least."""
FEWEST = 10
"""Runs below which no order of them is rare enough."""
LEAST = 0.05
"""A relative change of the median that is worth a mark."""


@dataclass(frozen=True)
class Change:
    """index: of the first number after it. factor: the median after over that before."""

    index: int
    factor: float
    p: float


def change_points(
    series: Sequence[float], rng: np.random.Generator, least: float = LEAST
) -> list[Change]:
    """Changes of a series of positive numbers, in order; none where it has fewer than FEWEST."""
    values = np.asarray(series, float)
    found = _within(values, 0, rng, least)
    return sorted(found, key=lambda change: change.index)


def _within(
    values: np.ndarray, offset: int, rng: np.random.Generator, least: float
) -> list[Change]:
    if values.size < FEWEST:
        return []
    ranks = rankdata(values)
    best = _scores(ranks[None]).max()
    split = SIDE + int(np.argmax(_scores(np.log(values)[None])))
    factor = float(np.median(values[split:]) / np.median(values[:split]))
    if max(factor, 1 / factor) < 1 + least:
        return []
    shuffled = rng.permuted(np.broadcast_to(ranks, (PERMUTATIONS, ranks.size)), axis=1)
    as_good = int((_scores(shuffled).max(axis=1) >= best - 1e-9).sum())
    p = (1 + as_good) / (1 + PERMUTATIONS)
    if p > LEVEL:
        return []
    first, second = values[:split], values[split:]
    return [
        Change(offset + split, factor, p),
        *_within(first, offset, rng, least),
        *_within(second, offset + split, rng, least),
    ]


def _scores(series: np.ndarray) -> np.ndarray:
    """How far the means of both sides of every split are apart: (series, splits)."""
    count = series.shape[1]
    before = np.arange(SIDE, count - SIDE + 1)
    sums = np.cumsum(series, axis=1)[:, before - 1]
    total = series.sum(axis=1, keepdims=True)
    difference = sums / before - (total - sums) / (count - before)
    return np.abs(difference) * np.sqrt(before * (count - before) / count)
