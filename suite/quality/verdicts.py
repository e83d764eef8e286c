"""What a worker's numbers say: statistics with intervals, as the rows of the store."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from suite.judge.gradients import quality
from suite.operators.population import Population
from suite.quality.descents import Descent
from suite.quality.settings import Setting

RESAMPLES = 500

Rows = list[dict]


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """The arrays a worker left, nothing pickled among them."""
    with np.load(path, allow_pickle=False) as stored:
        return {name: stored[name] for name in stored.files}


def of_gradients(
    setting: Setting, found: dict[str, np.ndarray], truths: dict[str, dict[str, dict[str, float]]]
) -> dict:
    """Status and statistics of a setting's gradients. truths: exact ones, by population."""
    truth = truths.setdefault(setting.population.name, _exact(setting.population))
    names = [f"{component}/{parameter}" for component in truth for parameter in truth[component]]
    exact = np.array([value for parameters in truth.values() for value in parameters.values()])
    estimates = np.stack([found[f"gradient/{name}"] for name in names], axis=1)
    judged = quality(estimates, exact, names, _rng(0), resamples=RESAMPLES)
    about = {"batches": judged.batches, "non_finite": judged.non_finite}
    rows = [
        {**about, "component": row["component"], "metric": row["statistic"],
         "estimate": row["value"], "low": row["low"], "high": row["high"]}
        for row in judged.rows()
    ]  # fmt: skip
    if judged.non_finite:
        reason = f"no finite gradient in {judged.non_finite} of {judged.batches} batches"
        return {"status": "nan", "reason": reason, "rows": rows}
    return {"status": "ok", "reason": "", "rows": rows}


def _exact(population: Population) -> dict[str, dict[str, float]]:
    return population.gradient(population.parameters)


def of_descent(descent: Descent, found: dict[str, np.ndarray]) -> dict:
    """Medians over the descents of a path, with intervals; steps until the goal, and how many."""
    paths = {name.partition("/")[2]: a for name, a in found.items() if name.startswith("path/")}
    rows = []
    for metric, path in paths.items():
        for step, distances in zip(found["looks"], path, strict=True):
            rows.append({**_median(distances), "step": int(step), "metric": metric})
    last = int(found["looks"][-1])
    needed = found["needed"]
    reached = np.isfinite(needed)
    rows.append({**_mean(reached), "step": last, "metric": "share_reached"})
    rows.append({**_median(needed), "step": last, "metric": "steps_needed"})
    for row in rows:
        row["rows"] = len(needed)
    bad = not all(np.isfinite(path).all() for path in paths.values())
    verdict = {"status": "nan", "reason": "left the numbers"} if bad else {"status": "ok"}
    return {"reason": "", **verdict, "rows": rows}


def _median(values: np.ndarray) -> dict[str, float]:
    """The median and its bootstrap interval."""
    draws = _rng(1).integers(len(values), size=(RESAMPLES, len(values)))
    return _numbers(_middle(values[None]), _middle(values[draws]))


def _middle(rows: np.ndarray) -> np.ndarray:
    """The lower median of every row: two infinities have no mean."""
    return np.sort(rows, axis=1)[:, (rows.shape[1] - 1) // 2]


def _mean(values: np.ndarray) -> dict[str, float]:
    draws = _rng(1).integers(len(values), size=(RESAMPLES, len(values)))
    return _numbers(values.mean(keepdims=True), values[draws].mean(axis=1))


def _numbers(estimate: np.ndarray, redrawn: np.ndarray) -> dict[str, float]:
    low, high = np.quantile(redrawn, [0.025, 0.975], method="nearest")
    return {"estimate": float(estimate[0]), "low": float(low), "high": float(high)}


def _rng(stream: int) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(key=[0x0A11, stream]))
