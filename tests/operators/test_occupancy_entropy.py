"""Occupancy entropy's reference: entropies by SciPy and mpmath, gradients as they are defined."""

import mpmath as mp
import numpy as np
import pytest
from scipy import stats
from scipy.special import expit

from suite.judge.correctness import expected, units
from suite.operators.occupancy_entropy import (
    ESTIMATORS,
    OPERATOR,
    reference,
    reference_gradient,
)


def philox(seed):
    return np.random.Generator(np.random.Philox(seed))


def gradient(cotangent, z, **options):
    return reference_gradient(cotangent, ("z",), z, **options)["z"]


def slopes(objective, z, step=1e-6):
    result = np.empty(z.shape)
    for index in np.ndindex(z.shape):
        move = np.zeros(z.shape)
        move[index] = step
        result[index] = (objective(z + move) - objective(z - move)) / (2 * step)
    return result


@pytest.mark.parametrize("noisy", (False, True))
def test_sigmoid_is_the_entropy_of_the_mean_probability(noisy):
    z, noise = philox(1).normal(size=(2, 3, 20))
    noise = noise if noisy else None
    p = expit((z + (noise if noisy else 0)) / 0.4).mean(axis=1)
    got = reference(z, estimator="sigmoid", temperature=0.4, noise=noise)
    np.testing.assert_allclose(got, stats.bernoulli(p).entropy(), rtol=1e-12)


def test_mean_bernoulli_is_the_mean_entropy_of_the_samples():
    z = philox(2).normal(size=(3, 20))
    got = reference(z, estimator="mean_bernoulli", temperature=0.4)
    entropies = stats.bernoulli(expit(z / 0.4)).entropy()
    np.testing.assert_allclose(got, entropies.mean(axis=1), rtol=1e-12)


@pytest.mark.parametrize("estimator", ("straight_through", "gumbel_straight_through"))
def test_the_hard_estimators_count(estimator):
    z = np.array([[1.0, -1.0, 2.0, 0.0], [1.0, 1.0, 1.0, 1.0], [-1.0, -1.0, -1.0, -1.0]])
    noise = np.array([[0.0, 3.0, 0.0, 0.0], [0.0] * 4, [0.0] * 4])
    got = reference(z, estimator=estimator, temperature=0.1, noise=noise)
    np.testing.assert_allclose(got, [stats.bernoulli(0.75).entropy(), 0, 0], rtol=1e-15)


def test_entropy_of_the_mean_is_never_below_the_mean_entropy():
    """Jensen, as h is concave: the forum's two readings differ by the mutual information."""
    z = philox(3).normal(size=(50, 30))
    of_mean = reference(z, estimator="sigmoid", temperature=0.5)
    mean_of = reference(z, estimator="mean_bernoulli", temperature=0.5)
    assert (of_mean - mean_of).min() > 0.01


def test_hot_sigmoids_approach_the_count():
    z = philox(4).normal(size=(5, 40))
    hard = reference(z, estimator="straight_through")
    gaps = [
        np.abs(reference(z, estimator="sigmoid", temperature=t) - hard).max()
        for t in (1, 0.1, 1e-4)
    ]
    assert gaps[0] > gaps[1] > gaps[2]
    assert gaps[2] < 1e-3


@pytest.mark.parametrize("estimator", ("sigmoid", "mean_bernoulli"))
@pytest.mark.parametrize("noisy", (False, True))
def test_soft_gradients_are_slopes(estimator, noisy):
    z, noise = philox(5).normal(size=(2, 2, 9))
    z += 1.0
    g = philox(6).uniform(0.5, 1.5, size=2)
    options = {"estimator": estimator, "temperature": 0.7, "noise": noise if noisy else None}
    expected_slopes = slopes(lambda z: (g * reference(z, **options)).sum(), z)
    assert np.abs(expected_slopes).max() > 1e-2
    np.testing.assert_allclose(gradient(g, z, **options), expected_slopes, atol=1e-9)


@pytest.mark.parametrize("estimator", ("straight_through", "gumbel_straight_through"))
def test_hard_gradients_go_through_the_sigmoids_mean(estimator):
    """The entropy's slope is taken at the count, the probability's from the sigmoid."""
    z, noise = philox(7).normal(size=(2, 3, 12))
    g, k = np.array([1.0, -2.0, 0.5]), (z + noise > 0).sum(axis=1)
    assert ((k > 0) & (k < 12) & (k != 6)).all()
    means = slopes(lambda z: expit((z + noise) / 0.3).mean(axis=1).sum(), z)
    entropy_slope = np.log((12 - k) / k)
    got = gradient(g, z, estimator=estimator, temperature=0.3, noise=noise)
    np.testing.assert_allclose(got, (g * entropy_slope)[:, None] * means, atol=1e-9)


def test_dead_and_stuck_units_have_no_entropy_but_can_revive():
    z = np.array([[-0.5, -1.0, -2.0], [0.5, 1.0, 2.0]])
    np.testing.assert_array_equal(reference(z, estimator="straight_through"), [0, 0])
    got = gradient(np.ones(2), z, estimator="straight_through")
    push = np.log(5) * expit(z) * expit(-z) / 3
    np.testing.assert_allclose(got, [push[0], -push[1]], rtol=1e-12)


@pytest.mark.parametrize("z", (-300.0, -40.0, 40.0, 300.0))
@pytest.mark.parametrize("estimator", ("sigmoid", "mean_bernoulli"))
def test_saturated_units_keep_their_relative_accuracy(estimator, z):
    """With all samples at z both soft estimators are h(sigmoid(z)), tiny, with slope -z s (1-s)."""
    with mp.workdps(200):
        p = 1 / (1 + mp.exp(-mp.mpf(z)))
        entropy = -p * mp.log(p) - (1 - p) * mp.log(1 - p)
        slope = -mp.mpf(z) * p * (1 - p) / 4
        entropy, slope = float(entropy), float(slope)
    batch = np.full((1, 4), z)
    assert 0 < entropy < 1e-15
    assert reference(batch, estimator=estimator)[0] == pytest.approx(entropy, rel=1e-12)
    assert gradient(np.ones(1), batch, estimator=estimator)[0] == pytest.approx(slope, rel=1e-12)


@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize("size", (1e4, 1e300, np.inf))
def test_no_pre_activation_is_too_large(estimator, size):
    z = np.array([[-size, -size], [size, size], [-size, size]])
    noise = np.zeros_like(z)
    options = {"estimator": estimator, "temperature": 0.5, "noise": noise}
    hard = [0, 0, 0 if estimator == "mean_bernoulli" else np.log(2)]
    np.testing.assert_allclose(reference(z, **options), hard, atol=1e-15)
    np.testing.assert_array_equal(gradient(np.ones(3), z, **options), np.zeros((3, 2)))


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_a_nan_spoils_its_unit_and_no_other(estimator):
    z, noise = philox(8).normal(size=(2, 3, 6))
    options = {"estimator": estimator, "noise": noise}
    clean = reference(z, **options), gradient(np.ones(3), z, **options)
    z[1, 4] = np.nan
    got = reference(z, **options), gradient(np.ones(3), z, **options)
    for now, before in zip(got, clean, strict=True):
        assert np.isnan(now[1]).all()
        np.testing.assert_array_equal(now[[0, 2]], before[[0, 2]])


@pytest.mark.parametrize("error", OPERATOR.error_cases, ids=lambda error: error.name)
def test_bad_input_is_named(error):
    with pytest.raises(error.raises) as caught:
        OPERATOR.check(**error.arguments)
    assert all(word in str(caught.value) for word in error.match)


QUICK = [c for c in OPERATOR.cases if c.profile == "quick" and c.sizes["N"] < 1000]


@pytest.mark.parametrize("case", QUICK, ids=lambda case: case.name)
def test_tolerances_tell_the_reference_from_zero_and_from_a_near_miss(case):
    want = expected(OPERATOR, case, base=0)
    for name, value in want.reference.items():
        for fake in (np.zeros_like(value), 1.02 * value):
            assert units(fake, value, want.allowed[name]).max() > 1
        assert want.allowed[name].shape == value.shape


def test_every_estimator_has_a_quick_case():
    quick = {c.options["estimator"] for c in OPERATOR.cases if c.profile == "quick"}
    assert quick == set(ESTIMATORS)
    assert sum(c.representative for c in OPERATOR.cases) == 2
