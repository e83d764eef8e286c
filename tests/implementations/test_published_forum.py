"""The forum's formulas are what its sentences and its closure say, computed here by NumPy."""

import math

import numpy as np
import torch
from scipy import special, stats
from torch.testing import assert_close

from suite import load

ECDF = load("ecdf", "published_forum")
ENTROPY = load("occupancy_entropy", "published_forum")
BERNOULLI = load("occupancy_entropy", "published_forum_bernoulli")


def draws(*shape):
    return np.random.Generator(np.random.Philox(6)).normal(size=shape)


def slope(function, x, cotangent, **options):
    x = torch.tensor(x, requires_grad=True)
    return torch.autograd.grad(function(x, **options), x, torch.tensor(cotangent))[0].numpy()


def test_the_ecdf_is_argsort_over_its_largest_index_row_by_row():
    x = draws(4, 9)
    got = ECDF(torch.tensor(x)).numpy()
    np.testing.assert_allclose(got, np.argsort(x, axis=1) / 8, atol=1e-6)
    assert np.abs(got - stats.rankdata(x, axis=1) / 9).max() > 0.5


def test_the_ecdfs_gradient_goes_straight_through():
    x, cotangent = draws(2, 3, 7)
    assert (slope(ECDF, x, cotangent) == cotangent).all()


def test_the_bracket_costs_the_position_what_the_sample_has_no_digits_for():
    x = torch.tensor([[2.0**24, 2.0**24 + 2, 2.0**24 + 4]])
    assert abs(ECDF(x)[0, 1] - 0.5) == 0.5
    assert_close(ECDF(x - 2.0**24), torch.tensor([[0.0, 0.5, 1.0]]))


def test_a_hot_sigmoids_entropy_is_that_of_its_mean_with_temperature_one_over_h():
    z = draws(3, 50)
    p = special.expit(4 * z).mean(axis=1)
    got = ENTROPY(torch.tensor(z), estimator="sigmoid", temperature=0.25)
    np.testing.assert_allclose(got, special.entr(p) + special.entr(1 - p), rtol=1e-12)


def test_hard_states_have_the_sigmoids_slope_and_noise_is_added_before_the_steepness():
    z, noise = draws(2, 3, 50)
    v = 2 * (z + noise)
    p = (v > 0).mean(axis=1)
    options = {"temperature": 0.5, "noise": torch.tensor(noise)}
    for estimator in ("straight_through", "gumbel_straight_through"):
        got = ENTROPY(torch.tensor(z), estimator=estimator, **options)
        np.testing.assert_allclose(got, special.entr(p) + special.entr(1 - p), rtol=1e-12)
        found = slope(ENTROPY, z, np.ones(3), estimator=estimator, **options)
        s = special.expit(v)
        want = np.log((1 - p) / p)[:, None] * 2 * s * (1 - s) / 50
        np.testing.assert_allclose(found, want, rtol=1e-9)


def test_bernoullis_entropy_is_the_mean_over_samples_and_its_slope_is_exact_in_the_middle():
    z = draws(3, 50)
    s = special.expit(2 * z)
    got = BERNOULLI(torch.tensor(z), estimator="mean_bernoulli", temperature=0.5)
    np.testing.assert_allclose(got, stats.bernoulli.entropy(s).mean(axis=1), rtol=1e-9)
    found = slope(BERNOULLI, z, np.ones(3), estimator="mean_bernoulli", temperature=0.5)
    np.testing.assert_allclose(found, -2 * z * s * (1 - s) * 2 / 50, rtol=1e-9)


def test_a_unit_that_never_switches_is_nan_and_leaves_the_others():
    z = np.array([[1.0, -1.0], [-30.0, -30.0]])
    got = ENTROPY(torch.tensor(z), estimator="straight_through").numpy()
    assert got[0] == math.log(2) and math.isnan(got[1])
