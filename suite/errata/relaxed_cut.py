"""Source 003, relaxed: soft cuts by their published formula."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import special

from suite.errata.entry import Erratum, Evidence
from suite.errata.evaluate import evaluate, row

_JAX = ("jax",)
_CUT = "relaxed, ops/cuts.py, cut (arXiv 2203.05570), "


def _cut(x, steepness: float, **options: Any) -> tuple[np.ndarray, np.ndarray]:
    found = evaluate(
        "soft_cut", "published_relaxed", ("x",), x=row(x), threshold=0.0, steepness=steepness,
        **options,
    )  # fmt: skip
    return found["output"][0], found["x"][0]


def _overflow() -> tuple[Evidence, ...]:
    return (
        Evidence("slope over the right one at s (x - t) = -40",
                 _cut([-4.0], 10.0)[1][0] / (10 * special.expit(-40.0)), 1, 1e-4),
        Evidence("slope at s (x - t) = -100", _cut([-10.0], 10.0)[1][0], 0, 1e-30),
        Evidence("slope at s (x - t) = 100, keeping below",
                 _cut([10.0], 10.0, keep="below")[1][0], 0, 1e-30),
        Evidence("weight at s (x - t) = -100", _cut([-10.0], 10.0)[0][0], 0, 1e-30),
    )  # fmt: skip


def _steep() -> tuple[Evidence, ...]:
    above, middle, below = _cut([0.1, 0.0, -0.1], 1e4)[0]
    return (
        Evidence("weight above the cut, s = 10^4", above, 1, 1e-6),
        Evidence("weight below it", below, 0, 1e-6),
        Evidence("weight on it", middle, 0.5, 1e-6),
    )


ENTRIES = (
    Erratum(
        "relaxed-cut-overflow",
        _CUT + "the quotient",
        "The cut can be differentiated for any slope.",
        "1 / (1 + exp(-s (x - t))), by autodiff",
        "sigmoid(s (x - t)), slope s sigmoid(z) sigmoid(-z)",
        "nan",
        "exp overflows in float32 from s (t - x) = 89: the value is 0 as it should be, its "
        "gradient 0 times infinity. One event far from the cut makes a whole gradient NaN.",
        _JAX,
        _overflow,
    ),
    Erratum(
        "relaxed-cut-limit",
        _CUT + "docstring",
        "In the limit of an infinite slope it is the hard cut.",
        "1 / (1 + exp(-s (x - t))) -> 1{x > t}",
        "",
        "none",
        "Holds, with 1/2 on the cut itself.",
        _JAX,
        _steep,
    ),
)
