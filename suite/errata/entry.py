"""One entry of the errata: what a source says, what is right, and a proof that anyone can run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

Fault = Literal[
    "none", "sign", "bias", "limit", "zero gradient", "shape", "scale", "nan", "misnamed", "crash"
]


@dataclass(frozen=True)
class Evidence:
    """One quantity on an analytic case: what the published formula gives, and what is right.

    tolerance: absolute difference that rounding or the case's own accuracy explains.
    unit: of the three numbers, "" when they have none.
    """

    quantity: str
    published: float
    right: float
    tolerance: float
    unit: str = ""

    @property
    def agrees(self) -> bool:
        """Whether published and right are equal within the tolerance (NaN never is)."""
        return abs(self.published - self.right) <= self.tolerance


@dataclass(frozen=True)
class Erratum:
    """A claim or formula of a published source, held against what it should be.

    name: unique, kebab-case; what ``known_error=`` of an implementation names.
    source: author or package with version, title, and the line, section or function.
    claim: what the source says the formula does, in our words.
    published: the formula as the source states or codes it, one line of mathematics.
    corrected: the right one, in the same symbols; "" where the published one holds.
    fault: the kind of error; "none" where the claim was checked and holds.
    why: what is wrong and when it matters, a sentence or two.
    needs: packages that the proof imports beside the project's own ("relaxed", "torch").
    proof: computes the evidence anew, seeded, in seconds, on a CPU.
    """

    name: str
    source: str
    claim: str
    published: str
    corrected: str
    fault: Fault
    why: str
    needs: tuple[str, ...]
    proof: Callable[[], tuple[Evidence, ...]]
