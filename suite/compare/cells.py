"""What a cell is called, in comparisons."""

from __future__ import annotations

from typing import NamedTuple


class Cell(NamedTuple):
    """A cell's identity, in the order of ``suite.results.CELL``."""

    operator: str
    implementation: str
    framework: str
    case: str
    pass_: str
    device: str
    dtype: str
    clock: str

    @property
    def subject(self) -> str:
        """Operator and implementation."""
        return f"{self.operator}/{self.implementation}"
