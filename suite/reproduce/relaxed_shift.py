"""The shift of relaxed's notebook: Delta such that the mean of histogram(x + Delta) is 3.

    loss = (sum_b centre_b count_b / N - 3)^2,    bandwidth 0.5, Adam 4e-2, 100 steps from 0

The notebook's text asks for the histogram's peak at the target, so a second batch, skewed, of
exponential samples of mean 0.8, is shifted beside the notebook's.
"""

from __future__ import annotations

import functools

import numpy as np

from suite.reproduce.agreement import Value
from suite.reproduce.claims import LOOKS, Evidence, Record, Trial
from suite.reproduce.relaxed_histogram import (
    BANDWIDTHS,
    CENTRES,
    EDGES,
    SAMPLES,
    WIDTH,
    hard,
    inputs,
    mean,
    soft,
)
from suite.reproduce.side_by_side import side_by_side
from suite.reproduce.training import Engine, Objective, Path, evenly, train
from suite.reproduce.verdicts import Control, short

TARGET, RATE, STEPS, LONG, QUICK = 3.0, 4e-2, 100, 2000, 400
BANDWIDTH = BANDWIDTHS[0]
BATCHES = ("normal", "skewed")
ENDS = ("100", "long")
SLOPE_OFF = 1e-3
"""The soft mean's slope to a shift is 1 by that much where no sample is near an edge."""


@functools.cache
def objective(implementation: str, dtype: str = "float32") -> Objective:
    """The sum over rows of the loss of shifts (R,) for samples x (R, N)."""
    engine = Engine.of("soft_histogram", implementation)
    edges, centres = (engine.framework.array(each, dtype, engine.device)
                      for each in (EDGES, CENTRES))  # fmt: skip

    def loss(shift, x):
        counts = engine.call(x + shift.reshape(-1, 1), edges, BANDWIDTH)
        return (((counts * centres).sum(1) / SAMPLES - TARGET) ** 2).sum()

    return Objective(engine.framework, loss, ("shift",), dtype, engine.device)


def run(trial: Trial) -> Record:
    """shift, soft, hard, peak / END / BATCH: after 100 steps, and long after.

    soft, hard: means of the histograms. peak: centre of the largest soft bin. direct/BATCH: the
    target less the samples' mean. slope: of the soft mean to the shift, at 0.
    """
    engine = Engine.of("soft_histogram", trial.implementation)
    subject = objective(trial.implementation)
    x = _batches(trial)
    long = QUICK if trial.quick else LONG
    path = train(subject, {"shift": np.zeros(2)}, long, RATE, data=lambda step: {"x": x},
                 looks={*range(STEPS + 1), *evenly(long, 101)})  # fmt: skip
    shifts = path.seen["shift"]
    numbers = {"slope": _slope(subject, engine, x)}
    for end, at in zip(ENDS, (STEPS, long), strict=True):
        shift = shifts[list(path.looks).index(at)]
        counts = soft(engine, x + shift[:, None].astype(np.float32), BANDWIDTH)
        for k, batch in enumerate(BATCHES):
            about = f"{end}/{batch}"
            numbers |= {
                f"shift/{about}": float(shift[k]),
                f"soft/{about}": float(mean(counts[k])),
                f"hard/{about}": float(mean(hard(x[k] + shift[k]))),
                f"peak/{about}": float(CENTRES[counts[k].argmax()]),
            }
    for k, batch in enumerate(BATCHES):
        numbers[f"direct/{batch}"] = TARGET - float(x[k].astype(np.float64).mean())
    if trial.start != "exact":
        return Record(numbers)
    return Record(numbers, _curves(engine, x[0], path.looks, shifts[:, 0]))


def _batches(trial: Trial) -> np.ndarray:
    """Samples (2, N)."""
    skewed = trial.rng("skewed inputs").exponential(0.8, size=SAMPLES).astype(np.float32)
    return np.stack([inputs(trial), trial.moved(skewed)])


def agreement(trial: Trial) -> Record:
    """The source's steps by two frameworks."""
    x, start = _batches(trial), {"shift": np.zeros(2)}

    def first(implementation: str) -> Value:
        return objective(implementation, "float64").gradients(start, {"x": x})

    def path(implementation: str) -> Path:
        return train(
            objective(implementation, "float64"), start, STEPS, RATE,
            data=lambda step: {"x": x}, looks=range(STEPS + 1),
        )  # fmt: skip

    return side_by_side("soft_histogram", first, path, trial)


def _slope(subject: Objective, engine: Engine, x: np.ndarray) -> float:
    """d mean / d shift of the first batch at 0, from the loss's."""
    found = subject.gradients({"shift": np.zeros(2)}, {"x": x})[1]["shift"][0]
    return float(found / (2 * (mean(soft(engine, x, BANDWIDTH)[0]) - TARGET)))


def _curves(
    engine: Engine, x: np.ndarray, steps: np.ndarray, shifts: np.ndarray
) -> dict[str, np.ndarray]:
    """Means by step, and how far they are off; histograms at every fourth of the source's steps."""
    shown = [k for k, step in enumerate(steps) if step <= STEPS and step % 4 == 0]
    moved = x + shifts[:, None].astype(np.float32)
    counts = soft(engine, moved, BANDWIDTH)
    rough = np.array([hard(row) for row in moved])
    means = {"soft mean": mean(counts), "hard mean": mean(rough)}
    return {
        "steps": steps,
        **means,
        **{f"{name} off": values - TARGET for name, values in means.items()},
        LOOKS: steps[shown],
        "hard": rough[shown],
        "soft": counts[shown],
    }


def is_at_target(evidence: Evidence) -> Control:
    """Refuted when a mean is farther from the target than one of Adam's steps, a line's width in
    the source's picture."""
    n = evidence.exact.numbers
    early, late = ({kind: n[f"{kind}/{end}/normal"] for kind in ("shift", "soft", "hard")}
                   for end in ENDS)  # fmt: skip
    says = (
        f"after {STEPS} steps soft mean {short(early['soft'], 4)}, hard {short(early['hard'], 4)} "
        f"(shift {short(early['shift'], 4)}), converged {short(late['soft'], 4)} and "
        f"{short(late['hard'], 4)} (shift {short(late['shift'], 4)}); the target less the samples' "
        f"mean, without a histogram, is {short(n['direct/normal'], 4)}"
    )
    return Control(says, max(abs(early[kind] - TARGET) for kind in ("soft", "hard")) > RATE)


def is_converged(evidence: Evidence) -> Control:
    """Refuted when the shift still moves by a hundredth of the way."""
    n = evidence.exact.numbers
    early, late = (n[f"shift/{end}/normal"] for end in ENDS)
    off = abs(early - late) / abs(late)
    left = n["soft/long/normal"] - TARGET
    says = (
        f"the shift at step {STEPS}, {short(early, 4)}, is {short(100 * off, 2)}% of the way off "
        f"where it ends, {short(late, 4)}; the soft mean is then off by {short(left, 2)}"
    )
    return Control(says, off > 0.01)


def peak_is_at_target(evidence: Evidence) -> Control:
    """Refuted when a converged peak is more than half a bin from the target."""
    n = evidence.exact.numbers
    peaks = {batch: n[f"peak/long/{batch}"] for batch in BATCHES}
    told = ", ".join(f"{short(peak)} ({batch})" for batch, peak in peaks.items())
    says = f"bins of {short(WIDTH, 2)}, the largest one's centre is {told} with the mean at 3"
    off = max(abs(peak - TARGET) for peak in peaks.values())
    return Control(says, off > WIDTH / 2 * (1 + 1e-6))


def is_differentiable(evidence: Evidence) -> Control:
    """Refuted when the soft mean has not the slope of a shift, or the hard one has one too."""
    slope = evidence.exact.numbers["slope"]
    figure = evidence.found.exact("figure", evidence.implementation)
    rough = float("nan") if figure is None else figure.numbers["hard_slope"]
    says = (
        f"slope of the soft histogram's mean to a shift {short(slope, 5)}; of the hard one's, "
        f"median difference quotient {short(rough)}"
    )
    return Control(says, abs(slope - 1) > SLOPE_OFF or rough > SLOPE_OFF)
