"""Channel gating on digits: does batch shaping make gates conditional?

A network in miniature of the paper's kind: a convolution (3 x 3, on patches that are cut out
beforehand), pooled to 3 x 3 places; two residual blocks of 1 x 1 convolutions

    x + narrow(gate(x) relu(widen(x))),

of 32 gated channels each; ten classes. A small head computes a block's gates from the mean of x
over places. In training a gate is a binary concrete sample, hard forward and relaxed backward;
afterwards it is open where its logit is above 0. Trained three ways, from the same start, batches
and noise:

    none     cross-entropy
    l0       and the expected share of open gates, whose weight rises from zero
    shaped   the same, and before that batch shaping of every gate to Beta(0.6, 0.4), whose weight
             falls to zero: it opens the gates to the data, L0 then closes what is not needed

On held-out digits a gate is always on when it is open for more than 99 in 100, always off when it
is for less than one in 100, else conditional; whether the network needs that is seen by freezing
every gate as it is for most samples. The paper's order of the two losses is kept; weights, the ends
of their schedules and steps are ours.

jax_xla is in the loop: the fastest on a CPU at the network's own 32 x 128, by the experiment
"times" of the committed run. It is given logits, with which the infinite density of the prior at 0
and 1 is none; the authors' own formula takes the gates themselves.

Source: B. E. Bejnordi, T. Blankevoort, M. Welling, "Batch-shaping for learning conditional channel
gated networks", 2020, arXiv 1907.06627.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from suite import frameworks
from suite.reproduce import channel_gating_figures as figures
from suite.reproduce import channel_gating_times as timed
from suite.reproduce.agreement import Training, agreement, agrees
from suite.reproduce.claims import EXACT, LOOKS, Claim, Evidence, Experiment, Record, Source, Trial
from suite.reproduce.gated_network import (
    BLOCKS,
    GATES,
    digits,
    objective,
    pooling,
    start,
    tested,
)
from suite.reproduce.given_data import with_data
from suite.reproduce.paired import Difference, mean
from suite.reproduce.training import Arrays, Objective, Path, evenly, train
from suite.reproduce.verdicts import Control, statement

BATCH = timed.BATCH
STEPS, QUICK_STEPS, RATE = 800, 100, 5e-3
AGREEMENT_STEPS = 200
SHAPING, PENALTY = 10.0, 0.3
OTHER_PENALTIES = (0.1, 1.0)
SHAPED_UNTIL, PENALISED_FROM = 0.6, 0.4
METHODS = ("none", "l0", "shaped")
ALWAYS = 0.99
SHOWN = tuple(
    (f"{quantity}/{method}", f"{quantity}, {method}")
    for quantity in ("accuracy", "always on", "always off", "conditional")
    for method in METHODS
)


def weights_at(step: int, steps: int, penalty: float) -> dict[str, np.ndarray]:
    """Shaping falls linearly to zero; L0's penalty rises linearly from zero to the end."""
    done = step / steps
    shaping = SHAPING * max(0.0, 1 - done / SHAPED_UNTIL)
    rising = penalty * max(0.0, (done - PENALISED_FROM) / (1 - PENALISED_FROM))
    return {"shaping": np.array(shaping), "penalty": np.array(rising)}


def batch(trial: Trial, step: int, seen: Arrays) -> dict[str, np.ndarray]:
    """What a step draws: samples, and the noise of their gates; the same for every method."""
    rng = trial.rng(f"channel gating, step {step}")
    rows = rng.choice(len(seen["patches"]), BATCH, replace=False)
    drawn = {name: values[rows] for name, values in seen.items()} | {"pool": pooling()}
    for block in range(BLOCKS):
        drawn[f"noise_{block}"] = rng.logistic(size=(BATCH, GATES))
    return drawn


def fit(trial: Trial, method: str, penalty: float, seen: Arrays) -> Path:
    """Adam, its rate falling as a cosine."""
    steps = QUICK_STEPS if trial.quick else STEPS
    shaped = method == "shaped"

    def data(step: int) -> dict[str, np.ndarray]:
        weights = weights_at(step, steps, 0.0 if method == "none" else penalty)
        regularised = weights if shaped else {"penalty": weights["penalty"]}
        return batch(trial, step, seen) | regularised

    def rate(step: int) -> float:
        return RATE * (1 + math.cos(math.pi * step / steps)) / 2

    looks = evenly(steps) if trial.start == EXACT and penalty == PENALTY else ()
    aim = objective(shaped, trial.implementation)
    return train(aim, start(trial), steps, rate, data=data, looks=looks)


def numbers_of(weights: Arrays, held_out: Arrays) -> dict[str, float]:
    """Accuracy, also with gates frozen; shares of gates; and of gates open: of all samples, of the
    easiest and of the hardest fifth."""
    loss, right, z = tested(weights, held_out)
    rate = (z > 0).mean(axis=0)
    on, off = rate > ALWAYS, rate < 1 - ALWAYS
    each = (z > 0).mean(axis=1)[np.argsort(loss, kind="stable")]
    fifth = len(each) // 5
    found = {
        "accuracy": right.mean(),
        "accuracy frozen": tested(_frozen(weights, rate), held_out)[1].mean(),
        "always on": on.mean(),
        "always off": off.mean(),
        "conditional": 1 - on.mean() - off.mean(),
        "open": each.mean(),
        "open easiest": each[:fifth].mean(),
        "open hardest": each[-fifth:].mean(),
    }
    return {name: float(value) for name, value in found.items()}


def _frozen(weights: Arrays, rate: np.ndarray) -> Arrays:
    """The same network, every gate always as it is for most samples."""
    fixed = dict(weights)
    for block, share in enumerate(rate.reshape(BLOCKS, GATES)):
        fixed[f"gate_{block}"] = 0 * weights[f"gate_{block}"]
        fixed[f"gate_bias_{block}"] = np.where(share > 0.5, 1.0, -1.0)[None]
    return fixed


def run(trial: Trial) -> Record:
    """Every method at the same weight of L0; the exact start also at others, for the picture."""
    seen, held_out = digits(trial)
    numbers: dict[str, float] = {}
    curves: dict[str, np.ndarray] = {}
    for method in METHODS:
        more = method != "none" and trial.start == EXACT and not trial.quick
        others = OTHER_PENALTIES if more else ()
        for penalty in (PENALTY, *others):
            path = fit(trial, method, penalty, seen)
            suffix = method if penalty == PENALTY else f"{method} {penalty:g}"
            found = numbers_of(path.end, held_out)
            numbers |= {f"{name}/{suffix}": value for name, value in found.items()}
            if len(path.looks):
                curves |= {LOOKS: path.looks, **_curves(method, path, held_out)}
    return Record(numbers, curves)


def run_agreement(trial: Trial) -> Record:
    """A short training with both regularisers on one batch, in float64."""
    steps = AGREEMENT_STEPS // 4 if trial.quick else AGREEMENT_STEPS
    data = batch(trial, 0, digits(trial)[0])
    data |= {"shaping": np.array(SHAPING), "penalty": np.array(PENALTY)}

    def on_batch(implementation: str, dtype: str) -> Objective:
        return with_data(objective(True, implementation, dtype), data)

    training = Training("shaped", on_batch, start(trial), steps, RATE)
    return agreement("batch_shaping", [training], trial)


def _curves(method: str, path: Path, held_out: Arrays) -> dict[str, np.ndarray]:
    """At every look the spread of all gates' activations, and of their shares of open samples."""
    spread, rates = [], []
    for at in range(len(path.looks)):
        z = tested({name: w[at] for name, w in path.seen.items()}, held_out)[2]
        gates = frameworks.get("numpy").elementary("sigmoid")(z)
        spread.append(np.histogram(gates, figures.BINS)[0] / gates.size)
        rates.append(np.histogram((z > 0).mean(axis=0), figures.BINS)[0])
    return {
        f"activations {method}/look": np.array(spread),
        f"open shares {method}/look": np.array(rates),
    }


def more_conditional(than: str, words: str) -> Callable[[Evidence], Control]:
    """More gates must be conditional, and accuracy not clearly worse by a point or more."""

    def holds(evidence: Evidence) -> Control:
        more = Difference.of(evidence, "conditional/shaped", f"conditional/{than}")
        better = Difference.of(evidence, "accuracy/shaped", f"accuracy/{than}")
        conditional = [100 * mean(evidence, f"conditional/{m}") for m in ("shaped", than)]
        accuracy = [100 * mean(evidence, f"accuracy/{m}") for m in ("shaped", than)]
        says = (
            f"{conditional[0]:.0f}% of the gates are conditional against {conditional[1]:.0f}% "
            f"{words} ({more}), with {accuracy[0]:.1f}% against {accuracy[1]:.1f}% of held-out "
            f"digits right"
        )
        worse = better.clearly_negative and better.mean < -0.01
        return Control(says, worse or not more.clearly_positive)

    return holds


def are_used(evidence: Evidence) -> tuple[Control, ...]:
    """Refuting: digits are read as well when no gate depends on the sample."""
    lost = Difference.of(evidence, "accuracy/shaped", "accuracy frozen/shaped")
    frozen = 100 * mean(evidence, "accuracy frozen/shaped")
    says = f"with every gate frozen as it mostly is, {frozen:.1f}% are right ({lost})"
    return (Control(says, not lost.clearly_positive),)


def more_for_difficult(evidence: Evidence) -> Control:
    """The fifth of the samples with the largest loss must open more gates than the smallest."""
    more = Difference.of(evidence, "open hardest/shaped", "open easiest/shaped")
    hard, easy = (100 * mean(evidence, f"open {which}/shaped") for which in ("hardest", "easiest"))
    says = f"{hard:.1f}% of the gates are open for the hardest fifth, {easy:.1f}% for the easiest"
    return Control(f"{says} ({more})", not more.clearly_positive)


NOT_NONE = more_conditional("none", "without a regulariser")
NOT_L0 = more_conditional("l0", "with L0 alone")
SOURCE = Source(
    "channel_gating",
    "B. E. Bejnordi, T. Blankevoort, M. Welling, Batch-shaping for learning conditional channel "
    "gated networks, 2020, arXiv 1907.06627",
    (
        Experiment(
            "gates",
            run,
            ("jax_xla",),
            operator="batch_shaping",
            published="published_batch_shaping_notebook",
            draw=figures.gates,
            shown=SHOWN,
        ),
        Experiment(
            "times",
            timed.times,
            ("jax_xla", "torch_compiled", "torch_eager"),
            operator="batch_shaping",
            seeds=False,
            alone=True,
            full=True,
            shown=timed.SHOWN,
        ),
        Experiment("agreement", run_agreement, ("jax_xla",), operator="batch_shaping", seeds=False),
    ),
    (
        *(
            Claim(name, "gates", statement(holds, "conditional/shaped", controls=are_used))
            for name, holds in (
                ("more-conditional", NOT_NONE),
                ("more-conditional-than-l0", NOT_L0),
            )
        ),
        Claim("more-for-difficult", "gates", statement(more_for_difficult, "open hardest/shaped")),
        Claim("frameworks-agree", "agreement", statement(agrees)),
    ),
    reading="Shares of held-out digits that are right, and of the 64 gates that are open for more "
    "than 99% of them (always on), for less than 1% (always off), or else conditional: without a "
    "regulariser, with L0 alone, and with batch shaping before L0.",
)
