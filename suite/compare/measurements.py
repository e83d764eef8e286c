"""What one side's processes measured on one machine: a frame, one row a cell and process."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from suite.report.measured import KEY, wide
from suite.results import Run
from suite.timing.metrics import median_noise

YARDSTICKS = ("sort", "histogram", "copy")
"""What times are normalised by: the first of them that a cell has in every process."""

SAMPLE_KEY = ["operator", "implementation", "case", "pass", "clock"]


@dataclass(frozen=True)
class Chosen:
    """Cells by name; nothing chosen is everything."""

    operators: tuple[str, ...] = ()
    implementations: tuple[str, ...] = ()
    cases: tuple[str, ...] = ()

    @staticmethod
    def asked(
        operators: Sequence[str], implementations: Sequence[str], cases: Sequence[str]
    ) -> Chosen:
        """By what a user asked for: of their own file, the name that runs have."""
        names = (Path(n).stem if n.endswith(".py") else n for n in implementations)
        return Chosen(tuple(operators), tuple(names), tuple(cases))

    def __str__(self) -> str:
        named = (*self.operators, *self.implementations, *self.cases)
        return " ".join(named) or "any"

    def of(self, frame: pd.DataFrame) -> pd.DataFrame:
        """The chosen rows of a frame of cells."""
        for column, names in (
            ("operator", self.operators),
            ("implementation", self.implementations),
            ("case", self.cases),
        ):
            if names:
                frame = frame[frame[column].isin(names)]
        return frame


EVERYTHING = Chosen()


@dataclass(frozen=True)
class Processes:
    """A cell as one side's processes measured it, oldest first: a column by its name.

    A view of a frame's columns, since there are thousands of cells.
    """

    columns: Mapping[str, np.ndarray]
    rows: np.ndarray

    def __getitem__(self, name: str) -> np.ndarray:
        return self.columns[name][self.rows]

    def __len__(self) -> int:
        return self.rows.size

    def median(self, name: str) -> float:
        """Of the processes that have the metric; NaN where none has."""
        known = self.known(name)
        return float(np.median(known)) if known.size else float("nan")

    def worst(self, name: str) -> float:
        """The largest of the processes that have the metric; NaN where none has."""
        known = self.known(name)
        return float(known.max()) if known.size else float("nan")

    def known(self, name: str) -> np.ndarray:
        """The metric in the processes that have it."""
        values = self[name]
        return values[~np.isnan(values)]

    @property
    def definition(self) -> str:
        """What the newest says that the case is."""
        return str(self["definition"][-1])

    @property
    def inputs(self) -> str:
        """A hash of the newest's first base input, or "" where it is not known."""
        return str(self["inputs"][-1])

    @property
    def status(self) -> str:
        """ok where all are; else what the first is that is not."""
        bad = [status for status in self["status"] if status != "ok"]
        return str(bad[0]) if bad else "ok"

    @property
    def reason(self) -> str:
        """Why not ok, and in how many processes where not in all."""
        bad = np.flatnonzero(self["status"] != "ok")
        share = "" if bad.size == len(self) else f" (in {bad.size} of {len(self)} processes)"
        return f"{self['reason'][bad[0]]}{share}" if bad.size else ""


def by_cell(rows: pd.DataFrame) -> dict[tuple, Processes]:
    """The rows of ``measurements`` by cell, in the order of KEY."""
    columns = {name: rows[name].to_numpy() for name in rows.columns}
    return {cell: Processes(columns, at) for cell, at in rows.groupby(KEY).indices.items()}


def measurements(runs: Iterable[Run]) -> pd.DataFrame:
    """Rows of KEY, status, reason, all metrics, noise, run, commit, definition and inputs.

    noise: standard error of the log of the median time, from the process's own samples.
    definition: what the case was, in the run's own words. inputs: a hash of its inputs, or "".
    Oldest first; where runs are of several commits, a cell's are those of the newest commit that
    has it.
    """
    frames = [_of_run(run, number) for number, run in enumerate(runs)]
    rows = pd.concat(frames, ignore_index=True)
    newest = rows.sort_values("order", kind="stable").groupby(KEY)["commit"].transform("last")
    return rows[rows["commit"] == newest].drop(columns="order").reset_index(drop=True)


def _of_run(run: Run, order: int) -> pd.DataFrame:
    cells = wide(run.cells)
    samples = run.samples.groupby(SAMPLE_KEY)["seconds"]
    noise = samples.apply(median_noise).rename("noise").reset_index()
    noise["noise"] = noise["noise"].astype(float)
    noise[SAMPLE_KEY] = noise[SAMPLE_KEY].astype(str)
    cells = cells.merge(noise, on=SAMPLE_KEY, how="left")
    cells["noise"] = cells["noise"].fillna(np.inf)
    cases = run.info.get("cases", {})
    inputs = run.info.get("inputs", {})
    named = list(zip(cells["operator"], cells["case"], strict=True))
    return cells.assign(
        definition=[_definition(cases.get(operator, {}).get(case)) for operator, case in named],
        inputs=[inputs.get(operator, {}).get(case, "") for operator, case in named],
        run=run.folder.name if run.folder else str(order),
        commit=str(run.info.get("commit")),
        order=order,
    )


def _definition(case: dict | None) -> str:
    """What makes a case's cells comparable: sizes, dtype, options and differentiated arguments."""
    told = case or {}
    return "; ".join(f"{k} {told[k]}" for k in ("sizes", "dtype", "options", "wrt") if k in told)
