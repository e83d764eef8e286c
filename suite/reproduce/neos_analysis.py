"""What neos in miniature differentiates: a network's scores, their histogram, its significance.

    Z^2 = sum_b 2 ((s_b + b_b) ln(1 + s_b / b_b) - s_b)

for yields s and b, to which b's floor was added. Written once for every framework's arrays, NumPy's
among them. Networks of all folds are trained at once: their weights have an axis of folds first.
Source: G. Cowan, K. Cranmer, E. Gross, O. Vitells, 2011, arXiv 1007.1727 (Asimov significance).
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from suite import frameworks, workloads
from suite.frameworks import Framework
from suite.reproduce.claims import Trial
from suite.reproduce.training import Arrays, Engine, Objective

EDGES = np.linspace(0.0, 1.0, 5)
BANDWIDTH = 0.1
EVENTS = {"signal": 20.0, "background": 100.0}
FLOOR = 1.0
FOLDS, HIDDEN = 5, 16


def logits(framework: Framework, x: Any, w1: Any, b1: Any, w2: Any, b2: Any) -> Any:
    """Of samples x (folds, samples, features), a network for every fold: (folds, samples)."""
    hidden = framework.elementary("relu")(x @ w1 + b1)
    return (hidden @ w2 + b2).reshape(x.shape[0], x.shape[1])


def significance(framework: Framework, signal: Any, background: Any) -> Any:
    """Asimov significance of yields (folds, bins), all bins in quadrature: (folds,)."""
    log, sqrt = framework.elementary("log"), framework.elementary("sqrt")
    floored = background + FLOOR
    each = (signal + floored) * log(1 + signal / floored) - signal
    return sqrt(2 * each.sum(1))


def folds(trial: Trial) -> tuple[Arrays, Arrays]:
    """What each fold is trained on, and what is held out, by kind: (folds, samples, features).

    Standardised by what is trained on. What five folds of one size leave over is left out.
    """
    seen, held_out = {}, {}
    for kind in EVENTS:
        x = workloads.load(f"breast_cancer_{kind}_features").T.astype(np.float64)
        order = trial.rng(f"neos, folds of the {kind}").permutation(len(x))
        size = len(x) // FOLDS
        held_out[kind] = parts = x[order[: FOLDS * size]].reshape(FOLDS, size, -1)
        seen[kind] = np.stack([np.concatenate(np.delete(parts, k, axis=0)) for k in range(FOLDS)])
    both = np.concatenate(list(seen.values()), axis=1)
    centre, scale = both.mean(axis=1, keepdims=True), both.std(axis=1, keepdims=True)
    for each in (seen, held_out):
        each |= {kind: (x - centre) / scale for kind, x in each.items()}
    return seen, held_out


def start(trial: Trial, features: int = 2) -> dict[str, np.ndarray]:
    """The same network for every fold."""
    rng = trial.rng("neos, network")
    network = {
        "w1": rng.normal(size=(features, HIDDEN)) * (2 / features) ** 0.5,
        "b1": rng.normal(size=(1, HIDDEN)),
        "w2": rng.normal(size=(HIDDEN, 1)) * HIDDEN**-0.5,
        "b2": np.zeros((1, 1)),
    }
    return {name: np.repeat(trial.moved(w)[None], FOLDS, axis=0) for name, w in network.items()}


@functools.cache
def objective(method: str, implementation: str, dtype: str = "float32") -> Objective:
    """The loss of a method, the mean over folds; minus Z, or the cross-entropy of both kinds."""
    engine = Engine.of("soft_histogram", implementation)
    framework = engine.framework
    sigmoid, log, exp = (framework.elementary(name) for name in ("sigmoid", "log", "exp"))
    relu = framework.elementary("relu")
    overflow = "reflect" if method == "neos_reflect" else "drop"

    def minus_z(signal: Any, background: Any, edges: Any, bandwidth: Any) -> Any:
        counted = (
            engine.call(sigmoid(z), edges, bandwidth, overflow=overflow) / z.shape[1] * events
            for z, events in zip((signal, background), EVENTS.values(), strict=True)
        )
        return -significance(framework, *counted).mean()

    def neos(signal: Any, background: Any, edges: Any, bandwidth: Any, **network: Any) -> Any:
        z_signal, z_background = (logits(framework, x, **network) for x in (signal, background))
        return minus_z(z_signal, z_background, edges, bandwidth)

    def rescaled(
        signal: Any, background: Any, edges: Any, bandwidth: Any, scale: Any, shift: Any
    ) -> Any:
        return minus_z(scale * signal + shift, scale * background + shift, edges, bandwidth)

    def cross_entropy(signal: Any, background: Any, **network: Any) -> Any:
        wrong = -logits(framework, signal, **network), logits(framework, background, **network)
        return sum((relu(z) + log(1 + exp(-abs(z)))).mean() for z in wrong) / 2

    losses: dict[str, Callable] = {"rescaled": rescaled, "cross_entropy": cross_entropy}
    wrt = ("scale", "shift") if method == "rescaled" else ("w1", "b1", "w2", "b2")
    return Objective(framework, losses.get(method, neos), wrt, dtype, engine.device)


def logits_of(network: Arrays, samples: Arrays) -> dict[str, np.ndarray]:
    """By kind, of networks in NumPy's arrays."""
    numpy = frameworks.get("numpy")
    return {kind: logits(numpy, x, **network) for kind, x in samples.items()}


def scores_of(z: Arrays) -> dict[str, np.ndarray]:
    sigmoid = frameworks.get("numpy").elementary("sigmoid")
    return {kind: sigmoid(each) for kind, each in z.items()}


def hard_yields(scores: Arrays) -> dict[str, np.ndarray]:
    """Events in every bin by kind, (folds, bins), counted."""
    return {
        kind: np.stack([np.histogram(fold, EDGES)[0] for fold in x]) * EVENTS[kind] / x.shape[1]
        for kind, x in scores.items()
    }


def soft_yields(
    implementation: str, scores: Arrays, bandwidth: float = BANDWIDTH, overflow: str = "drop"
) -> dict[str, np.ndarray]:
    """The same by the soft histogram of an implementation, in float32."""
    engine = Engine.of("soft_histogram", implementation)
    framework, found = engine.framework, {}
    for kind, x in scores.items():
        given = (framework.array(a, "float32", engine.device) for a in (x, EDGES, bandwidth))
        counts = np.asarray(framework.numpy(engine.call(*given, overflow=overflow)), np.float64)
        found[kind] = counts * EVENTS[kind] / x.shape[1]
    return found


def z_of(yields: Mapping[str, np.ndarray]) -> float:
    """The mean over folds."""
    return float(significance(frameworks.get("numpy"), **yields).mean())
