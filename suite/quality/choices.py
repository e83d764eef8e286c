"""From a run's numbers to what a reader should use: alternatives at a batch size, ranked.

Alternatives of an operator at a batch size are the settings that were measured there on every
population of the run. One is as good as its worst population: the lowest mean cosine between a
batch's gradient and that of the population decides, intervals that overlap are a tie.
"""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from suite.quality.store import QualityRun

METRICS = ("cosine", "cosine_of_mean", "relative_bias", "relative_spread", "sign_agreement")
SHARE = 0.25
Key = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Number:
    """An estimate with its interval, and the population that it is of."""

    estimate: float
    low: float
    high: float
    population: str = ""


@dataclass(frozen=True)
class Choice:
    """An alternative at a batch size.

    words: its options, those that differ between alternatives. cosine: the lowest of its
    populations. best: the highest. bias, spread: relative ones, the largest. against: populations
    on which the mean gradient points away from the true one, beyond doubt.
    """

    operator: str
    samples: int
    words: str
    cosine: Number
    best: Number
    bias: Number
    spread: Number
    against: tuple[str, ...]


def lead(run: QualityRun, operator: str) -> str:
    """The implementation with the most settings that are ok, whose numbers are shown."""
    mine = run.quality[(run.quality["operator"] == operator) & (run.quality["status"] == "ok")]
    settings = mine[["implementation", "population", "sweep", "value", "samples"]]
    counts = settings.drop_duplicates()["implementation"].value_counts()
    return (
        str(sorted(counts.index, key=lambda name: (-counts[name], name))[0]) if len(counts) else ""
    )


def whole(run: QualityRun, operator: str, implementation: str = "") -> pd.DataFrame:
    """The statistics of whole gradients: a row a setting, columns (metric, estimate/low/high).

    Settings with a gradient that is not finite are left out. implementation: else the lead.
    """
    name = implementation or lead(run, operator)
    rows = run.quality[
        (run.quality["operator"] == operator)
        & (run.quality["implementation"] == name)
        & (run.quality["component"] == "all")
        & (run.quality["status"] == "ok")
        & run.quality["metric"].isin(METRICS)
    ]
    index = ["population", "sweep", "knob", "value", "samples"]
    columns = ["estimate", "low", "high"]
    return rows.pivot_table(index=index, columns="metric", values=columns).swaplevel(axis=1)


def options_of(run: QualityRun, operator: str, population: str, sweep: str) -> dict[str, str]:
    """A sweep's options, as text."""
    return dict(run.info["populations"][operator][population]["sweeps"][sweep])


def alternatives(run: QualityRun, operator: str) -> dict[str, list[str]]:
    """Options that differ between the sweeps of a population or are a knob, with their values."""
    found: dict[str, set[str]] = {}
    for population, said in run.info["populations"][operator].items():
        mine = run.quality[
            (run.quality["operator"] == operator) & (run.quality["population"] == population)
        ]
        knobs = mine[mine["knob"] != "samples"][["knob", "value"]].drop_duplicates()
        seen: dict[str, set[str]] = {}
        for options in said["sweeps"].values():
            for name, value in options.items():
                seen.setdefault(name, set()).add(value)
        for knob, value in knobs.itertuples(index=False):
            seen.setdefault(knob, set()).add(value)
        for name, values in seen.items():
            if len(values) > 1:
                found.setdefault(name, set()).update(values)
    return {name: sorted(values) for name, values in found.items()}


def choices(run: QualityRun, operator: str) -> dict[int, list[Choice]]:
    """Batch size -> its alternatives, the best first.

    Of sizes at which at least two were measured, and a ``SHARE`` of what was measured anywhere: of
    few, the best says little.
    """
    table = whole(run, operator)
    varying = alternatives(run, operator)
    populations = set(run.info["populations"][operator])
    gathered: dict[tuple[int, Key], dict[str, pd.Series]] = {}
    for index, (_, row) in zip(table.index.tolist(), table.iterrows(), strict=True):
        population, sweep, knob, value, samples = index
        options = options_of(run, operator, population, sweep)
        if knob != "samples":
            options[knob] = value
        key = tuple(
            (name, options[name]) for name in varying if options.get(name, "None") != "None"
        )
        gathered.setdefault((int(samples), key), {})[population] = row
    found: dict[int, list[Choice]] = {}
    for (samples, key), rows in gathered.items():
        if set(rows) == populations:
            found.setdefault(samples, []).append(_choice(operator, samples, key, rows))
    enough = max(2.0, SHARE * max(map(len, found.values()), default=0))
    return {
        samples: sorted(each, key=lambda choice: -choice.cosine.estimate)
        for samples, each in sorted(found.items())
        if len(each) >= enough
    }


def _choice(operator: str, samples: int, key: Key, rows: dict[str, pd.Series]) -> Choice:
    def numbers(metric: str) -> list[Number]:
        return [
            Number(row[metric, "estimate"], row[metric, "low"], row[metric, "high"], name)
            for name, row in rows.items()
        ]

    def largest(metric: str) -> Number:
        return max(numbers(metric), key=lambda number: number.estimate)

    return Choice(
        operator,
        samples,
        ", ".join(f"{name} {value}" for name, value in key),
        min(numbers("cosine"), key=lambda number: number.estimate),
        largest("cosine"),
        largest("relative_bias"),
        largest("relative_spread"),
        tuple(sorted(n.population for n in numbers("cosine_of_mean") if n.high < 0)),
    )


def tied(ranked: list[Choice]) -> list[Choice]:
    """The alternatives that the first does not beat beyond its interval, the first included."""
    return [choice for choice in ranked if choice.cosine.high >= ranked[0].cosine.low]


def level(ranked: list[Choice]) -> list[Choice]:
    """Of the tied ones, those whose bias cannot be told from the least one's, either."""
    rivals = tied(ranked)
    least = min(choice.bias.high for choice in rivals)
    return [choice for choice in rivals if choice.bias.low <= least]


def used(ranked: list[Choice]) -> Choice:
    """That with the least spread of those that neither cosine nor bias can tell from the best."""
    return min(level(ranked), key=lambda choice: choice.spread.estimate)


def sentence(ranked: list[Choice]) -> str:
    """What to use at this batch size, and how sure that is."""
    best, others, same = used(ranked), tied(ranked), level(ranked)
    what = (
        f"use {best.words}"
        if len(same) < len(ranked)
        else f"no difference between the {len(ranked)} can be told"
    )
    text = (
        f"**{best.samples:,} samples: {what}.** Mean cosine with "
        f"the true gradient: {best.cosine.estimate:.3f} [{best.cosine.low:.3f}, "
        f"{best.cosine.high:.3f}] on its worst population ({best.cosine.population}), "
        f"{best.best.estimate:.3f} on its best; {_bias(best.bias)}, "
        f"spread at most {best.spread.estimate:.2g}."
    )
    if len(others) > 1 and len(same) < len(ranked):
        text += f" {len(others) - 1} of {len(ranked) - 1} others cannot be told from it by cosine"
        text += f", {len(same) - 1} by bias either." if len(same) > 1 else ", but have more bias."
    worst = ranked[-1]
    if worst.cosine.high < best.cosine.low:
        text += f" The worst of {len(ranked)} is {worst.words}: {worst.cosine.estimate:.3f}."
    return text


def _bias(number: Number) -> str:
    """In words; an estimate of zero is a bias that noise hides, and not none."""
    if number.estimate > 0:
        return f"relative bias at most {number.estimate:.2g} [{number.low:.2g}, {number.high:.2g}]"
    return f"no relative bias beyond noise ({number.high:.2g})"


def warnings(ranked: dict[int, list[Choice]]) -> list[str]:
    """Settings whose mean gradient points away from the true one, by their words."""
    found: dict[tuple[str, tuple[str, ...]], list[int]] = {}
    for samples, each in ranked.items():
        for choice in each:
            if choice.against:
                found.setdefault((choice.words, choice.against), []).append(samples)
    return [
        f"{words} points uphill on average on {', '.join(against)} "
        f"(N = {', '.join(f'{size:,}' for size in sizes)})"
        for (words, against), sizes in found.items()
    ]


def disagreement(run: QualityRun, operator: str) -> list[tuple[str, int, float]]:
    """Implementations beside the lead: settings that both did, and their largest difference of a
    mean cosine. All have the same draws."""
    first = whole(run, operator)["cosine"]["estimate"]
    names = run.quality.loc[run.quality["operator"] == operator, "implementation"].unique()
    found = []
    for name in sorted(set(names) - {lead(run, operator)}):
        table = whole(run, operator, str(name))
        if len(table):
            both = (table["cosine"]["estimate"] - first).dropna().abs()
            found.append((str(name), len(both), float(both.max()) if len(both) else float("nan")))
    return found
