"""Faster, same, slower or unclear: one rule, and its thresholds.

*Slower*: the ratio is at least 1 + threshold, and its interval lies above 1. *Faster*: the same of
the inverse ratio. *Same*: the interval lies between 1 / (1 + threshold) and 1 + threshold.
Whatever is none of these is *unclear*: it was not measured well enough to say.
"""

from __future__ import annotations

from typing import Literal

from suite.compare.statistics import Ratio

Verdict = Literal["faster", "same", "slower", "unclear"]

THRESHOLDS = {"cpu": 0.25, "cuda": 0.05}
"""By device, what is worth a word: a shared machine cannot tell less (scikit-image issue 5424)."""


def verdict(ratio: Ratio, threshold: float) -> Verdict:
    """What a ratio of times and its interval say of side B."""
    if ratio.ratio >= 1 + threshold and ratio.low > 1:
        return "slower"
    if ratio.ratio <= 1 / (1 + threshold) and ratio.high < 1:
        return "faster"
    if 1 / (1 + threshold) <= ratio.low and ratio.high <= 1 + threshold:
        return "same"
    return "unclear"


def threshold_of(device: str) -> float:
    """The threshold that goes with a device."""
    return THRESHOLDS.get(device, THRESHOLDS["cpu"])
