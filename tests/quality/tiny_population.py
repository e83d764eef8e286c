"""A population small enough for tests: the share of N(mu, sigma) above a threshold, by soft cuts.

    J = P(x > t) = Phi((mu - t) / sigma),    x = mu + sigma e

which a soft cut of infinite steepness estimates without bias.
"""

import numpy as np
from scipy import special

from suite.operators.population import Population, Sweep

THRESHOLD = 0.25


def _gradient(at):
    z = (at["mu"] - THRESHOLD) / at["sigma"]
    bell = np.exp(-0.5 * z * z) / np.sqrt(2 * np.pi)
    return {"share": {"mu": bell / at["sigma"], "sigma": -bell * z / at["sigma"]}}


POPULATION = Population(
    name="normal",
    operator="soft_cut",
    parameters={"mu": 0.8, "sigma": 1.1},
    draw=lambda rng, rows, samples: {"e": rng.normal(size=(rows, samples))},
    arrays=lambda noise, at, options: {"x": at["mu"] + at["sigma"] * noise["e"]},
    pathwise=lambda noise, at: {"mu": np.ones_like(noise["e"]), "sigma": noise["e"]},
    cotangents=lambda output, noise, at: {"share": np.full_like(output, 1 / output.shape[1])},
    batch_objective=lambda output, noise, at: {"share": output.mean(axis=1)},
    objective=lambda at: {"share": float(special.ndtr((at["mu"] - THRESHOLD) / at["sigma"]))},
    gradient=_gradient,
    sweeps=(
        Sweep("steepness", "steepness", (2.0, 8.0), {"threshold": THRESHOLD}, (32,)),
        Sweep("samples-8", "samples", (32, 256), {"threshold": THRESHOLD, "steepness": 8.0}),
        Sweep("samples-1", "samples", (32, 256), {"threshold": THRESHOLD, "steepness": 1.0}),
    ),
    source="closed form",
)


def of(operator):
    """This population, for soft cuts."""
    return (POPULATION,) if operator == "soft_cut" else ()
