"""The ECDF of a population: a noisy map whose output should be where its input is in its law.

    x = theta v + s e,   v and e standard normal
    J = E (F_x(x) - F_v(v))^2 = 1/6 - asin(rho/2) / pi,   rho = theta / sqrt(theta^2 + s^2)
    dJ/drho = -1 / (pi sqrt(4 - rho^2))

F_x(x) and F_v(v) are uniform, so each square has the mean 1/3; their product has 1/4 + asin(rho/2)
/ (2 pi), which is the probability that two normal variables of correlation rho/2 are both
negative. With s = 0 every increasing map has J = 0 and no gradient, hence the noise; a decreasing
map (theta < 0) must be turned round. A batch has F_v exactly and F_x by the operator.

In the limit of many samples the surrogates' gradients are, with g = 2 (F_x(x) - F_v(v)) and D =
(v, e) = dx/d(theta, s): identity E[g D], density E[g f_x(x) D], and soft_rank the true
E[g f_x(x) (D - E[D | x])], the last two for scale -> 0. The density's lacks the change of the law.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from scipy.special import ndtr

from suite.operators.population import Population, Sweep

SOURCE = 'PyTorch forum, "Differentiating w.r.t. empirical probability distributions"; closed form'
_LOSS = "distance"
_SCALES = (0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0)
_SAMPLES = {"identity": (32, 128, 512, 2048, 8192, 65536), "pairs": (32, 128, 512, 2048)}


def distance(parameters: Mapping[str, float]) -> dict[str, float]:
    """J."""
    rho = parameters["theta"] / np.hypot(parameters["theta"], parameters["s"])
    return {_LOSS: float(1 / 6 - np.arcsin(rho / 2) / np.pi)}


def distance_gradient(parameters: Mapping[str, float]) -> dict[str, dict[str, float]]:
    """dJ/dtheta and dJ/ds."""
    theta, s = parameters["theta"], parameters["s"]
    size = np.hypot(theta, s)
    by_rho = -1 / (np.pi * np.sqrt(4 - (theta / size) ** 2))
    return {
        _LOSS: {
            "theta": float(by_rho * s**2 / size**3),
            "s": float(-by_rho * theta * s / size**3),
        }
    }


def _draw(rng: np.random.Generator, rows: int, samples: int) -> dict[str, np.ndarray]:
    return {"v": rng.normal(size=(rows, samples)), "e": rng.normal(size=(rows, samples))}


def _residual(output: np.ndarray, noise: Mapping[str, np.ndarray]) -> np.ndarray:
    return output - ndtr(noise["v"])


def _sweeps() -> tuple[Sweep, ...]:
    """The batch size for every surrogate, the scale for those that have one."""
    position = {"plotting_position": "hazen"}
    identity = {**position, "surrogate": "identity", "scale": None}
    sweeps = [Sweep("samples-identity", "samples", _SAMPLES["identity"], identity)]
    for surrogate in ("density", "soft_rank"):
        options = {**position, "surrogate": surrogate}
        sweeps += [
            Sweep(f"scale-{surrogate}", "scale", _SCALES, options, (64, 512)),
            Sweep(f"samples-{surrogate}", "samples", _SAMPLES["pairs"], {**options, "scale": 0.2}),
        ]
    return tuple(sweeps)


def _population(name: str, theta: float, s: float) -> Population:
    return Population(
        name=name,
        operator="ecdf",
        parameters={"theta": theta, "s": s},
        draw=_draw,
        arrays=lambda noise, at, options: {"x": at["theta"] * noise["v"] + at["s"] * noise["e"]},
        pathwise=lambda noise, at: {"theta": noise["v"], "s": noise["e"]},
        cotangents=lambda output, noise, at: {
            _LOSS: 2 * _residual(output, noise) / output.shape[1]
        },
        batch_objective=lambda output, noise, at: {
            _LOSS: (_residual(output, noise) ** 2).mean(axis=1)
        },
        objective=distance,
        gradient=distance_gradient,
        sweeps=_sweeps(),
        source=SOURCE,
    )


POPULATIONS = (
    _population("increasing", 1.0, 0.5),
    _population("noisy", 0.4, 1.0),
    _population("decreasing", -0.8, 0.6),
)
