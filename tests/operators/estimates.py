"""What batches of a population estimate, by an operator's own reference; and how far off it is."""

import numpy as np

from suite import operators
from suite.operators import populations

STATED = [population for name in operators.names() for population in populations.of(name)]
NAMED = {(population.operator, population.name): population for population in STATED}
# Options with which the operator's value is right in the limit of many samples.
LIMIT = {
    "batch_shaping": {"plotting_position": "hazen"},
    "soft_histogram": {"kernel": "gaussian", "bandwidth": 1e-3},
    "ecdf": {"surrogate": "identity", "scale": None},
    "occupancy_entropy": {"estimator": "straight_through", "temperature": 1.0},
}


def rng(seed=0):
    return np.random.Generator(np.random.Philox(seed))


def settings(population):
    """(options, N) of every point of every sweep."""
    for sweep in population.sweeps:
        for value in sweep.values:
            if sweep.knob == "samples":
                yield dict(sweep.options), value
            else:
                yield from ((dict(sweep.options) | {sweep.knob: value}, n) for n in sweep.samples)


def options_of(population, **changes):
    """Those of the first sweep, changed."""
    return {**next(settings(population))[0], **LIMIT[population.operator], **changes}


def gradients(population, rows, samples, options, seed=0):
    """{(component, parameter): (R,)}: every batch's estimate by the operator's own reference."""
    operator, at = operators.get(population.operator), population.parameters
    noise = population.draw(rng(seed), rows, samples)
    arrays = population.arrays(noise, at, options)
    output = operator.reference(**arrays, **options)
    paths = population.pathwise(noise, at)
    found = {}
    for component, cotangent in population.cotangents(output, noise, at).items():
        wrt = (population.differentiated,)
        gradient = operator.reference_gradient(cotangent, wrt, **arrays, **options)[wrt[0]]
        found |= {(component, name): (gradient * path).sum(axis=1) for name, path in paths.items()}
    return found


def apart(estimates, expected):
    """How many standard errors the mean of the estimates is from what is expected."""
    return (estimates.mean() - expected) / (estimates.std(ddof=1) / np.sqrt(len(estimates)))


def slope(function, parameters, name):
    """Five-point central difference of a function of parameters, an array."""
    step = 2e-3 * max(0.5, abs(parameters[name]))
    at = [function({**parameters, name: parameters[name] + k * step}) for k in (1, -1, 2, -2)]
    return (8 * (at[0] - at[1]) - (at[2] - at[3])) / (12 * step)
