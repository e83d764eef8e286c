"""Have values or gradients changed? What two stored errors and digests prove about it.

Two answers that are within e and f tolerances of one reference are within e + f of each other, and
at least |e - f| apart in their worst element; equal digests are equal bits. Where both sides have
kept their answers it is not a question of proof: they are compared, element by element.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

State = Literal["equal", "within", "unclear", "changed", "unknown"]


@dataclass(frozen=True)
class Moved:
    """How far the element has moved that moved furthest, in tolerances, and its story."""

    tolerances: float
    where: str


@dataclass(frozen=True)
class ValueChange:
    """How far an answer has moved: between ``least`` and ``most`` tolerances.

    *equal*: every bit of round 0 is. *within*: by no more than allowed. *changed*: by more.
    *unclear*: the errors alone cannot tell. *unknown*: a side has no error. moved: the distance,
    where both answers were kept.
    """

    what: Literal["value", "gradient"]
    state: State
    before: float
    after: float
    moved: float | None = None
    where: str = ""

    @property
    def least(self) -> float:
        """Tolerances that it has moved at least."""
        if self.moved is not None:
            return self.moved
        return 0.0 if self.before == self.after else abs(self.after - self.before)

    @property
    def most(self) -> float:
        """Tolerances that it has moved at most."""
        if self.moved is not None:
            return self.moved
        return 0.0 if self.state == "equal" else self.before + self.after

    def __str__(self) -> str:
        error = f"{self.what} error {self.before:.2g} -> {self.after:.2g} tol"
        return f"{self.where}, moved by {self.moved:.3g} tol; {error}" if self.where else error


def value_change(
    what: Literal["value", "gradient"],
    before: float,
    after: float,
    *,
    same_bits: bool,
    allowed: float = 1.0,
    moved: Moved | None = None,
) -> ValueChange:
    """The change between errors in tolerances. same_bits: whether the digests are equal.

    allowed: tolerances that it may move. moved: how far it has, where that is known.
    """
    state: State
    if same_bits:
        state = "equal"
    elif moved is not None:
        state = "within" if moved.tolerances <= allowed else "changed"
        return ValueChange(what, state, before, after, moved.tolerances, moved.where)
    elif math.isnan(before) or math.isnan(after):
        state = "unknown"
    elif before + after <= allowed:
        state = "within"
    elif before != after and abs(after - before) > allowed:
        state = "changed"
    else:
        state = "unclear"
    return ValueChange(what, state, before, after)
