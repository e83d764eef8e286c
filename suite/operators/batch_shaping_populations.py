"""Batch shaping of a population: the Cramer-von Mises distance of a law to a prior.

    J(theta) = E (F_x(x; theta) - F(x))^2 = integral_0^1 (u - F(Q(u; theta)))^2 du
    dJ/dtheta = 2 E (F(x) - F_x(x)) f(x) dx/dtheta

with x = Q(u; theta) of a law (``suite.laws``), F and f the prior's CDF and density. The loss of a
batch tends to J. At a plotting position p = d (i - c) its expectation is, exactly, J plus

    2 E[u F] - 2 d E[(1 - c + (N - 1) u) F]        (and terms free of theta)

so "hazen" errs by 2/N (E[u F] - E[F]/2), "weibull" by 2N/(N+1) times as much, "ecdf" by 2/N (E[u F]
- E[F]); (i - 1)/(N - 1) would not err.

Expectations are quadratures in the noise, good to 1e-10.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from suite.laws import BETA, NORMAL, UNIFORM, Law, Parameters, mixture
from suite.operators.population import Population, Sweep
from suite.plotting_positions import PLOTTING_POSITIONS
from suite.priors import PRIORS

SOURCE = "B. E. Bejnordi et al., 2020, arXiv 1907.06627; quadrature of its limit"
_LOSS = "distance"
_SAMPLES = (32, 128, 512, 2048, 8192)


def distance(law: Law, parameters: Parameters, prior: Mapping[str, Any]) -> float:
    """J; ``prior`` holds the operator's prior, a, b and from_logits."""
    x = law.sample(law.noise.nodes, parameters)
    return law.expectation((law.noise.cdf(law.noise.nodes) - _cdf(prior, x)) ** 2)


def distance_gradient(
    law: Law, parameters: Parameters, prior: Mapping[str, Any]
) -> dict[str, float]:
    """dJ/dtheta for every parameter of the law."""
    nodes = law.noise.nodes
    x = law.sample(nodes, parameters)
    fall = 2 * (_cdf(prior, x) - law.noise.cdf(nodes)) * _pdf(prior, x)
    slopes = law.slopes(nodes, parameters)
    return {name: law.expectation(fall * slope) for name, slope in slopes.items()}


def _cdf(prior: Mapping[str, Any], x: np.ndarray) -> np.ndarray:
    of = PRIORS[prior["prior"]]
    return of.cdf(x, prior["a"], prior["b"], from_logits=prior["from_logits"])


def _pdf(prior: Mapping[str, Any], x: np.ndarray) -> np.ndarray:
    of = PRIORS[prior["prior"]]
    return of.pdf(x, prior["a"], prior["b"], from_logits=prior["from_logits"])


def _sweeps(options: Mapping[str, Any], samples: tuple[int, ...]) -> tuple[Sweep, ...]:
    """Batch sizes at every plotting position, and the positions against each other."""
    return (
        *(
            Sweep(f"samples-{position}", "samples", samples,
                  {**options, "plotting_position": position})
            for position in PLOTTING_POSITIONS
        ),
        Sweep("plotting_position", "plotting_position", PLOTTING_POSITIONS, options, (32, 256)),
    )  # fmt: skip


def _population(
    name: str,
    law: Law,
    parameters: Parameters,
    prior: str,
    a: float,
    b: float,
    *,
    from_logits: bool = False,
    samples: tuple[int, ...] = _SAMPLES,
) -> Population:
    shape: dict[str, Any] = {"prior": prior, "a": a, "b": b, "from_logits": from_logits}
    return Population(
        name=name,
        operator="batch_shaping",
        parameters=parameters,
        draw=lambda rng, rows, samples: {"noise": law.noise.draw(rng, (rows, samples))},
        arrays=lambda noise, at, options: {"x": law.sample(noise["noise"], at)},
        pathwise=lambda noise, at: law.slopes(noise["noise"], at),
        cotangents=lambda output, noise, at: {_LOSS: np.ones_like(output)},
        batch_objective=lambda output, noise, at: {_LOSS: output},
        objective=lambda at: {_LOSS: distance(law, at, shape)},
        gradient=lambda at: {_LOSS: distance_gradient(law, at, shape)},
        sweeps=_sweeps({**shape, "reduction": "none"}, samples),
        source=SOURCE,
    )


POPULATIONS = (
    _population("normal-to-normal", NORMAL, {"mu": 0.3, "sigma": 1.2}, "normal", 0.0, 1.0,
                samples=(*_SAMPLES, 65536)),
    _population("beta-to-beta", BETA, {"a": 2.0, "b": 5.0}, "beta", 0.6, 0.4),
    _population("beta-to-relaxed_bernoulli", BETA, {"a": 1.5, "b": 1.2},
                "relaxed_bernoulli", 0.3, 0.7),
    _population("uniform_logits-to-relaxed_bernoulli", UNIFORM, {"location": 0.0, "width": 8.0},
                "relaxed_bernoulli", 0.3, 0.5, from_logits=True, samples=(*_SAMPLES, 65536)),
    _population("normal_logits-to-beta", NORMAL, {"mu": 0.5, "sigma": 1.5}, "beta", 0.6, 0.4,
                from_logits=True),
    _population("mixture-to-normal", mixture(-1.0, 0.5), {"weight": 0.4, "mu": 1.0, "sigma": 0.7},
                "normal", 0.0, 1.0, samples=(*_SAMPLES, 65536)),
)  # fmt: skip
