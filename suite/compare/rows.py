"""One row of a comparison: a cell of either side, and what has become of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from suite.compare.cells import Cell
from suite.compare.costs import CostChange
from suite.compare.statistics import Ratio
from suite.compare.values import ValueChange
from suite.compare.verdict import Verdict

Kind = Literal[
    "failed", "slower", "changed", "missing", "redefined", "costlier", "unclear",
    "faster", "cheaper", "mended", "new", "same", "untimed",
]  # fmt: skip

ORDER: tuple[Kind, ...] = Kind.__args__  # type: ignore[attr-defined]
"""What matters, first things first.

*failed*: ends otherwise in B, and not ok. *changed*: values or gradients. *redefined*: the case is
another one. *costlier*, *cheaper*: memory, compilation or compiled code, at the same time.
*mended*: ok on side B alone. *untimed*: both sides ended alike, without a time to compare.
"""

FOLDED: tuple[Kind, ...] = ("same", "untimed")
"""Kinds that are counted and not listed."""


@dataclass(frozen=True)
class Row:
    """A cell of either side. statuses: of A and B, "" where a side lacks it.

    ratio, verdict: of the times, where both sides are ok. yardstick: what they are normalised by,
    "" for plain seconds. values, costs: what has changed of them. remark: whatever else is to say.
    """

    cell: Cell
    kind: Kind
    statuses: tuple[str, str]
    verdict: Verdict | None = None
    ratio: Ratio | None = None
    yardstick: str = ""
    values: tuple[ValueChange, ...] = ()
    costs: tuple[CostChange, ...] = ()
    remark: str = ""

    @property
    def also(self) -> str:
        """What there is to say beside the times."""
        values = [str(v) for v in self.values if v.state in ("changed", "unclear")]
        return "; ".join([*filter(None, [self.remark]), *values, *map(str, self.costs)])
