"""The float64 truth of the priors: against mpmath, against each other, at the edges."""

import mpmath as mp
import numpy as np
import pytest
from scipy import special, stats

from suite.incomplete_beta import UnitSample
from suite.incomplete_beta import incomplete_beta as of_sample
from suite.priors import PRIORS

PARAMETERS = (0.05, 0.4, 1.0, 3.0, 50.0)
STEP = mp.mpf(10) ** -12


@pytest.fixture(autouse=True)
def forty_digits():
    with mp.workdps(40):
        yield


def incomplete_beta(x, a, b):
    return of_sample(UnitSample.of(x, from_logits=False), a, b)


def slope(function):
    """Derivative at 0 by the fourth-order central difference: good to 1e-25 with 40 digits."""
    near, far = function(STEP) - function(-STEP), function(2 * STEP) - function(-2 * STEP)
    return (8 * near - far) / (12 * STEP)


def beta_truth(x, a, b):
    """I_x(a, b), its derivatives in a and b, and the density, by mpmath."""
    x, a, b = mp.mpf(x), mp.mpf(a), mp.mpf(b)

    def cdf(da=0, db=0):
        return mp.betainc(a + da, b + db, 0, x, regularized=True)

    density = x ** (a - 1) * (1 - x) ** (b - 1) / mp.beta(a, b)
    return cdf(), slope(lambda e: cdf(da=e)), slope(lambda e: cdf(db=e)), density


def relative(value, truth):
    return abs(float(mp.mpf(float(value)) - truth)) / max(1.0, abs(float(truth)))


@pytest.mark.parametrize("a", PARAMETERS)
@pytest.mark.parametrize("b", PARAMETERS)
def test_incomplete_beta_and_its_derivatives_are_mpmaths(a, b):
    swap = (a + 1) / (a + b + 2)
    x = np.array([1e-12, 0.03, 0.5, 0.97, 1 - 1e-9, swap, np.nextafter(swap, 1), a / (a + b)])
    prior = PRIORS["beta"]
    value, d_a, d_b = incomplete_beta(x, a, b)
    cdf, pdf = prior.cdf(x, a, b), prior.pdf(x, a, b)
    for i, point in enumerate(x):
        truth = beta_truth(point, a, b)
        assert relative(cdf[i], truth[0]) < 2e-15
        assert relative(value[i], truth[0]) < 5e-14
        assert relative(d_a[i], truth[1]) < 5e-14
        assert relative(d_b[i], truth[2]) < 5e-14
        assert abs(pdf[i] - float(truth[3])) <= 1e-12 * float(truth[3]) + 1e-300


def test_derivatives_of_random_incomplete_betas_are_mpmaths():
    rng = np.random.Generator(np.random.Philox(7))
    a, b = np.exp(rng.uniform(np.log(0.05), np.log(50), size=(2, 150)))
    x = rng.uniform(size=150)
    results = np.stack(incomplete_beta(x, a, b))
    for i in range(x.size):
        truth = beta_truth(x[i], a[i], b[i])
        assert max(relative(results[k, i], truth[k]) for k in range(3)) < 5e-14


@pytest.mark.parametrize("z", (-60.0, -2.0, 0.0, 3.0, 36.7, 45.0, 700.0))
@pytest.mark.parametrize(("a", "b"), ((0.9, 0.1), (0.05, 0.05), (3.0, 0.05), (50.0, 50.0)))
def test_logits_know_the_upper_tail_that_x_has_rounded_away(z, a, b):
    """1 - x is exp(-z) and 1 - F is (1 - x)^b / (b B), although x itself may be 1.0."""
    y = 1 / (1 + mp.exp(mp.mpf(z)))

    def upper(p, q):
        return 1 - mp.betainc(q, p, 0, y, regularized=True)

    prior = PRIORS["beta"]
    truth = upper(mp.mpf(a), mp.mpf(b))
    d_a, d_b = prior.parameter_derivatives(z, a, b, from_logits=True)
    density = (1 - y) ** mp.mpf(a) * y ** mp.mpf(b) / mp.beta(mp.mpf(a), mp.mpf(b))
    assert relative(prior.cdf(z, a, b, from_logits=True), truth) < 2e-15
    assert relative(d_a, slope(lambda e: upper(a + e, mp.mpf(b)))) < 5e-14
    assert relative(d_b, slope(lambda e: upper(mp.mpf(a), b + e))) < 5e-14
    pdf = float(prior.pdf(z, a, b, from_logits=True))
    assert abs(pdf - float(density)) <= 1e-12 * float(density) + 1e-300


def test_no_logit_is_too_large_for_a_small_exponent():
    """Beta(0.01, 1) gives x = exp(-1000) the probability exp(-10), far below the smallest float."""
    cdf = PRIORS["beta"].cdf(
        np.array([-1000.0, 1000.0]), [0.01, 1.0], [1.0, 0.01], from_logits=True
    )
    assert cdf == pytest.approx([np.exp(-10), 1 - np.exp(-10)], rel=1e-13)


@pytest.mark.parametrize("name", PRIORS)
def test_from_logits_is_the_same_function_of_another_variable(name):
    prior, z = PRIORS[name], np.linspace(-6, 6, 41)
    x, b = special.expit(z), 0.6 if PRIORS[name].takes_b else None
    for mine, theirs in zip(
        (prior.cdf(z, 0.4, b, from_logits=True), prior.pdf(z, 0.4, b, from_logits=True)),
        (prior.cdf(x, 0.4, b), prior.pdf(x, 0.4, b) * x * (1 - x)),
        strict=True,
    ):
        np.testing.assert_allclose(mine, theirs, rtol=1e-12)
    np.testing.assert_allclose(
        prior.parameter_derivatives(z, 0.4, b, from_logits=True),
        prior.parameter_derivatives(x, 0.4, b),
        rtol=1e-11,
    )


@pytest.mark.parametrize("from_logits", (False, True))
@pytest.mark.parametrize("name", PRIORS)
def test_every_derivative_is_the_slope_of_the_cdf(name, from_logits):
    prior, h = PRIORS[name], 1e-5
    x = np.linspace(-4, 4, 9) if from_logits else np.linspace(0.1, 0.9, 9)
    a, b = 0.3, 0.7 if PRIORS[name].takes_b else None

    def cdf(dx=0.0, da=0.0, db=0.0):
        return prior.cdf(x + dx, a + da, None if b is None else b + db, from_logits=from_logits)

    d_a, d_b = prior.parameter_derivatives(x, a, b, from_logits=from_logits)
    pdf = prior.pdf(x, a, b, from_logits=from_logits)
    np.testing.assert_allclose(pdf, (cdf(dx=h) - cdf(dx=-h)) / (2 * h), atol=1e-8)
    np.testing.assert_allclose(d_a, (cdf(da=h) - cdf(da=-h)) / (2 * h), atol=1e-8)
    np.testing.assert_allclose(d_b, (cdf(db=h) - cdf(db=-h)) / (2 * h), atol=1e-8)


def test_normal_and_symbeta_are_scipys():
    x = np.linspace(-3, 4, 23)
    normal, symbeta = PRIORS["normal"], PRIORS["symbeta"]
    np.testing.assert_allclose(normal.cdf(x, 0.5, 2.0), stats.norm(0.5, 2.0).cdf(x), rtol=1e-14)
    np.testing.assert_allclose(normal.pdf(x, 0.5, 2.0), stats.norm(0.5, 2.0).pdf(x), rtol=1e-13)
    x = np.linspace(0.01, 0.99, 23)
    np.testing.assert_allclose(symbeta.cdf(x, 0.3), stats.beta(0.3, 0.7).cdf(x), rtol=1e-13)
    np.testing.assert_allclose(symbeta.pdf(x, 0.3), stats.beta(0.3, 0.7).pdf(x), rtol=1e-13)


def test_relaxed_bernoulli_is_the_law_of_a_relaxed_sample():
    """sigmoid((logit(a) + L) / b) with logistic L has the CDF's quantiles."""
    u = np.linspace(0.02, 0.98, 13)
    x = special.expit((special.logit(0.3) + special.logit(u)) / 0.7)
    np.testing.assert_allclose(PRIORS["relaxed_bernoulli"].cdf(x, 0.3, 0.7), u, rtol=1e-13)


@pytest.mark.parametrize(
    ("name", "a", "b", "at_zero", "at_one"),
    (
        ("beta", 0.5, 2.0, np.inf, 0.0),
        ("beta", 1.0, 0.5, 0.5, np.inf),
        ("beta", 1.0, 1.0, 1.0, 1.0),
        ("symbeta", 0.6, None, np.inf, np.inf),
        ("relaxed_bernoulli", 0.25, 0.5, np.inf, np.inf),
        ("relaxed_bernoulli", 0.25, 1.0, 3.0, 1 / 3),
        ("relaxed_bernoulli", 0.25, 2.0, 0.0, 0.0),
    ),
)
def test_densities_at_the_ends_are_limits_and_never_nan(name, a, b, at_zero, at_one):
    prior, ends, infinite = PRIORS[name], np.array([0.0, 1.0]), np.array([-np.inf, np.inf])
    np.testing.assert_allclose(prior.pdf(ends, a, b), [at_zero, at_one], rtol=1e-14)
    np.testing.assert_array_equal(prior.cdf(ends, a, b), [0, 1])
    np.testing.assert_array_equal(prior.cdf(infinite, a, b, from_logits=True), [0, 1])
    np.testing.assert_array_equal(prior.pdf(infinite, a, b, from_logits=True), [0, 0])
    np.testing.assert_array_equal(prior.parameter_derivatives(ends, a, b), np.zeros((2, 2)))
    np.testing.assert_array_equal(
        prior.parameter_derivatives(infinite, a, b, from_logits=True), np.zeros((2, 2))
    )


@pytest.mark.parametrize(
    ("name", "x", "a", "b"),
    (
        ("beta", 0.5, 0.0, 1.0),
        ("beta", 0.5, 1.0, -1.0),
        ("beta", 1.5, 1.0, 1.0),
        ("beta", -0.1, 1.0, 1.0),
        ("beta", np.nan, 1.0, 1.0),
        ("symbeta", 0.5, 1.0, None),
        ("relaxed_bernoulli", 0.5, 1.0, 0.5),
        ("relaxed_bernoulli", 0.5, 0.5, 0.0),
        ("relaxed_bernoulli", 1.1, 0.5, 1.0),
        ("normal", 0.5, 0.0, 0.0),
        ("normal", np.nan, 0.0, 1.0),
    ),
)
def test_what_lies_outside_the_domain_is_nan(name, x, a, b):
    prior = PRIORS[name]
    assert np.isnan(prior.cdf(x, a, b)) and np.isnan(prior.pdf(x, a, b))
    assert np.isnan(prior.parameter_derivatives(x, a, b)[0])


def test_arguments_broadcast_and_one_bad_element_stays_alone():
    a, b = np.array([[0.5], [2.0], [9.0]]), np.array([[1.5], [0.2], [4.0]])
    x = np.random.Generator(np.random.Philox(3)).uniform(size=(3, 40_000))
    x[1, 7] = np.nan
    value, d_a, d_b = incomplete_beta(x, a, b)
    assert value.shape == d_a.shape == d_b.shape == x.shape
    np.testing.assert_allclose(value, special.betainc(a, b, x), rtol=0, atol=1e-14)
    assert np.isnan(value).sum() == np.isnan(d_a).sum() == np.isnan(d_b).sum() == 1


def test_a_prior_with_two_parameters_asks_for_the_second():
    with pytest.raises(TypeError, match="b is None"):
        PRIORS["normal"].cdf(0.0, 0.0)
