"""What readers of a comparison are shown of its rows, whatever they are shown it in."""

from __future__ import annotations

from dataclasses import dataclass

from suite.compare.comparison import Comparison
from suite.compare.rows import FOLDED, Kind, Row

FEW = 2
"""Cells that one implementation lacks, or has anew, up to which each has a line."""

SHORT = {"forward": "fwd", "forward+backward": "fwd+bwd"}


@dataclass(frozen=True)
class Line:
    """One line of a table. subject: operator and implementation; where: case and pass."""

    kind: Kind
    subject: str
    where: str
    ratio: str
    interval: str
    also: str

    @property
    def texts(self) -> tuple[str, str, str, str, str]:
        """The line as a table's columns."""
        return self.kind, f"{self.subject}\n{self.where}", self.ratio, self.interval, self.also

    def __str__(self) -> str:
        time = f"{self.ratio} x the time [{self.interval}]" if self.ratio else ""
        told = "; ".join(filter(None, (time, self.also)))
        return f"{self.subject} {self.where}: {self.kind}" + (f", {told}" if told else "")


def lines(comparison: Comparison) -> list[Line]:
    """What is not the same, what matters first; many missing cells of one implementation in one."""
    groups: dict[tuple, list[Row]] = {}
    for row in comparison.rows:
        alike = row.remark if row.kind in ("missing", "new") else row.cell
        if row.kind not in FOLDED:
            groups.setdefault((row.kind, row.cell.subject, alike), []).append(row)
    found: list[Line] = []
    for (kind, subject, _), rows in groups.items():
        if len(rows) > FEW:
            cases = len({row.cell.case for row in rows})
            where = f"{len(rows)} cells of {cases} cases"
            found.append(Line(kind, subject, where, "", "", rows[0].remark))
        else:
            found += map(line_of, rows)
    return found


def line_of(row: Row) -> Line:
    """The line of one cell."""
    cell = row.cell
    where = f"{cell.case}, {SHORT.get(cell.pass_, cell.pass_)}"
    if (cell.device, cell.clock or "wall") != ("cpu", "wall"):
        where += f" ({cell.device}, {cell.clock})"
    ratio = f"{row.ratio.ratio:.2f}" if row.ratio else ""
    interval = f"{row.ratio.low:.2f}-{row.ratio.high:.2f}" if row.ratio else ""
    return Line(row.kind, cell.subject, where, ratio, interval, row.also)
