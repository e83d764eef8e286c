"""Exact gradients of energies' losses: batches average to them, and they are the likelihood's."""

import numpy as np
import pytest

from suite.quality.energy.gradients import Losses
from suite.quality.energy.populations import gaussian, ring
from suite.quality.energy.settings import LIKELIHOOD, OWN, generator, populations, settings
from suite.quality.energy.targets import TARGETS, grid, likelihood_lost, mean_discrepancy

POPULATIONS = populations()
WAYS = {(s.population, s.loss): s for s in settings() if s.population in ("gaussian-2", "ring")}


@pytest.mark.parametrize("setting", WAYS.values(), ids=lambda s: s.name)
def test_batches_average_to_the_exact_gradient_of_their_own_population(setting):
    population = POPULATIONS[setting.population]
    truth = setting.truth(population, OWN)
    if truth is None:
        truth, most = setting.truth(population, LIKELIHOOD), 0.97  # CD has no closed form here.
    else:
        most = 0.0
    losses = Losses("torch_eager", "float64")
    batches = (setting.arguments(population, generator(setting, b)) for b in range(200))
    found = np.stack([losses.gradient(setting.loss, batch) for batch in batches])
    error = np.linalg.norm(found.mean(axis=0) - truth)
    noise = np.sqrt(found.var(axis=0).sum() / 200)
    assert error < max(4 * noise, most * np.linalg.norm(truth))
    assert np.linalg.norm(truth) > 4 * noise


@pytest.mark.parametrize("population", [gaussian(2), gaussian(16), ring()], ids=lambda p: p.name)
def test_a_long_chain_or_no_blur_is_the_limit(population):
    if population.contrastive is not None:
        far = population.contrastive(20_000, 1e-3)
        np.testing.assert_allclose(far, population.likelihood(), atol=2e-3)
    near, exact = population.score_matching(1e-4), population.score_matching(0.0)
    np.testing.assert_allclose(near, exact, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("target", TARGETS.values(), ids=lambda t: t.name)
def test_a_target_loses_nothing_by_its_own_density_and_a_constant_energy_what_it_is_worth(target):
    points, cell = grid()
    p = target.density(points)
    assert cell * p.sum() == pytest.approx(1, abs=1e-6)
    with np.errstate(divide="ignore"):
        energy = np.minimum(-np.log(p), 1e3)
    assert likelihood_lost(target, energy) == pytest.approx(0, abs=1e-6)
    assert likelihood_lost(target, energy + 7) == pytest.approx(0, abs=1e-6)
    assert likelihood_lost(target, 0 * energy) > 1


def test_the_discrepancy_of_two_draws_is_about_zero_and_of_shifted_ones_is_not():
    x, y = np.random.Generator(np.random.Philox(1)).normal(size=(2, 1000, 2))
    assert abs(mean_discrepancy(x, y)) < 0.01 < mean_discrepancy(x, y + 0.5)
