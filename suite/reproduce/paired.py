"""Whether one number of a record is larger than another, over all starts of an experiment.

Both come from the same start, so what a start does to both cancels. A difference is clear when it
is more than two of its standard errors from zero; of a single start, when it is not zero.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from suite.reproduce.claims import Evidence
from suite.reproduce.verdicts import short


@dataclass(frozen=True)
class Difference:
    """values (starts,): first minus other; the exact start, then the seeds."""

    values: np.ndarray

    @staticmethod
    def of(evidence: Evidence, first: str, other: str) -> Difference:
        """Of two numbers of the claim's experiment."""
        one, two = (over_starts(evidence, name) for name in (first, other))
        return Difference(one - two)

    @property
    def mean(self) -> float:
        return float(self.values.mean())

    @property
    def error(self) -> float:
        """Standard error of the mean, 0 of a single start."""
        starts = len(self.values)
        return float(self.values.std(ddof=1) / starts**0.5) if starts > 1 else 0.0

    @property
    def clearly_positive(self) -> bool:
        return self.mean > 2 * self.error

    @property
    def clearly_negative(self) -> bool:
        return self.mean < -2 * self.error

    def __str__(self) -> str:
        starts = len(self.values)
        if starts == 1:
            return f"{self.mean:+.3g}"
        return f"{self.mean:+.3g} +- {short(self.error, 2)} over {starts} starts"


def over_starts(evidence: Evidence, name: str) -> np.ndarray:
    """A number from the exact start and all seeds."""
    return np.append(evidence.exact.numbers[name], evidence.numbers("seed", name))


def mean(evidence: Evidence, name: str) -> float:
    """Its mean over all starts."""
    return float(over_starts(evidence, name).mean())
