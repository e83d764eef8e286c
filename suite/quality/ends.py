"""Where descents ended, read from the store: goals, the best setting of an objective, tables."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from suite.quality.choices import lead
from suite.quality.runner import ALONE
from suite.quality.store import QualityRun

DISTANCE = "cramer_von_mises"
WORDS = {
    DISTANCE: "Cramer-von Mises",
    "entropy_error": "error of the entropy (nats)",
    "rank_distance": "distance of the ranks",
}
COUNTS = ("share_reached", "steps_needed")


@dataclass(frozen=True)
class Goal:
    """What is to be reached, from where, with how many samples a step."""

    target: str
    start: str
    samples: int

    def of(self, rows: pd.DataFrame) -> pd.DataFrame:
        """The rows with this goal."""
        mine = (rows["target"] == self.target) & (rows["start"] == self.start)
        return rows[mine & (rows["samples"] == self.samples)]

    @property
    def words(self) -> str:
        return f"{self.target}, from {self.start}, {self.samples} samples a step"


def shown(run: QualityRun) -> pd.DataFrame:
    """Descents that are ok, of one implementation an operator (all have the same draws)."""
    rows = run.descents[run.descents["status"] == "ok"]
    names = {operator: lead(run, str(operator)) for operator in rows["operator"].unique()}
    done = rows.groupby("operator")["implementation"].unique()
    for operator, each in done.items():
        if names[operator] not in each:
            names[operator] = ALONE if ALONE in each else sorted(each)[0]
    return rows[rows["implementation"] == rows["operator"].map(names)]


def goals(run: QualityRun) -> list[Goal]:
    """Every goal of the run's descents, in the order they were run."""
    each = run.descents[["target", "start", "samples"]].drop_duplicates()
    return [Goal(str(t), str(s), int(n)) for t, s, n in each.itertuples(index=False)]


def metric_of(rows: pd.DataFrame) -> str:
    """The distance that decides: the first that is no count."""
    names = [name for name in rows["metric"].unique() if name not in COUNTS]
    return DISTANCE if DISTANCE in names else str(names[0])


def ends(rows: pd.DataFrame) -> pd.DataFrame:
    """One goal's ends, nearest first: "objective, setting" -> estimate, low, high (of the metric
    that decides), wasserstein (NaN where there is none), reached, steps."""
    if not len(rows):
        return pd.DataFrame(columns=["estimate", "low", "high", "wasserstein", "reached", "steps"])
    last = rows[rows["step"] == rows["step"].max()]
    table = last.pivot_table(index=["objective", "setting"], columns="metric", sort=False,
                             values=["estimate", "low", "high"])  # fmt: skip
    metric = metric_of(rows)
    found = pd.DataFrame({part: table[part][metric] for part in ("estimate", "low", "high")})
    estimates = table["estimate"]
    for name, column in (("wasserstein", "wasserstein_1"), ("reached", COUNTS[0]),
                         ("steps", COUNTS[1])):  # fmt: skip
        found[name] = estimates[column] if column in estimates else float("nan")
    found.index = pd.Index([f"{objective}, {setting}" for objective, setting in found.index])
    return found.sort_values("estimate")


def best_settings(rows: pd.DataFrame) -> dict[str, str]:
    """Objective -> the setting with which it ended nearest, of one goal."""
    last = rows[(rows["step"] == rows["step"].max()) & (rows["metric"] == metric_of(rows))]
    nearest = last.sort_values("estimate").drop_duplicates("objective")
    return dict(zip(nearest["objective"], nearest["setting"], strict=True))


def verdict(goal: Goal, rows: pd.DataFrame) -> str:
    """One sentence: what ended nearest, what got there first, what did not."""
    table = ends(rows)
    if not len(table):
        return f"{goal.words}: nothing ended."
    first = table.iloc[0]
    there = table[table["reached"] >= 0.5]
    text = f"**{goal.words}:** nearest at the end is {table.index[0]} ({first['estimate']:.2g})"
    if not len(there):
        return f"{text}; none got there with half of its seeds."
    quick = there.sort_values("steps").iloc[0]
    text += f"; first there is {quick.name}, after {quick['steps']:.0f} steps"
    text += f"; {len(there)} of {len(table)} get there."
    ranks = [k for k, name in enumerate(table.index) if str(name).startswith("batch shaping")]
    if ranks and ranks[0] > 0:
        mine = table.iloc[ranks[0]]
        steps = f"{mine['steps']:.0f} steps" if mine["reached"] >= 0.5 else "it does not get there"
        text += f" {mine.name}: number {ranks[0] + 1} ({mine['estimate']:.2g}, {steps})."
    return text
