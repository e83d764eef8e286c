"""The figure of relaxed's notebook: one batch's hard histogram and two soft ones.

1000 draws of N(1, 1), 50 bins in +-10, bandwidths 0.5 and 1.0. The notebook names no seed.
"""

from __future__ import annotations

import numpy as np
from scipy import stats

from suite.reproduce.claims import Evidence, Record, Trial
from suite.reproduce.training import Engine
from suite.reproduce.verdicts import Control, short

SAMPLES = 1000
EDGES = np.linspace(-10, 10, 51)
CENTRES = (EDGES[1:] + EDGES[:-1]) / 2
WIDTH = float(EDGES[1] - EDGES[0])
BANDWIDTHS = (0.5, 1.0)
LADDER = (1.0, 0.5, 0.2, 0.1, 0.05, 0.01, 0.001)
NUDGE, NUDGES = 1e-6, 200
"""How far the samples are moved to see whether the hard histogram notices, and from how many
places."""
LAW = stats.norm(1, 1)
NEAR = 0.02


def inputs(trial: Trial) -> np.ndarray:
    """The samples (N,), float32."""
    return trial.moved(trial.rng("inputs").normal(1, 1, size=SAMPLES).astype(np.float32))


def hard(x: np.ndarray) -> np.ndarray:
    """Counts (B,)."""
    return np.histogram(x, EDGES)[0].astype(float)


def mean(counts: np.ndarray) -> np.ndarray:
    """The notebook's mean of a histogram: over the number of samples, inside the edges or not."""
    return counts @ CENTRES / SAMPLES


def soft(engine: Engine, x: np.ndarray, bandwidth: float) -> np.ndarray:
    """Counts (R, B) of rows (R, N)."""
    arrays = (engine.framework.array(each, "float32", engine.device) for each in (x, EDGES))
    counts = engine.call(*arrays, bandwidth)
    return np.asarray(engine.framework.numpy(counts), np.float64)


def run(trial: Trial) -> Record:
    """error/hard, error/H: sum over bins of |count - its expectation under N(1, 1)|, over N.

    apart/H: of |soft - hard|, over N. peak/...: largest counts. hard_slope: median of the
    difference quotient of the hard mean to a shift, over many shifts.
    """
    engine, x = Engine.of("soft_histogram", trial.implementation), inputs(trial)
    expected, counts = SAMPLES * np.diff(LAW.cdf(EDGES)), hard(x)
    smooth = {h: soft(engine, x[None], h)[0] for h in LADDER}
    numbers = {"error/hard": _distance(counts, expected), "peak/hard": float(counts.max())}
    for h, row in smooth.items():
        numbers[f"error/{h:g}"] = _distance(row, expected)
        numbers[f"apart/{h:g}"] = _distance(row, counts)
        numbers[f"peak/{h:g}"] = float(row.max())
    numbers["hard_slope"] = float(np.median(_quotients(x.astype(np.float64))))
    if trial.start != "exact":
        return Record(numbers)
    curves = {"hard": counts, "expected": expected}
    return Record(numbers, curves | {f"soft/{h:g}": smooth[h] for h in BANDWIDTHS})


def _distance(counts: np.ndarray, others: np.ndarray) -> float:
    return float(np.abs(counts - others).sum() / SAMPLES)


def _quotients(x: np.ndarray) -> np.ndarray:
    shifts = np.linspace(0, 2, NUDGES)
    return np.array([mean(hard(x + d + NUDGE)) - mean(hard(x + d)) for d in shifts]) / NUDGE


def estimates_density(evidence: Evidence) -> Control:
    """Refuted when a soft histogram of the source is farther from its law than the hard one."""
    n = evidence.exact.numbers
    told = ", ".join(f"{short(n[f'error/{h:g}'])} at {h:g}" for h in BANDWIDTHS)
    best = min(LADDER, key=lambda h: n[f"error/{h:g}"])
    says = (
        f"distance of the counts from their expectations: {short(n['error/hard'])} hard, "
        f"{told}, least at {best:g} ({short(n[f'error/{best:g}'], 2)}); the peak is "
        f"{n['peak/hard']:.0f} hard, {n[f'peak/{BANDWIDTHS[0]:g}']:.0f} and "
        f"{n[f'peak/{BANDWIDTHS[1]:g}']:.0f}"
    )
    return Control(says, any(n[f"error/{h:g}"] > n["error/hard"] for h in BANDWIDTHS))


def is_degree(evidence: Evidence) -> Control:
    """Refuted when a smaller bandwidth is not nearer to the hard histogram, or the least is not
    at it."""
    apart = [evidence.exact.numbers[f"apart/{h:g}"] for h in LADDER]
    told = ", ".join(f"{short(a, 2)} at {h:g}" for h, a in zip(LADDER, apart, strict=True))
    return Control(f"distance from the hard counts: {told}",
                   apart[-1] > NEAR or sorted(apart, reverse=True) != apart)  # fmt: skip
