"""Who may be ranked against whom: right cells of one case, device and clock, by their time."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from suite.report.measured import PASSES, Measured

SHOWN_CASES = 2


@dataclass(frozen=True)
class Standing:
    """One implementation on one case: its cells of both passes, and its rank ("" when unranked).

    Shared ranks ("2=") mean that the medians differ by less than the rounds of either spread.
    """

    implementation: str
    forward: pd.Series | None
    backward: pd.Series | None
    rank: str = ""

    @property
    def status(self) -> str:
        """`ok`, or the first other status among the passes."""
        found = [c["status"] for c in (self.forward, self.backward) if c is not None]
        return next((status for status in found if status != "ok"), found[0])


def representative(run: Measured, operator: str) -> list[str]:
    """The cases that stand for the operator: those tagged so, else the largest that most timed."""
    cases = run.cases.get(operator, {})
    measured = set(run.of(operator)["case"])
    tagged = [case for case, said in cases.items() if said.get("representative")]
    if chosen := [case for case in tagged if case in measured]:
        return chosen
    timed = run.of(operator)
    timed = timed[(timed["status"] == "ok") & timed["time"].notna()]
    many = timed.groupby("case").agg(
        implementations=("implementation", "nunique"), elements=("elements", "max")
    )
    many = many.sort_values(["implementations", "elements"], ascending=False, kind="stable")
    return list(many.index[:SHOWN_CASES])


def standings(run: Measured, operator: str, case: str, device: str, clock: str) -> list[Standing]:
    """Every implementation's standing on one case: ranked ones first, fastest first.

    Ranked is the time of forward+backward, of cells that are ok in every pass they were run in,
    and the forward time where no implementation has a backward pass.
    """
    cells = run.of(operator)
    cells = cells[(cells["case"] == case) & (cells["device"] == device)]
    cells = cells[cells["clock"].isin([clock, ""])]
    unranked = [
        Standing(str(name), _cell(group, PASSES[0]), _cell(group, PASSES[1]))
        for name, group in cells.groupby("implementation")
    ]
    deciding = "backward" if any(s.backward is not None for s in unranked) else "forward"
    fit = [s for s in unranked if s.status == "ok" and _timed(getattr(s, deciding))]
    fit.sort(key=lambda s: getattr(s, deciding)["time"])
    rest = sorted((s for s in unranked if s not in fit), key=lambda s: (s.status, s.implementation))
    return [*_ranked(fit, deciding), *rest]


def _cell(group: pd.DataFrame, pass_: str) -> pd.Series | None:
    rows = group[group["pass"] == pass_].sort_values("clock", ascending=False)
    return rows.iloc[0] if len(rows) else None


def _timed(cell: pd.Series | None) -> bool:
    return cell is not None and cell["status"] == "ok" and cell["time"] > 0


def _ranked(fit: list[Standing], deciding: str) -> list[Standing]:
    """Give ranks; a cell within the spread of the first of its group shares that one's rank."""
    groups: list[list[Standing]] = []
    for standing in fit:
        if groups and _indistinct(getattr(groups[-1][0], deciding), getattr(standing, deciding)):
            groups[-1].append(standing)
        else:
            groups.append([standing])
    ranked, place = [], 1
    for group in groups:
        label = f"{place}=" if len(group) > 1 else str(place)
        ranked += [Standing(s.implementation, s.forward, s.backward, label) for s in group]
        place += len(group)
    return ranked


def _indistinct(faster: pd.Series, slower: pd.Series) -> bool:
    spreads = [cell["time_iqr"] for cell in (faster, slower) if cell["time_iqr"] > 0]
    return slower["time"] - faster["time"] < max(spreads, default=0.0)
