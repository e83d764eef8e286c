"""A classifier trained for the significance of its binned score: neos in miniature.

Signal and background are the malignant and benign samples of scikit-learn's breast-cancer data by
their mean radius and texture: two numbers, as the paper's toy has. A network scores a sample in
[0, 1]; the histogram of the score in four bins, scaled to 20 events of signal and 100 of
background, has the Asimov significance

    Z^2 = sum_b 2 ((s_b + b_b) ln(1 + s_b / b_b) - s_b)

Every b_b counts one event more than was found, its floor: 71 held-out background samples cannot
tell a bin to be emptier. Five networks from the same start are trained at once, each without its
fifth of the samples, on which the hard histogram then judges it:

    untrained      the start
    cross_entropy  trained as a classifier
    rescaled       that network, its logit scaled and shifted for the soft significance: only the
                   bins are learned
    neos           trained for the significance of the soft histogram, of a fixed bandwidth 0.1,
                   which loses what leaves [0, 1]: the authors' example has these bins, scales,
                   bandwidth and overflow
    neos_reflect   the same with overflow="reflect"

What the miniature leaves out: the systematic uncertainty of the background, the profile likelihood
(pyhf), and networks of two hidden layers of 1024.

Source: N. Simpson, L. Heinrich, "neos: End-to-End-Optimised Summary Statistics for High Energy
Physics", 2022, arXiv 2203.05570; the authors' demo.ipynb and neos/experiments/nn_observable.py.
The formula: G. Cowan, K. Cranmer, E. Gross, O. Vitells, 2011, arXiv 1007.1727.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from suite.reproduce import neos_figures
from suite.reproduce.agreement import Training, agreement, agrees
from suite.reproduce.claims import EXACT, LOOKS, Claim, Evidence, Experiment, Record, Source, Trial
from suite.reproduce.given_data import with_data
from suite.reproduce.neos_analysis import (
    BANDWIDTH,
    EDGES,
    EVENTS,
    FOLDS,
    folds,
    hard_yields,
    logits_of,
    objective,
    scores_of,
    soft_yields,
    start,
    z_of,
)
from suite.reproduce.paired import Difference, mean
from suite.reproduce.training import Arrays, Objective, Path, evenly, train
from suite.reproduce.verdicts import Control, short, statement

STEPS, QUICK_STEPS, RATE = 300, 60, 1e-2
METHODS = ("untrained", "cross_entropy", "rescaled", "neos", "neos_reflect")
TRAINED_AT = (0.02, 0.05, 0.1, 0.2, 0.4)
SEEN_AT = (0.3, 0.1, 0.03, 0.01, 0.003, 0.001, 0.0003)
OVERFLOW = ("drop", "reflect")
SHOWN = tuple((f"hard/{method}", f"Z, {method}") for method in METHODS)


def _trained(
    trial: Trial, method: str, begin: Arrays, given: Arrays, bandwidth: float = BANDWIDTH
) -> Path:
    """Adam from the start on all samples at each step."""
    steps = QUICK_STEPS if trial.quick else STEPS
    aim, data = objective(method, trial.implementation), _data(method, given, bandwidth)
    looks = evenly(steps) if trial.start == EXACT and method != "rescaled" else ()
    return train(aim, begin, steps, RATE, data=lambda step: data, looks=looks)


def _data(method: str, given: Arrays, bandwidth: float = BANDWIDTH) -> Arrays:
    """What the loss takes beside the network."""
    bins = {"edges": EDGES, "bandwidth": np.array(bandwidth)}
    return {**given, **({} if method == "cross_entropy" else bins)}


def run_significance(trial: Trial) -> Record:
    """Z of every method: hard on held-out samples, soft on those, hard on those trained on."""
    seen, held_out = folds(trial)
    begin = start(trial)
    networks = ("cross_entropy", "neos", "neos_reflect")
    paths = {m: _trained(trial, m, begin, seen) for m in networks}
    z = {
        where: {"untrained": logits_of(begin, x)}
        | {m: logits_of(p.end, x) for m, p in paths.items()}
        for where, x in {"train": seen, "hard": held_out}.items()
    }
    ones = np.ones((FOLDS, 1))
    stretch = {"scale": ones, "shift": 0 * ones}
    fitted = _trained(trial, "rescaled", stretch, z["train"]["cross_entropy"]).end
    for each in z.values():
        given = each["cross_entropy"]
        each["rescaled"] = {k: fitted["scale"] * x + fitted["shift"] for k, x in given.items()}
    numbers = {
        f"{where}/{m}": z_of(hard_yields(scores_of(each[m])))
        for where, each in z.items()
        for m in METHODS
    }
    for m in METHODS:
        overflow = "reflect" if m == "neos_reflect" else "drop"
        scores = scores_of(z["hard"][m])
        numbers[f"soft/{m}"] = z_of(soft_yields(trial.implementation, scores, overflow=overflow))
    curves = _curves(trial, paths, held_out) if trial.start == EXACT else {}
    return Record(numbers, curves)


def _curves(trial: Trial, paths: Mapping[str, Path], held_out: Arrays) -> dict[str, np.ndarray]:
    """Z over the steps; of neos' first fold the network, its histograms and its samples."""
    curves: dict[str, np.ndarray] = {LOOKS: paths["neos"].looks}
    for method in ("cross_entropy", "neos"):
        seen = paths[method].seen
        networks = [{k: v[at] for k, v in seen.items()} for at in range(len(curves[LOOKS]))]
        scores = [scores_of(logits_of(network, held_out)) for network in networks]
        curves[f"hard z/{method}"] = np.array([z_of(hard_yields(each)) for each in scores])
        softly = [soft_yields(trial.implementation, each) for each in scores]
        curves[f"soft z/{method}"] = np.array([z_of(each) for each in softly])
        for kind in EVENTS:
            first = np.stack([hard_yields(each)[kind][0] for each in scores])
            curves[f"hard {kind} {method}/look"] = first
            curves[f"soft {kind} {method}/look"] = np.stack([each[kind][0] for each in softly])
        for name, values in seen.items():
            curves[f"{name} {method}/look"] = values[:, 0].reshape(len(values), -1)
    return curves | {f"{kind} samples": x[0] for kind, x in held_out.items()}


def run_bandwidths(trial: Trial) -> Record:
    """A trained network's histogram seen at other bandwidths; at the exact start also Z after
    training at several."""
    seen, held_out = folds(trial)
    begin = start(trial)
    numbers: dict[str, float] = {}
    for bandwidth in TRAINED_AT if trial.start == EXACT else (BANDWIDTH,):
        network = _trained(trial, "neos", begin, seen, bandwidth).end
        scores = scores_of(logits_of(network, held_out))
        hard, soft = hard_yields(scores), soft_yields(trial.implementation, scores, bandwidth)
        numbers |= {f"hard z/{bandwidth:g}": z_of(hard), f"soft z/{bandwidth:g}": z_of(soft)}
        if bandwidth == BANDWIDTH:
            for overflow in OVERFLOW:
                for h in SEEN_AT:
                    softly = soft_yields(trial.implementation, scores, h, overflow)
                    numbers[f"gap {overflow}/{h:g}"] = _gap(hard, softly)
    return Record(numbers)


def run_agreement(trial: Trial) -> Record:
    """Both ways of training a network, in float64."""
    seen = folds(trial)[0]
    steps = QUICK_STEPS if trial.quick else STEPS

    def on_all(method: str) -> Callable[[str, str], Objective]:
        data = _data(method, seen)
        return lambda name, dtype: with_data(objective(method, name, dtype), data)

    trainings = [
        Training(method, on_all(method), start(trial), steps, RATE)
        for method in ("neos", "cross_entropy")
    ]
    return agreement("soft_histogram", trainings, trial)


def _gap(hard: Arrays, soft: Arrays) -> float:
    """What differs in the bins, of all events; of the kind where it is more, mean over folds."""
    return float(max(np.abs(hard[k] - soft[k]).sum(axis=1).mean() / EVENTS[k] for k in EVENTS))


def optimises(evidence: Evidence) -> Control:
    """Training must raise Z of the hard histogram of samples that it did not see."""
    gained = Difference.of(evidence, "hard/neos", "hard/untrained")
    before, after = (mean(evidence, f"hard/{m}") for m in ("untrained", "neos"))
    says = f"Z of held-out samples goes from {short(before)} to {short(after)} ({gained})"
    return Control(says, not gained.clearly_positive)


def at_least(evidence: Evidence) -> Control:
    """Z must not be clearly smaller than that of the classifier."""
    over = Difference.of(evidence, "hard/neos", "hard/cross_entropy")
    ours, theirs = (mean(evidence, f"hard/{m}") for m in ("neos", "cross_entropy"))
    says = f"Z {short(ours)} against {short(theirs)} of cross-entropy ({over})"
    return Control(says, over.clearly_negative)


def only_bins(evidence: Evidence) -> tuple[Control, ...]:
    """Refuting: the classifier is as good when nothing but two numbers is trained for Z."""
    over = Difference.of(evidence, "hard/neos", "hard/rescaled")
    theirs = mean(evidence, "hard/rescaled")
    says = f"cross-entropy with its logit scaled and shifted for Z has {short(theirs)} ({over})"
    return (Control(says, not over.clearly_positive),)


def _gaps(evidence: Evidence, overflow: str) -> np.ndarray:
    return np.array([mean(evidence, f"gap {overflow}/{h:g}") for h in SEEN_AT])


def _off(gaps: np.ndarray) -> str:
    first, last = (f"{100 * gaps[at]:.2g}% of the events at {SEEN_AT[at]:g}" for at in (0, -1))
    return f"bins are off by {first}, by {last}"


def approaches(evidence: Evidence) -> Control:
    """Bins must be off by less at every smaller bandwidth."""
    gaps = _gaps(evidence, "drop")
    return Control(_off(gaps), bool((np.diff(gaps) >= 0).any()))


def stays_away(evidence: Evidence) -> tuple[Control, ...]:
    """Refuting: over 1% of the events are elsewhere at the smallest bandwidth, a thousandth of a
    bin: what lies as near to an outer edge counts half."""
    says = f"what leaves [0, 1] reflected, {_off(_gaps(evidence, 'reflect'))}"
    return (Control(says, bool(_gaps(evidence, "drop")[-1] > 0.01)),)


def _experiment(
    name: str, run: Callable[[Trial], Record], draw: Callable, shown: tuple = ()
) -> Experiment:
    return Experiment(
        name,
        run,
        ("published_relaxed", "torch_eager"),
        operator="soft_histogram",
        published="published_relaxed",
        draw=draw,
        shown=shown,
    )


SOURCE = Source(
    "neos",
    "N. Simpson, L. Heinrich, neos: End-to-End-Optimised Summary Statistics for High Energy "
    "Physics, 2022, arXiv 2203.05570",
    (
        _experiment("significance", run_significance, neos_figures.training, SHOWN),
        _experiment("bandwidths", run_bandwidths, neos_figures.bandwidths),
        Experiment(
            "agreement", run_agreement, ("jax_xla",), operator="soft_histogram", seeds=False
        ),
    ),
    (
        Claim("optimises-sensitivity", "significance", statement(optimises, "hard/neos")),
        Claim(
            "at-least-cross-entropy",
            "significance",
            statement(at_least, "hard/neos", controls=only_bins),
        ),
        Claim("soft-approaches-hard", "bandwidths", statement(approaches, controls=stays_away)),
        Claim("frameworks-agree", "agreement", statement(agrees)),
    ),
    reading="Z is the Asimov significance of the hard histogram of held-out samples, the mean of "
    "five folds. Untrained; trained by cross-entropy; that network with its logit scaled and "
    "shifted for Z; trained for Z through the soft histogram; the same with overflow reflected.",
)
