"""Side A against side B, machine by machine and cell by cell."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from suite.compare import verdict as rule
from suite.compare.costs import COUNTS, MARGINS, CostChange, cost_changes
from suite.compare.kernels import KernelChange, kernel_changes
from suite.compare.measurements import YARDSTICKS, measurements
from suite.compare.rows import ORDER, Cell, Kind, Row
from suite.compare.side import Side
from suite.compare.statistics import Ratio, prior_noise, ratio_of
from suite.compare.values import ValueChange, value_change
from suite.report.measured import KEY
from suite.results import Run


@dataclass(frozen=True)
class Comparison:
    """Both sides on one machine. rows: what matters first. notes: what to read them with."""

    machine: str
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()

    @property
    def counts(self) -> dict[Kind, int]:
        """How many rows of every kind, in order."""
        found = Counter(row.kind for row in self.rows)
        return {kind: found[kind] for kind in ORDER if found[kind]}


@dataclass(frozen=True)
class Comparisons:
    """Both sides, named by labels, on every machine that they share.

    kernels: of which a revision takes more or less. apart: a line for every machine of one side.
    """

    labels: tuple[str, str]
    machines: tuple[Comparison, ...]
    kernels: tuple[KernelChange, ...] = ()
    apart: tuple[str, ...] = ()


@dataclass(frozen=True)
class Chosen:
    """Cells by name; nothing chosen is everything."""

    operators: tuple[str, ...] = ()
    implementations: tuple[str, ...] = ()
    cases: tuple[str, ...] = ()

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


def compare(
    a: Side, b: Side, chosen: Chosen = EVERYTHING, threshold: float | None = None
) -> Comparisons:
    """Both sides on every machine that they share; runs of different machines are never mixed.

    threshold: the ratio's distance from 1 that is worth a word, else the device's. Raises
    ValueError when nothing of either side is chosen.
    """
    first, second = a.machines, b.machines
    both = [machine for machine in first if machine in second]
    found = [of_machine(m, first[m], second[m], chosen, threshold) for m in both]
    apart = [
        f"{machine}: {len(runs)} run(s) of {side.label} alone, compared with nothing"
        for side, mine, others in ((a, first, second), (b, second, first))
        for machine, runs in mine.items()
        if machine not in others
    ]
    if both and not any(comparison.rows for comparison in found):
        raise ValueError(f"nothing to compare: no cell of either side matches {chosen}")
    kernels = kernel_changes(a.runs[-1].info.get("commit"), b.runs[-1].info.get("commit"))
    return Comparisons((a.label, b.label), tuple(found), tuple(kernels), tuple(apart))


def of_machine(
    machine: str,
    a: Iterable[Run],
    b: Iterable[Run],
    chosen: Chosen = EVERYTHING,
    threshold: float | None = None,
) -> Comparison:
    """Both sides' runs on one machine."""
    a, b = tuple(a), tuple(b)
    before, after = (chosen.of(measurements(runs)) for runs in (a, b))
    sides = [dict(tuple(frame.groupby(KEY, sort=False))) for frame in (before, after)]
    cells = list(dict.fromkeys([*sides[0], *sides[1]]))
    ratios = _ratios(cells, sides[0], sides[1])
    rows = [
        _row(Cell(*cell), sides[0].get(cell), sides[1].get(cell), ratios.get(cell), threshold)
        for cell in cells
    ]
    rows.sort(key=lambda row: (ORDER.index(row.kind), -_weight(row), row.cell))
    return Comparison(machine, tuple(rows), tuple(_notes(a, b)))


Frames = Mapping[tuple, pd.DataFrame]


def _ratios(cells: list[tuple], a: Frames, b: Frames) -> dict[tuple, tuple[Ratio, str]]:
    """Ratio and yardstick of the cells that both sides got right, sure for all of them at once."""
    timed = {}
    for cell in cells:
        if cell in a and cell in b and _same_definition(a[cell], b[cell]):
            both = pd.concat([a[cell], b[cell]])
            if (both["status"] == "ok").all() and both["time"].notna().all():
                timed[cell] = both
    found = {}
    for cell, both in timed.items():
        yardstick = _yardstick(both)
        unit = both[f"yardstick_{yardstick}"] if yardstick else 1.0
        logs = np.log((both["time"] / unit).to_numpy())
        noise = prior_noise(Cell(*cell).device, both["noise"].to_numpy())
        count = len(a[cell])
        found[cell] = ratio_of(logs[:count], logs[count:], noise, len(timed)), yardstick
    return found


def _yardstick(both: pd.DataFrame) -> str:
    complete = (name for name in YARDSTICKS if (both[f"yardstick_{name}"] > 0).all())
    return next(complete, "")


def _row(
    cell: Cell,
    a: pd.DataFrame | None,
    b: pd.DataFrame | None,
    timed: tuple[Ratio, str] | None,
    threshold: float | None,
) -> Row:
    statuses = _status(a), _status(b)
    if b is None:
        return Row(cell, "missing", statuses, remark=f"{statuses[0]} in A, not there in B")
    if a is None:
        return Row(cell, "new", statuses, remark=f"{statuses[1]} in B, not there in A")
    if not _same_definition(a, b):
        was, now = a["definition"].iloc[-1], b["definition"].iloc[-1]
        return Row(cell, "redefined", statuses, remark=f"the case was {was}, is {now}")
    if statuses[0] != statuses[1]:
        kind: Kind = "mended" if statuses[1] == "ok" else "failed"
        reason = _reason(a if kind == "mended" else b)
        return Row(cell, kind, statuses, remark=f"{statuses[0]} -> {statuses[1]}: {reason}")
    values = _values(a, b)
    costs = cost_changes(*({m: side[m].median() for m in (*MARGINS, *COUNTS)} for side in (a, b)))
    if timed is None:
        kind = _kind(None, values, costs)
        return Row(cell, kind, statuses, values=values, costs=costs)
    ratio, yardstick = timed
    if threshold is None:
        threshold = rule.threshold_of(cell.device)
    verdict = rule.verdict(ratio, threshold)
    kind = _kind(verdict, values, costs)
    remark = "" if yardstick else "seconds, no yardstick"
    return Row(cell, kind, statuses, verdict, ratio, yardstick, values, costs, remark)


def _kind(
    verdict: rule.Verdict | None, values: tuple[ValueChange, ...], costs: tuple[CostChange, ...]
) -> Kind:
    """The first thing that matters of a cell that ended alike on both sides; None: untimed."""
    if verdict == "slower":
        return "slower"
    if any(value.state == "changed" for value in values):
        return "changed"
    if any(cost.worse for cost in costs):
        return "costlier"
    if verdict in ("same", None) and costs:
        return "cheaper"
    return verdict or "untimed"


def _values(a: pd.DataFrame, b: pd.DataFrame) -> tuple[ValueChange, ...]:
    """The worst of every side's processes; equal bits only where all of them are."""
    digests = pd.concat([a["digest"], b["digest"]])
    same = bool(digests.notna().all() and digests.nunique() == 1)
    found = [value_change("value", a["value_error"].max(), b["value_error"].max(), same_bits=same)]
    if a["gradient_error"].notna().any() or b["gradient_error"].notna().any():
        errors = a["gradient_error"].max(), b["gradient_error"].max()
        found.append(value_change("gradient", *errors, same_bits=same))
    return tuple(found)


def _status(side: pd.DataFrame | None) -> str:
    """ok where all processes are; else what the first was that is not."""
    if side is None:
        return ""
    bad = side[side["status"] != "ok"]
    return "ok" if bad.empty else str(bad["status"].iloc[0])


def _reason(side: pd.DataFrame) -> str:
    """Why, and in how many processes where not in all."""
    bad = side[side["status"] != "ok"]
    share = "" if len(bad) == len(side) else f" (in {len(bad)} of {len(side)} processes)"
    return f"{bad['reason'].iloc[0]}{share}"


def _same_definition(a: pd.DataFrame, b: pd.DataFrame) -> bool:
    return a["definition"].iloc[-1] == b["definition"].iloc[-1]


def _weight(row: Row) -> float:
    """Within a kind, the largest change of time first."""
    return abs(np.log(row.ratio.ratio)) if row.ratio else 0.0


def _notes(a: tuple[Run, ...], b: tuple[Run, ...]) -> Iterable[str]:
    """Software that differs between the sides' newest runs, and how far the times are to be
    trusted."""
    before, after = a[-1].info.get("versions", {}), b[-1].info.get("versions", {})
    for name in sorted({*before} & {*after}):
        if before[name] != after[name]:
            yield f"{name}: {before[name]} in A, {after[name]} in B"
    if len(a) == len(b) == 1:
        yield "one process a side: how much processes differ is assumed, not measured"
