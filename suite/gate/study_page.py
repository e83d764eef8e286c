"""A study of the gate in a table, which the README shows."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from suite.gate.study_store import GATE, Study, read_all
from suite.report.tables import Table, markdown

BEGIN = "<!-- from a run: make gate-study writes this part -->"
END = "<!-- to here: gate-study -->"
COLUMNS = ("planted", "gates", "exit 0", "1", "2", "right named", "wrong named", "ratio", "cells",
           "minutes")  # fmt: skip


@dataclass(frozen=True)
class Count:
    """Gates of one factor. ended: by exit status. right, wrong: gates that failed a cell of the
    slowed implementation, or one of another. ratio, cells: the median, and how many cells were
    called what, of the slowed implementation's cells, or of all where none is slowed. minutes: the
    median gate's.
    """

    factor: float
    gates: int
    ended: tuple[int, int, int]
    right: int
    wrong: int
    ratio: float
    cells: dict[str, int]
    minutes: float

    @property
    def planted(self) -> str:
        """What was planted, in words."""
        return "nothing" if self.factor == 1 else f"slowed {self.factor:g} x"


def counts(study: Study) -> list[Count]:
    """The study's gates by what was planted."""
    return [_count(float(str(f)), rows) for f, rows in study.gates.groupby("factor", sort=True)]


def _count(factor: float, rows: pd.DataFrame) -> Count:
    gates = rows.drop_duplicates(list(GATE))
    named = rows[rows["outcome"] == "regressed"]
    right = named["implementation"] == named["slowed"]
    mine = rows if factor == 1 else rows[rows["implementation"] == rows["slowed"]]
    return Count(
        factor,
        len(gates),
        tuple(int((gates["exit"] == status).sum()) for status in range(3)),  # type: ignore[arg-type]
        named[right]["number"].nunique(),
        named[~right]["number"].nunique(),
        float(mine["ratio"].median()),
        {str(verdict): int(n) for verdict, n in mine["verdict"].value_counts().items()},
        float(gates["gate_seconds"].median()) / 60,
    )


def table(study: Study) -> Table:
    """A row for everything planted."""
    rows = tuple(
        (c.planted, str(c.gates), *map(str, c.ended), "-" if c.factor == 1 else str(c.right),
         str(c.wrong), f"{c.ratio:.2f}", _told(c.cells), f"{c.minutes:.1f}")
        for c in counts(study)
    )  # fmt: skip
    return Table("", COLUMNS, rows)


def _told(cells: dict[str, int]) -> str:
    """ "17 same, 5 unclear"."""
    return ", ".join(f"{cells[verdict]} {verdict}" for verdict in sorted(cells))


def write_page(results: Path, readme: Path) -> bool:
    """Put the newest whole study, else the newest, between the README's two marks.

    False without a study, or where the README has no such marks.
    """
    studies, _ = read_all(results)
    text = readme.read_text(encoding="utf-8") if readme.exists() else ""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not studies or not begin or not end:
        return False
    study = ([each for each in studies if each.info["complete"]] or studies)[-1]
    aside = readme.with_name(f".{readme.name}.part")
    aside.write_text(f"{before}{BEGIN}\n{body(study)}\n{END}{after}", encoding="utf-8")
    os.replace(aside, readme)
    return True


def body(study: Study) -> str:
    """Where the study is from, and its table."""
    at_once = study.info["at_once"]
    how = f"{at_once} gates at a time" if at_once > 1 else "one gate after the other"
    whole = "" if study.info["complete"] else "; not finished"
    cells = study.gates[["operator", "implementation"]].drop_duplicates()
    named = ", ".join(f"`{row.operator}/{row.implementation}`" for row in cells.itertuples())
    return "\n\n".join(
        (
            f"Run `{study.folder.name}` on `{study.folder.parent.name}`, {how}{whole}: {named}, of "
            "which one implementation is slowed, by turns.",
            markdown(table(study), heading="").strip(),
        )
    )
