"""How good the forum's gradient is: carried back to a map's parameters, against the population's.

Maps, objective and exact gradient are those of ``suite.operators.ecdf_populations``.
"""

from __future__ import annotations

import functools

import numpy as np
from scipy import stats

from suite.judge.gradients import ALL, quality
from suite.operators.ecdf_populations import POPULATIONS
from suite.operators.population import Population
from suite.reproduce.claims import Evidence, Record, Trial
from suite.reproduce.forum_network import SAMPLES
from suite.reproduce.training import Engine, Objective
from suite.reproduce.verdicts import Control, short

BATCHES, RESAMPLES = 200, 50
MAPS = tuple(population.name for population in POPULATIONS)
DESCENDING, CORRELATED = 0.9, 0.99
"""Share of batches whose step must go down; correlation with the ranks that an ECDF must have."""


@functools.cache
def objective(implementation: str) -> Objective:
    """The sum over rows of the forum's loss of outputs x (R, N) and inputs v (R, N)."""
    engine = Engine.of("ecdf", implementation)

    def loss(x, v):
        return ((engine.call(v) - engine.call(x)) ** 2).mean(1).sum()

    return Objective(engine.framework, loss, ("x",), device=engine.device)


def run(trial: Trial) -> Record:
    """cosine, cosine_of_mean, scale / MAP: as ``suite.judge.gradients``. down / MAP: share of
    batches whose step descends. correlation: of the ECDF at normal samples with their ranks."""
    numbers = {}
    for population in POPULATIONS:
        estimates, truth = _estimates(trial, population)
        rng = trial.rng(f"bootstrap of {population.name}")
        names = tuple(population.parameters)
        found = quality(estimates, truth, names, rng, resamples=RESAMPLES).statistics[ALL]
        for name in ("cosine", "cosine_of_mean", "scale"):
            numbers[f"{name}/{population.name}"] = found[name].value
        numbers[f"down/{population.name}"] = float(np.mean(estimates @ truth > 0))
    engine, samples = Engine.of("ecdf", trial.implementation), trial.rng("samples").normal(size=500)
    given = engine.framework.array(samples.reshape(1, -1), "float32", engine.device)
    position = engine.framework.numpy(engine.call(given))[0]
    numbers["correlation"] = float(np.corrcoef(position, stats.rankdata(samples))[0, 1])
    return Record(numbers)


def _estimates(trial: Trial, population: Population) -> tuple[np.ndarray, np.ndarray]:
    """Gradients of batches to the map's parameters, and the exact one."""
    at, names = population.parameters, tuple(population.parameters)
    noise = population.draw(trial.rng(f"batches of {population.name}"), BATCHES, SAMPLES)
    x = population.arrays(noise, at, {})["x"]
    slopes = objective(trial.implementation).gradients({"x": x}, {"v": noise["v"]})[1]["x"]
    paths = population.pathwise(noise, at)
    (exact,) = population.gradient(at).values()
    estimates = np.stack([(slopes * paths[name]).sum(axis=1) for name in names], axis=1)
    return estimates, np.array([exact[name] for name in names])


def is_ecdf(evidence: Evidence) -> Control:
    """Refuted when what is called the ECDF does not go with the ranks."""
    found = evidence.exact.numbers["correlation"]
    says = f"its correlation with the ranks of 500 normal samples is {short(found)}"
    return Control(says, found < CORRELATED)


def passes(evidence: Evidence) -> Control:
    """Refuted when steps along it do not descend for every map."""
    n = evidence.exact.numbers
    told = ", ".join(
        f"{each} {short(n[f'cosine/{each}'], 2)}, {100 * n[f'down/{each}']:.0f}%, "
        f"{short(n[f'scale/{each}'], 2)} times"
        for each in MAPS
    )
    says = (
        "cosine of a batch's gradient with the population's, batches that descend, and how many "
        f"times the population's their mean is: {told}"
    )
    return Control(says, any(n[f"down/{each}"] < DESCENDING for each in MAPS))
