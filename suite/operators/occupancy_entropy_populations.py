"""Occupancy entropy of a population: the entropy of the state of a unit whose law is known.

    J = h(p),   p = P(z > 0) = 1 - F(0),   h(p) = -p log p - (1-p) log(1-p)
    dJ/dtheta = -log((1-p)/p) dF/dtheta (0)

of a law of pre-activations (``suite.laws``). Noise that an estimator adds is the estimator's: it
moves p, and the truth stays that of the unit without it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy.special import entr

from suite.laws import NORMAL, Law, Parameters, mixture
from suite.operators.occupancy_entropy import ESTIMATORS
from suite.operators.population import Population, Sweep

SOURCE = 'PyTorch forum, "Differentiating w.r.t. empirical probability distributions"; closed form'
_ENTROPY = "entropy"
_THRESHOLD = np.zeros(())
_TEMPERATURES = (0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0)
_SAMPLES = (32, 128, 512, 2048, 8192, 65536)


def entropy(law: Law, parameters: Parameters) -> dict[str, float]:
    """J, in nats."""
    off = float(law.cdf(_THRESHOLD, parameters))
    return {_ENTROPY: float(entr(off) + entr(1 - off))}


def entropy_gradient(law: Law, parameters: Parameters) -> dict[str, dict[str, float]]:
    """dJ/dtheta for every parameter of the law."""
    off = float(law.cdf(_THRESHOLD, parameters))
    slopes = law.cdf_slopes(_THRESHOLD, parameters)
    log_odds = np.log1p(-off) - np.log(off)
    return {_ENTROPY: {name: float(log_odds * slope) for name, slope in slopes.items()}}


def _draw(law: Law, rng: np.random.Generator, rows: int, samples: int) -> dict[str, np.ndarray]:
    """The law's noise, and the logistic noise that some estimators add."""
    shape = (rows, samples)
    return {"noise": law.noise.draw(rng, shape), "added": rng.logistic(size=shape)}


def _arrays(
    law: Law, noise: Mapping[str, np.ndarray], at: Parameters, options: Mapping[str, Any]
) -> dict[str, np.ndarray]:
    arrays = {"z": law.sample(noise["noise"], at)}
    noisy = options["estimator"] == "gumbel_straight_through"
    return {**arrays, "noise": noise["added"]} if noisy else arrays


def _sweeps() -> tuple[Sweep, ...]:
    """Temperature and batch size for every estimator, and the estimators against each other."""
    return (
        *(
            Sweep(f"temperature-{name}", "temperature", _TEMPERATURES, {"estimator": name},
                  (64, 1024))
            for name in ESTIMATORS
        ),
        *(
            Sweep(f"samples-{name}", "samples", _SAMPLES, {"estimator": name, "temperature": 0.2})
            for name in ESTIMATORS
        ),
        Sweep("estimator", "estimator", ESTIMATORS, {"temperature": 0.5}, (256,)),
    )  # fmt: skip


def _population(name: str, law: Law, parameters: Parameters) -> Population:
    return Population(
        name=name,
        operator="occupancy_entropy",
        parameters=parameters,
        draw=lambda rng, rows, samples: _draw(law, rng, rows, samples),
        arrays=lambda noise, at, options: _arrays(law, noise, at, options),
        pathwise=lambda noise, at: law.slopes(noise["noise"], at),
        cotangents=lambda output, noise, at: {_ENTROPY: np.ones_like(output)},
        batch_objective=lambda output, noise, at: {_ENTROPY: output},
        objective=lambda at: entropy(law, at),
        gradient=lambda at: entropy_gradient(law, at),
        sweeps=_sweeps(),
        differentiated="z",
        source=SOURCE,
    )


POPULATIONS = (
    _population("normal", NORMAL, {"mu": 0.5, "sigma": 1.0}),
    _population("rarely-on", NORMAL, {"mu": -1.5, "sigma": 0.8}),
    _population("mixture", mixture(-1.0, 0.5), {"weight": 0.4, "mu": 1.0, "sigma": 0.7}),
)
