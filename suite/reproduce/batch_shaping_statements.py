"""What the batch-shaping notebook says in words, held against numbers: its sections B and C.

KL by a histogram:  sum_k n_k/N log(n_k / (N q_k)), q_k the prior's mass in bin k
KL by m-spacings:   -H - mean log q(x_i), H = mean log((N+1)/(2m) (x_(i+m) - x_(i-m))) of the sorted
                    samples; no density is estimated, and the ends take the first and last sample
                    (O. Vasicek, "A test for normality based on sample entropy", 1976)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from scipy import special, stats

from suite.reproduce.batch_shaping_example import RATE, SAMPLES, Example, objective
from suite.reproduce.claims import Evidence, Record, Trial, Unsupported
from suite.reproduce.training import Engine, train
from suite.reproduce.verdicts import Control, short

Starts = Callable[[Trial], Mapping[str, np.ndarray]]

BINS = (5, 10, 20, 50)
ENOUGH = 1.1
"""An estimate is good whose error is at most this many times that of knowing both densities."""

TRUTH, PRIOR = (3.0, 5.0), (2.0, 6.0)
"""Beta laws of the data and of the prior whose divergence is estimated."""
EQUAL = 100
"""Samples of each value of a discrete batch."""
THIN = 1e-3
"""Of the density's peak: below it the density is called almost zero."""


def divergences(trial: Trial) -> Record:
    """KL(TRUTH || PRIOR) of batches: rms errors by histograms of various bins and by spacings.

    truth: the divergence. bins/K, spacings: rms error over batches. known: that of the mean log
    ratio of the two densities at the samples, the noise of a batch. same/K, same_spacings: mean
    estimate for draws of the prior itself, whose divergence is 0. js/K: Jensen-Shannon of those.
    """
    batches = 50 if trial.quick else 400
    rng, prior = trial.rng("divergences"), stats.beta(*PRIOR)
    truth = _exact_divergence()
    apart, same = (rng.beta(*law, size=(batches, SAMPLES)) for law in (TRUTH, PRIOR))
    numbers = {"truth": truth}
    for bins in BINS:
        estimates = np.array([_by_histogram(x, prior, bins) for x in apart])
        numbers[f"bins/{bins}"] = _rms(estimates - truth)
        numbers[f"same/{bins}"] = float(np.mean([_by_histogram(x, prior, bins) for x in same]))
        numbers[f"js/{bins}"] = float(np.mean([_jensen_shannon(x, prior, bins) for x in same]))
    numbers["spacings"] = _rms(np.array([_by_spacings(x, prior) for x in apart]) - truth)
    ratio = stats.beta(*TRUTH).logpdf(apart) - prior.logpdf(apart)
    numbers["known"] = _rms(ratio.mean(axis=1) - truth)
    numbers["same_spacings"] = float(np.mean([_by_spacings(x, prior) for x in same]))
    return Record(numbers)


def needs_density(evidence: Evidence) -> Control:
    """Refuted when the order of the samples alone does almost as well as knowing both densities."""
    n = evidence.exact.numbers
    errors = {bins: n[f"bins/{bins}"] for bins in BINS}
    best, worst = min(errors, key=lambda k: errors[k]), max(errors, key=lambda k: errors[k])
    says = (
        f"KL of {SAMPLES} samples, in truth {short(n['truth'])}: who knows both densities errs by "
        f"{short(n['known'], 2)}, spacings of the sorted samples by {short(n['spacings'], 2)}, "
        f"histograms by {short(errors[best], 2)} ({best} bins) to {short(errors[worst], 2)} "
        f"({worst}); Jensen-Shannon of draws from the prior itself grows from "
        f"{short(n[f'js/{BINS[0]}'], 2)} to {short(n[f'js/{BINS[-1]}'], 2)} with the bins"
    )
    return Control(says, n["spacings"] <= ENOUGH * n["known"])


def discrete(trial: Trial) -> Record:
    """Losses of batches that are the prior's quantiles: a few, of many samples each, or all of
    them.

    Each sample is where the mean rank of its equals is. The published formula takes ranks from a
    sort, which differ among equals; ours takes that mean.
    """
    engine = Engine.of("batch_shaping", trial.implementation)
    every = np.arange(SAMPLES)
    batches = {"different": every + 1.0, "few": every // EQUAL * EQUAL + (EQUAL + 1) / 2}
    numbers = {}
    for name, ranks in batches.items():
        x = stats.beta(*PRIOR).ppf(ranks / (SAMPLES + 1))[None]
        row = engine.framework.array(x, "float32", engine.device)
        loss = engine.call(row, *PRIOR, prior="beta")
        numbers[name] = float(engine.framework.numpy(loss))
    return Record(numbers)


def is_for_discrete_data(evidence: Evidence) -> Control:
    """Refuted when discrete data at its best is taken to be worse than independent draws."""
    n = evidence.exact.numbers
    says = (
        f"{SAMPLES} samples at the prior's quantiles have the loss {short(n['different'])} when "
        f"all are different, {short(n['few'])} when they have {SAMPLES // EQUAL} values; draws "
        f"from the prior have {short(_draw_loss())}"
    )
    return Control(says, not n["few"] <= _draw_loss())


def low_density(example: Example, starts: Starts, trial: Trial) -> Record:
    """Slopes at the start where the prior's density is thin, and elsewhere.

    thin: points that start there. left: how many of those are there at the end, where the prior has
    one point in ten batches.
    """
    start = starts(trial)[example.name]
    subject = objective(example, trial.implementation)
    slopes = np.abs(subject.gradients({"z": start})[1]["z"])
    path = train(subject, {"z": start}, example.steps, RATE)
    thin, after = (_is_thin(example, z) for z in (start, path.end["z"]))
    return Record(
        {
            "thin": float(thin.sum()),
            "slope_thin": float(np.median(slopes[thin])),
            "slope_elsewhere": float(np.median(slopes[~thin])),
            "left": float((thin & after).sum()),
        }
    )


def _is_thin(example: Example, z: np.ndarray) -> np.ndarray:
    away = (special.expit(z.astype(np.float64)) - example.a) / example.second
    return np.exp(-(away**2) / 2) < THIN


def is_slow(evidence: Evidence) -> Control:
    """Refuted when slopes in thin regions are more than a tenth of those elsewhere."""
    n = evidence.exact.numbers
    says = (
        f"{n['thin']:.0f} of {SAMPLES} points start where the density is below {THIN:g} of its "
        f"peak: their median slope is {short(n['slope_thin'], 2)}, elsewhere "
        f"{short(n['slope_elsewhere'], 2)}; {n['left']:.0f} of them are still there at the end"
    )
    return Control(says, n["slope_thin"] > 0.1 * n["slope_elsewhere"])


def is_faster(evidence: Evidence) -> Control:
    """Refuted when the narrower start ends no lower, at the printed step or much later."""
    narrow = evidence.exact.numbers
    wide = _other(evidence, "normal-range-4")
    says = (
        f"the loss ends at {short(narrow['loss'])} in place of {short(wide['loss'])}, and after "
        f"longer training at {short(narrow['longer'])} in place of {short(wide['longer'])}"
    )
    return Control(says, narrow["loss"] >= wide["loss"] or narrow["longer"] >= wide["longer"])


def no_issue(evidence: Evidence) -> Control:
    """Refuted when the cold batch is far from its prior, or stuck, where the warm one is not.

    Distances are without the clamp, after as many steps without it: what speed there is.
    """
    cold, warm = evidence.exact.numbers, _other(evidence, "relaxed-bernoulli-0.8-0.4")
    says = (
        f"at the end {cold['stuck']:.0f} of {SAMPLES} points are off and without gradient (at "
        f"temperature 0.4: {warm['stuck']:.0f}); as many steps without the clamp end at "
        f"{short(cold['right'], 2)}, at temperature 0.4 at {short(warm['right'], 2)}, where draws "
        f"have {short(_draw_loss(), 2)}"
    )
    stuck = cold["stuck"] > max(SAMPLES / 2, warm["stuck"])
    return Control(says, stuck or cold["right"] > 10 * max(warm["right"], _draw_loss()))


def _draw_loss() -> float:
    """Mean loss of N draws from any continuous prior, without a clamp: 1 / (6 (N + 1))."""
    return 1 / (6 * (SAMPLES + 1))


def _other(evidence: Evidence, experiment: str) -> dict[str, float]:
    record = evidence.found.exact(experiment, evidence.implementation)
    if record is None:
        raise Unsupported(f"{experiment}, which it is compared with, was not run")
    return record.numbers


def _exact_divergence() -> float:
    x = (np.arange(200_000) + 0.5) / 200_000
    p, q = stats.beta.pdf(x, *TRUTH), stats.beta.pdf(x, *PRIOR)
    return float(np.mean(p * np.log(p / q)))


def _by_histogram(x: np.ndarray, prior, bins: int) -> float:
    p, q = _masses(x, prior, bins)
    return _relative_entropy(p, q)


def _jensen_shannon(x: np.ndarray, prior, bins: int) -> float:
    p, q = _masses(x, prior, bins)
    middle = (p + q) / 2
    return (_relative_entropy(p, middle) + _relative_entropy(q, middle)) / 2


def _masses(x: np.ndarray, prior, bins: int) -> tuple[np.ndarray, np.ndarray]:
    edges = np.linspace(0, 1, bins + 1)
    return np.histogram(x, edges)[0] / len(x), np.diff(prior.cdf(edges))


def _relative_entropy(p: np.ndarray, q: np.ndarray) -> float:
    some = p > 0
    return float(np.sum(p[some] * np.log(p[some] / q[some])))


def _by_spacings(x: np.ndarray, prior) -> float:
    n = len(x)
    m = round(np.sqrt(n))
    ascending = np.sort(x)
    index = np.arange(n)
    gaps = ascending[np.minimum(index + m, n - 1)] - ascending[np.maximum(index - m, 0)]
    width = np.minimum(index + m, n - 1) - np.maximum(index - m, 0)
    entropy = np.mean(np.log((n + 1) / width * gaps))
    return float(-entropy - np.mean(prior.logpdf(x)))


def _rms(errors: np.ndarray) -> float:
    return float(np.sqrt(np.mean(errors**2)))
