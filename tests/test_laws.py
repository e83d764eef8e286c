"""Laws of samples against SciPy's distributions, and their slopes against differences."""

import numpy as np
import pytest
from scipy import special, stats

from suite.laws import BETA, NORMAL, STANDARD_LOGISTIC, STANDARD_NORMAL, UNIFORM, mixture

MIXTURE = mixture(-1.0, 0.5)
LAWS = [
    pytest.param(NORMAL, {"mu": 0.3, "sigma": 1.2}, id="normal"),
    pytest.param(UNIFORM, {"location": 0.4, "width": 5.0}, id="uniform"),
    pytest.param(BETA, {"a": 2.0, "b": 5.0}, id="beta"),
    pytest.param(BETA, {"a": 0.7, "b": 1.3}, id="beta-infinite-at-0"),
    pytest.param(MIXTURE, {"weight": 0.4, "mu": 1.0, "sigma": 0.7}, id="mixture"),
]


def noise_of(law, count=20_000):
    return law.noise.draw(np.random.Generator(np.random.Philox(3)), (count,))


def slope(function, parameters, name):
    """Five-point central difference."""
    step = 1e-3 * max(0.5, abs(parameters[name]))
    at = [function({**parameters, name: parameters[name] + k * step}) for k in (1, -1, 2, -2)]
    return (8 * (at[0] - at[1]) - (at[2] - at[3])) / (12 * step)


@pytest.mark.parametrize(("law", "parameters"), LAWS)
def test_samples_increase_with_the_noise_and_have_its_probability(law, parameters):
    noise = np.sort(noise_of(law))
    x = law.sample(noise, parameters)
    assert (np.diff(x) >= 0).all()
    np.testing.assert_allclose(law.cdf(x, parameters), law.noise.cdf(noise), rtol=0, atol=1e-8)


@pytest.mark.parametrize(("law", "parameters"), LAWS)
def test_slopes_are_those_of_the_samples_and_of_the_cdf(law, parameters):
    noise = noise_of(law, 4000)
    x, paths = law.sample(noise, parameters), law.slopes(noise, parameters)
    inside = np.abs(law.noise.cdf(noise) - 0.5) < 0.499
    assert set(paths) == set(parameters)
    for name in parameters:
        path = slope(lambda p: law.sample(noise, p), parameters, name)
        np.testing.assert_allclose(paths[name], path, rtol=1e-8, atol=1e-9)
        rise = slope(lambda p: law.cdf(x, p), parameters, name)
        got = law.cdf_slopes(x, parameters)[name]
        # The CDF of the uniform law has corners at its ends.
        np.testing.assert_allclose(got[inside], rise[inside], rtol=1e-8, atol=1e-9)


def test_the_uniform_law_does_not_change_beyond_its_ends():
    parameters = {"location": 0.0, "width": 2.0}
    beyond = np.array([-3.0, 3.0])
    assert UNIFORM.cdf(beyond, parameters).tolist() == [0.0, 1.0]
    assert all(not s.any() for s in UNIFORM.cdf_slopes(beyond, parameters).values())


def test_cdfs_are_scipys():
    x = np.linspace(0.01, 0.99, 50)
    pairs = [
        (NORMAL.cdf(x, {"mu": 0.3, "sigma": 1.2}), stats.norm(0.3, 1.2).cdf(x)),
        (UNIFORM.cdf(x, {"location": 0.2, "width": 1.0}), stats.uniform(-0.3, 1.0).cdf(x)),
        (BETA.cdf(x, {"a": 2.0, "b": 5.0}), stats.beta(2.0, 5.0).cdf(x)),
        (
            MIXTURE.cdf(x, {"weight": 0.4, "mu": 1.0, "sigma": 0.7}),
            0.4 * stats.norm(1.0, 0.7).cdf(x) + 0.6 * stats.norm(-1.0, 0.5).cdf(x),
        ),
    ]
    for got, expected in pairs:
        np.testing.assert_allclose(got, expected, rtol=1e-13)


def test_expectations_are_moments():
    e, t = STANDARD_NORMAL, STANDARD_LOGISTIC
    assert e.weights @ e.nodes**4 == pytest.approx(3, rel=1e-13)
    assert t.weights @ t.nodes**2 == pytest.approx(np.pi**2 / 3, rel=1e-13)
    moments = [
        (BETA, {"a": 2.0, "b": 5.0}, 2 / 7, 10 / (49 * 8)),
        (UNIFORM, {"location": 0.4, "width": 5.0}, 0.4, 25 / 12),
        (MIXTURE, {"weight": 0.4, "mu": 1.0, "sigma": 0.7}, -0.2,
         0.4 * (1.2**2 + 0.49) + 0.6 * (0.8**2 + 0.25)),
    ]  # fmt: skip
    for law, parameters, mean, variance in moments:
        x = law.sample(law.noise.nodes, parameters)
        assert law.expectation(x) == pytest.approx(mean, abs=1e-12)
        assert law.expectation((x - mean) ** 2) == pytest.approx(variance, abs=1e-12)


def test_the_tails_of_the_mixture_keep_their_digits():
    parameters = {"weight": 0.4, "mu": 1.0, "sigma": 0.7}
    t = np.array([-40.0, -30.0, -15.0, 15.0, 30.0, 40.0])
    x = MIXTURE.sample(t, parameters)
    side = np.where(t < 0, 1, -1)
    first, second = stats.norm.logcdf(side * (x - 1) / 0.7), stats.norm.logcdf(side * (x + 1) / 0.5)
    tail = np.logaddexp(np.log(0.4) + first, np.log(0.6) + second)
    np.testing.assert_allclose(tail, special.log_expit(-np.abs(t)), rtol=1e-12)
