"""Have values or gradients changed? What two stored errors and digests prove about it.

Two answers that are within e and f tolerances of one reference are within e + f of each other, and
at least |e - f| apart in their worst element; equal digests are equal bits.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

State = Literal["equal", "within", "unclear", "changed", "unknown"]

ALLOWED = 1.0
"""Tolerances that a value or gradient may have moved."""


@dataclass(frozen=True)
class ValueChange:
    """How far an answer has moved: between ``least`` and ``most`` tolerances.

    *equal*: every bit of round 0 is. *within*: by ALLOWED at most. *changed*: by more. *unclear*:
    the errors alone cannot tell. *unknown*: a side has no error.
    """

    what: Literal["value", "gradient"]
    state: State
    before: float
    after: float

    @property
    def least(self) -> float:
        """Tolerances that it has moved at least."""
        return 0.0 if self.before == self.after else abs(self.after - self.before)

    @property
    def most(self) -> float:
        """Tolerances that it has moved at most."""
        return 0.0 if self.state == "equal" else self.before + self.after

    def __str__(self) -> str:
        return f"{self.what} error {self.before:.2g} -> {self.after:.2g} tol"


def value_change(
    what: Literal["value", "gradient"], before: float, after: float, *, same_bits: bool
) -> ValueChange:
    """The change between errors in tolerances. same_bits: whether the digests are equal."""
    state: State
    if same_bits:
        state = "equal"
    elif math.isnan(before) or math.isnan(after):
        state = "unknown"
    elif before + after <= ALLOWED:
        state = "within"
    elif before != after and abs(after - before) > ALLOWED:
        state = "changed"
    else:
        state = "unclear"
    return ValueChange(what, state, before, after)
