"""The published values, as they were printed: ``published.csv``, the only place that has them.

source, claim  whose, and the claim's name
place          where in the source
quantity       what the value is of, in words
value          as printed: a number, or a statement in our words
digits         significant digits of a printed number; empty for a statement
unit           of a number
"""

from __future__ import annotations

import csv
import functools
from dataclasses import dataclass
from pathlib import Path

FILE = Path(__file__).with_name("published.csv")
COLUMNS = ("source", "claim", "place", "quantity", "value", "digits", "unit")


@dataclass(frozen=True)
class Published:
    """One row of the file."""

    source: str
    claim: str
    place: str
    quantity: str
    value: str
    digits: int
    unit: str

    @property
    def is_number(self) -> bool:
        return self.digits > 0

    @property
    def number(self) -> float:
        """ValueError for a statement."""
        return float(self.value)

    def rounds_to(self, number: float) -> bool:
        """Whether a number is printed as the published one is."""
        return self.rounded(number) == self.rounded(self.number)

    def rounded(self, number: float) -> str:
        """A number in as many digits as the published one has."""
        return f"{number:.{self.digits - 1}e}"

    @property
    def half_digit(self) -> float:
        """Half a unit of the last printed digit."""
        return 0.5 * 10.0 ** (int(self.rounded(self.number).partition("e")[2]) - self.digits + 1)


@functools.cache
def published(source: str) -> dict[str, Published]:
    """The rows of a source by claim; ValueError for a broken file or a claim stated twice."""
    found: dict[str, Published] = {}
    with FILE.open(encoding="utf-8", newline="") as stream:
        rows = csv.DictReader(stream)
        if tuple(rows.fieldnames or ()) != COLUMNS:
            raise ValueError(f"{FILE}: columns {rows.fieldnames}, not {COLUMNS}")
        for row in rows:
            if row["source"] == source:
                claim = row["claim"]
                if claim in found:
                    raise ValueError(f"{FILE}: {source} states {claim!r} twice")
                found[claim] = Published(
                    source, claim, row["place"], row["quantity"], row["value"],
                    int(row["digits"] or 0), row["unit"],
                )  # fmt: skip
    return found
