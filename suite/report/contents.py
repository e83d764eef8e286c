"""What the tables of a report say, as plain text that Markdown and the terminal both print."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from suite import results
from suite.report.measured import Measured, quantity
from suite.report.ranking import Standing, representative, standings

RATIOS = {"x hist": "normalised_histogram", "x sort": "normalised_sort"}
"""Heads of the column that holds a time over a yardstick's: the first that was timed."""

NEVER, NOT_RUN = "never ok", "not in this run"
TOO_FAST = "faster than a copy of the bytes it must move: cached, or suspicious"


@dataclass(frozen=True)
class Table:
    """A title, one line below it, column heads and rows of text."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""


def leaderboards(run: Measured, operator: str) -> list[Table]:
    """One table per representative case, device and clock; these are never mixed."""
    return [
        leaderboard(run, operator, case, device, clock)
        for device, clock in run.views(operator)
        for case in representative(run, operator)
    ]


def leaderboard(run: Measured, operator: str, case: str, device: str, clock: str) -> Table:
    """Every implementation on one case; only cells that are ok have a rank and a time."""
    said = run.cases.get(operator, {}).get(case, {})
    sizes = ", ".join(f"{axis} = {extent:,}" for axis, extent in said.get("sizes", {}).items())
    options = ", ".join(f"{k}={v}" for k, v in said.get("options", {}).items())
    held = next((h for h, m in RATIOS.items() if run.of(operator)[m].notna().any()), "x sort")
    ratios = {held: RATIOS[held]}
    return Table(
        f"{operator}: {case} ({device}, {clock} clock)",
        ("", "implementation", "status", "value err", "grad err", "forward", "fwd+bwd", *ratios,
         "memory", "compile"),
        tuple(_standing_row(standing, ratios.values())
              for standing in standings(run, operator, case, device, clock)),
        "; ".join(part for part in (said.get("dtype", ""), sizes, options) if part),
    )  # fmt: skip


def _standing_row(standing: Standing, ratios: Iterable[str]) -> tuple[str, ...]:
    forward, backward = standing.forward, standing.backward
    both = [cell for cell in (forward, backward) if cell is not None]
    last = both[-1]
    return (
        standing.rank,
        standing.implementation,
        standing.status + (" (!)" if any(cell["too_fast"] > 0 for cell in both) else ""),
        _error(max((c["value_error"] for c in both if c["value_error"] >= 0), default=None)),
        _error(backward["gradient_error"] if backward is not None else None),
        _if_ok(forward, "time", "s"),
        _if_ok(backward, "time", "s"),
        *(_ratio(last[metric]) if last["status"] == "ok" else "-" for metric in ratios),
        _if_ok(last, "peak_memory", "B"),
        _if_ok(last, "compile_time", "s"),
    )


def _if_ok(cell: pd.Series | None, metric: str, unit: str) -> str:
    return "-" if cell is None or cell["status"] != "ok" else quantity(cell[metric], unit)


def _error(value: float | None) -> str:
    return "-" if value is None or pd.isna(value) else f"{value:.2g}"


def _ratio(value: float) -> str:
    if pd.isna(value):
        return "-"
    return f"{value:.2f}" if value < 10 else f"{value:.3g}" if value < 1000 else f"{value:.0f}"


def problems(run: Measured, operator: str) -> Table:
    """Cells that are not ok, and ok cells with a remark, gathered by their reason."""
    cells = run.of(operator)
    fast = (cells["too_fast"] > 0) & (cells["status"] == "ok") & (cells["reason"] == "")
    cells = cells.assign(reason=cells["reason"].where(~fast, TOO_FAST))
    cells = cells[(cells["status"] != "ok") | (cells["reason"] != "")]
    cells = cells.drop_duplicates(["implementation", "case", "pass", "device"])
    rows = []
    for key, group in cells.groupby(["implementation", "status", "reason"]):
        implementation, status, reason = map(str, key)
        names = list(dict.fromkeys(group["case"]))
        shown = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
        passes = "both" if group["pass"].nunique() > 1 else group["pass"].iloc[0]
        rows.append((implementation, status, passes, shown, _short(reason) or "no reason given"))
    return Table(
        f"{operator}: cells that are not ok, and remarks",
        ("implementation", "status", "pass", "cases", "reason"),
        tuple(rows),
    )


def routes(run: Measured, operator: str) -> Table:
    """Which of its ways an implementation took, by its own word, and for which cases."""
    rows = []
    for implementation, said in sorted(run.info.get("routes", {}).get(operator, {}).items()):
        for route in sorted(set(said.values())):
            cases = [case for case, its in said.items() if its == route]
            rows.append((implementation, _short(route), ", ".join(cases)))
    return Table(f"{operator}: ways taken", ("implementation", "way", "cases"), tuple(rows))


def _short(reason: str) -> str:
    """One line of at most 240 characters: a reason may be a whole traceback."""
    line = " ".join(reason.split())
    return line if len(line) <= 240 else line[:237] + "..."


def coverage(run: Measured, operator: str) -> Table:
    """Every advertised value of every option, and which implementations were ok with it."""
    stated, defaults = _advertised(operator)
    cases = run.cases.get(operator, {})
    given = {case: {**defaults, **said.get("options", {})} for case, said in cases.items()}
    advertised = stated or _observed(given.values())
    cells = run.of(operator)
    ran, fine = set(cells["case"]), cells[cells["status"] == "ok"]
    rows = []
    for option, values in advertised.items():
        for value in values:
            used = {c for c, said in given.items() if option in said and _same(said[option], value)}
            names = sorted(fine.loc[fine["case"].isin(used), "implementation"].unique())
            rows.append(
                (option, str(value), ", ".join(names) or (NEVER if used & ran else NOT_RUN))
            )
    return Table(
        f"{operator}: options that were ok at least once",
        ("option", "value", "ok in"),
        tuple(rows),
    )


def _advertised(operator: str) -> tuple[Mapping[str, Sequence], dict[str, Any]]:
    """The operator's options and the defaults of its signature; empty for an unknown one."""
    from suite import operators

    if operator not in operators.names():
        return {}, {}
    stated = operators.get(operator)
    parameters = inspect.signature(stated.check).parameters.values()
    return stated.options, {p.name: p.default for p in parameters if p.default is not p.empty}


def _observed(given: Iterable[Mapping[str, Any]]) -> Mapping[str, Sequence]:
    found: dict[str, list] = {}
    for options in given:
        for option, value in options.items():
            values = found.setdefault(option, [])
            if not any(_same(value, other) for other in values):
                values.append(value)
    return found


def _same(one: Any, other: Any) -> bool:
    """Equal once written as JSON, which is how a run stores them (a tuple comes back a list)."""
    return json.dumps(one, default=str) == json.dumps(other, default=str)


def summary(run: Measured) -> Table:
    """How many cells of every operator ended how."""
    cells = run.cells.drop_duplicates(["operator", "implementation", "case", "pass", "device"])
    present = [s for s in results.STATUSES if (cells["status"] == s).any()]
    rows = []
    for operator, group in cells.groupby("operator"):
        counts = group["status"].value_counts()
        rows.append((str(operator), str(len(group)), *(str(counts.get(s, 0)) for s in present)))
    return Table("Cells by status", ("operator", "cells", *present), tuple(rows))
