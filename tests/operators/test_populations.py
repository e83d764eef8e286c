"""What every population owes: exact gradients against differences and Monte Carlo."""

import numpy as np
import pytest
from estimates import (
    NAMED,
    STATED,
    options_of,
    rng,
    settings,
    slope,
)

from suite import operators
from suite.operators import populations

EVERY = pytest.mark.parametrize(
    "population", STATED, ids=lambda population: f"{population.operator}-{population.name}"
)
ESTIMATING = ("batch_shaping", "ecdf", "occupancy_entropy", "soft_histogram")


def test_operators_with_a_distribution_to_estimate_have_populations():
    assert tuple(sorted({population.operator for population in STATED})) == ESTIMATING
    assert len(NAMED) == len(STATED)
    assert populations.of("soft_cut") == ()


@pytest.mark.parametrize("operator", ESTIMATING)
def test_batches_from_32_to_65536_are_tried(operator):
    sizes = {n for p in populations.of(operator) for _, n in settings(p)}
    assert {32, 65536} <= sizes


@EVERY
def test_every_setting_is_a_call_that_the_operator_takes(population):
    operator = operators.get(population.operator)
    names = [sweep.name for sweep in population.sweeps]
    assert len(set(names)) == len(names)
    noise = population.draw(rng(), 2, 6)
    for options, _ in settings(population):
        arrays = population.arrays(noise, population.parameters, options)
        assert arrays[population.differentiated].dtype == np.float64
        operator.check(**arrays, **options)
        operator.check_values(**arrays, **options)


@EVERY
def test_noise_comes_from_the_generator_alone(population):
    first, again, other = (population.draw(rng(seed), 2, 40) for seed in (1, 1, 2))
    for name, noise in first.items():
        np.testing.assert_array_equal(noise, again[name])
        assert (noise != other[name]).all()


@EVERY
def test_the_gradient_is_the_slope_of_the_objective(population):
    at = population.parameters
    gradient = population.gradient(at)
    assert set(gradient) == set(population.objective(at))
    for name in at:
        slopes = slope(lambda p: np.array(list(population.objective(p).values())), at, name)
        exact = np.array([gradient[component][name] for component in population.objective(at)])
        np.testing.assert_allclose(exact, slopes, rtol=0, atol=1e-9)
        assert np.abs(exact).max() > 1e-3


@EVERY
def test_paths_are_the_slopes_of_the_samples(population):
    at, noise = population.parameters, population.draw(rng(), 3, 500)
    options = next(settings(population))[0]
    paths = population.pathwise(noise, at)
    assert set(paths) == set(at)
    for name, path in paths.items():
        slopes = slope(
            lambda p: population.arrays(noise, p, options)[population.differentiated], at, name
        )
        np.testing.assert_allclose(path, slopes, rtol=1e-6, atol=1e-7)


@EVERY
def test_cotangents_are_the_slopes_of_the_batch_objective(population):
    at, noise, options = (
        population.parameters,
        population.draw(rng(), 3, 40),
        options_of(population),
    )
    arrays = population.arrays(noise, at, options)
    output = operators.get(population.operator).reference(**arrays, **options)
    along = rng(1).normal(size=output.shape)
    up, down = (
        population.batch_objective(output + step * along, noise, at) for step in (1e-4, -1e-4)
    )
    for component, cotangent in population.cotangents(output, noise, at).items():
        pushed = (cotangent * along).reshape(3, -1).sum(axis=1)
        np.testing.assert_allclose(pushed, (up[component] - down[component]) / 2e-4, rtol=1e-8)


@EVERY
def test_batches_tend_to_the_objective(population):
    at, options, rows, samples = population.parameters, options_of(population), 40, 4000
    noise = population.draw(rng(), rows, samples)
    arrays = population.arrays(noise, at, options)
    output = operators.get(population.operator).reference(**arrays, **options)
    objective = population.objective(at)
    found = population.batch_objective(output, noise, at)
    assert set(found) == set(objective)
    for component, values in found.items():
        error = 4.5 * values.std(ddof=1) / np.sqrt(rows) + 1 / samples
        assert values.shape == (rows,)
        assert abs(values.mean() - objective[component]) < error, component
        if objective[component] > 0.01:
            assert error < 0.2 * objective[component]
