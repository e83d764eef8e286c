"""What is known of the operators' populations: their objectives by SciPy and by quadrature, and
the bias of each estimate."""

import numpy as np
import pytest
from estimates import (
    NAMED,
    apart,
    gradients,
    options_of,
    rng,
    settings,
)
from scipy import integrate, special, stats

from suite.laws import NORMAL, mixture

# Batch shaping.

FROZEN = {
    "normal-to-normal": stats.norm(0.3, 1.2),
    "beta-to-beta": stats.beta(2.0, 5.0),
    "beta-to-relaxed_bernoulli": stats.beta(1.5, 1.2),
    "uniform_logits-to-relaxed_bernoulli": stats.uniform(-4.0, 8.0),
    "normal_logits-to-beta": stats.norm(0.5, 1.5),
}
PRIOR_CDFS = {
    "normal-to-normal": stats.norm.cdf,
    "beta-to-beta": stats.beta(0.6, 0.4).cdf,
    "beta-to-relaxed_bernoulli": lambda x: special.expit(
        0.7 * special.logit(x) - special.logit(0.3)
    ),
    "uniform_logits-to-relaxed_bernoulli": lambda z: special.expit(0.5 * z - special.logit(0.3)),
    "normal_logits-to-beta": lambda z: stats.beta.cdf(special.expit(z), 0.6, 0.4),
    "mixture-to-normal": stats.norm.cdf,
}


@pytest.mark.parametrize("name", PRIOR_CDFS)
def test_the_distance_is_the_integral_over_the_samples(name):
    """Adaptive quadrature in x by SciPy's own densities, piece by piece."""
    if name == "mixture-to-normal":
        one, other = stats.norm(1.0, 0.7), stats.norm(-1.0, 0.5)
        cdf = lambda x: 0.4 * one.cdf(x) + 0.6 * other.cdf(x)  # noqa: E731
        pdf = lambda x: 0.4 * one.pdf(x) + 0.6 * other.pdf(x)  # noqa: E731
        ends = (-5.0, -1.0, 0.0, 1.0, 7.0)
    else:
        law = FROZEN[name]
        cdf, pdf = law.cdf, law.pdf
        ends = np.concatenate([law.ppf([1e-15, 0.1, 0.5, 0.9]), law.isf([1e-15])])
    found = sum(
        integrate.quad(
            lambda x: (cdf(x) - PRIOR_CDFS[name](x)) ** 2 * pdf(x), low, high, epsabs=1e-12
        )[0]
        for low, high in zip(ends[:-1], ends[1:], strict=True)
    )
    population = NAMED["batch_shaping", name]
    assert population.objective(population.parameters)["distance"] == pytest.approx(found, abs=1e-9)


def test_a_batch_that_follows_its_prior_has_no_distance_and_no_gradient():
    population = NAMED["batch_shaping", "normal-to-normal"]
    at = {"mu": 0.0, "sigma": 1.0}
    assert population.objective(at)["distance"] < 1e-30
    assert np.abs(list(population.gradient(at)["distance"].values())).max() < 1e-15


def rank_weights(position, samples):
    """The expectation given x of a plotting position is (constant + by_u u) with u = F_x(x)."""
    shift, step = {
        "weibull": (0.0, 1 / (samples + 1)),
        "hazen": (0.5, 1 / samples),
        "ecdf": (0.0, 1 / samples),
        "unbiased": (1.0, 1 / (samples - 1)),
    }[position]
    return step * (1 - shift), step * (samples - 1)


def expected_gradient(population, law, prior, position, samples):
    """2 E (F - p) f dx/dtheta at N samples, exactly: the other ranks are binomial given x."""
    nodes, at = law.noise.nodes, population.parameters
    x, u = law.sample(nodes, at), law.noise.cdf(nodes)
    constant, by_u = rank_weights(position, samples)
    fall = 2 * (prior[0](x) - constant - by_u * u) * prior[1](x)
    return {name: law.expectation(fall * path) for name, path in law.slopes(nodes, at).items()}


def normal_and_mixture():
    prior = (stats.norm.cdf, stats.norm.pdf)
    yield NAMED["batch_shaping", "normal-to-normal"], NORMAL, prior
    yield NAMED["batch_shaping", "mixture-to-normal"], mixture(-1.0, 0.5), prior


@pytest.mark.parametrize("position", ["weibull", "hazen", "ecdf"])
def test_the_bias_of_a_plotting_position_is_known_at_any_batch_size(position):
    """A batch's loss errs in expectation by terms that theory gives, and no more."""
    samples = 16
    farthest = 0.0
    for population, law, prior in normal_and_mixture():
        options = options_of(population, plotting_position=position)
        found = gradients(population, 20_000, samples, options)
        exact = population.gradient(population.parameters)["distance"]
        expected = expected_gradient(population, law, prior, position, samples)
        for name, value in expected.items():
            assert abs(apart(found["distance", name], value)) < 4.5, (population.name, name)
            farthest = max(farthest, abs(apart(found["distance", name], exact[name])))
    assert farthest > 8


def test_weibull_errs_twice_as_much_as_hazen_and_ranks_from_zero_do_not_err():
    samples = 16
    for population, law, prior in normal_and_mixture():
        exact = population.gradient(population.parameters)["distance"]
        errors = {
            position: np.array(
                [
                    value - exact[name]
                    for name, value in expected_gradient(
                        population, law, prior, position, samples
                    ).items()
                ]
            )
            for position in ("weibull", "hazen", "ecdf", "unbiased")
        }
        twice = 2 * samples / (samples + 1)
        np.testing.assert_allclose(errors["weibull"], twice * errors["hazen"], rtol=1e-6)
        assert np.abs(errors["hazen"]).max() > 1e-4
        assert np.abs(errors["unbiased"]).max() < 1e-12


# Soft histogram.


def test_bin_probabilities_are_scipys_and_with_their_gradients_sum_to_what_is_inside():
    population = NAMED["soft_histogram", "normal"]
    found = np.array(list(population.objective(population.parameters).values()))
    law = stats.norm(0.2, 1.2)
    np.testing.assert_allclose(found, np.diff(law.cdf(np.linspace(-3, 3, 11))), rtol=1e-13)
    inside = sum(g["mu"] for g in population.gradient(population.parameters).values())
    assert inside == pytest.approx(law.pdf(-3) - law.pdf(3), rel=1e-12)


@pytest.mark.parametrize("bandwidth", [0.1, 0.8])
def test_soft_bins_have_the_gradient_of_the_law_convolved_with_the_kernel(bandwidth):
    """At any batch size; a gaussian kernel widens sigma to sqrt(sigma^2 + h^2)."""
    population = NAMED["soft_histogram", "normal"]
    mu, sigma = (population.parameters[name] for name in ("mu", "sigma"))
    wide = np.hypot(sigma, bandwidth)
    smoothed = population.gradient({"mu": mu, "sigma": wide})
    exact = population.gradient(population.parameters)
    found = gradients(population, 300, 500, options_of(population, bandwidth=bandwidth))
    farthest = 0.0
    for (component, name), values in found.items():
        expected = smoothed[component][name] * (sigma / wide if name == "sigma" else 1)
        assert abs(apart(values, expected)) < 4.5, (component, name)
        farthest = max(farthest, abs(apart(values, exact[component][name])))
    assert farthest > 20 if bandwidth == 0.8 else farthest < 5


# The ECDF.


@pytest.mark.parametrize("name", ["increasing", "noisy", "decreasing"])
def test_the_arcsine_is_the_distance_by_quadrature(name):
    population = NAMED["ecdf", name]
    theta, s = (population.parameters[key] for key in ("theta", "s"))
    v, e, weight = normal_grid()
    found = (weight * (cdf_of(theta * v + s * e, theta, s) - stats.norm.cdf(v)) ** 2).sum()
    assert population.objective(population.parameters)["distance"] == pytest.approx(found, abs=1e-8)


def normal_grid():
    """Nodes (v, e) and weights of an expectation over two standard normal variables."""
    node, weight = np.polynomial.hermite_e.hermegauss(100)
    v, e = np.meshgrid(node, node)
    return v, e, np.outer(weight, weight) / (2 * np.pi)


def cdf_of(x, theta, s):
    return stats.norm.cdf(x / np.hypot(theta, s))


def surrogate_limit(surrogate, theta, s):
    """The surrogates' expectations for many samples: {"theta", "s"}."""
    v, e, weight = normal_grid()
    x, size = theta * v + s * e, np.hypot(theta, s)
    push = 2 * weight * (cdf_of(x, theta, s) - stats.norm.cdf(v))
    if surrogate == "density":
        push = push * stats.norm.pdf(x / size) / size
    return {"theta": (push * v).sum(), "s": (push * e).sum()}


@pytest.mark.parametrize("name", ["increasing", "noisy", "decreasing"])
def test_the_identity_surrogate_is_biased_by_a_known_amount(name):
    """E d/dtheta = (rho (N-1)/N - 1) / sqrt(pi), E d/ds = sqrt(1 - rho^2) (N-1)/N / sqrt(pi)."""
    population, samples = NAMED["ecdf", name], 24
    theta, s = (population.parameters[key] for key in ("theta", "s"))
    rho, others = theta / np.hypot(theta, s), (samples - 1) / samples
    expected = {
        "theta": (rho * others - 1) / np.sqrt(np.pi),
        "s": np.sqrt(1 - rho**2) * others / np.sqrt(np.pi),
    }
    found = gradients(population, 10_000, samples, options_of(population))
    limit = surrogate_limit("identity", theta, s)
    exact = population.gradient(population.parameters)["distance"]
    for key, value in expected.items():
        assert abs(apart(found["distance", key], value)) < 4.5
        assert limit[key] == pytest.approx(value, abs=0.03)
        assert abs(apart(found["distance", key], exact[key])) > 20
    if theta < 0:
        assert found["distance", "s"].mean() > 0 > exact["s"]


@pytest.mark.parametrize("name", ["noisy", "decreasing"])
def test_only_the_full_jacobian_of_soft_ranks_tends_to_the_true_gradient(name):
    population = NAMED["ecdf", name]
    theta, s = (population.parameters[key] for key in ("theta", "s"))
    exact = population.gradient(population.parameters)["distance"]
    size = np.hypot(*exact.values())
    for surrogate in ("soft_rank", "density"):
        options = options_of(population, surrogate=surrogate, scale=0.05)
        found = gradients(population, 80, 400, options)
        limit = exact if surrogate == "soft_rank" else surrogate_limit("density", theta, s)
        for key, value in limit.items():
            values = found["distance", key]
            error = 4.5 * values.std(ddof=1) / np.sqrt(len(values))
            # A sample's own kernel adds phi(0) / (N scale) to the density: 2% of 1.
            own = 0.05 * size if surrogate == "soft_rank" else 0.15 * abs(value) + 0.02 * size
            assert error < 0.1 * size
            assert abs(values.mean() - value) < error + own, (surrogate, key)
    wrong = surrogate_limit("density", theta, s)
    assert max(abs(wrong[key] - exact[key]) for key in exact) > 0.35 * size


# Occupancy entropy.


def test_the_entropy_is_that_of_the_probability_to_be_on():
    population = NAMED["occupancy_entropy", "rarely-on"]
    on = stats.norm(-1.5, 0.8).sf(0)
    found = population.objective(population.parameters)["entropy"]
    assert found == pytest.approx(stats.entropy([on, 1 - on]), rel=1e-13)


def test_only_the_gumbel_estimator_is_given_noise():
    population = NAMED["occupancy_entropy", "normal"]
    given = {
        options["estimator"]: "noise" in population.arrays(
            population.draw(rng(), 2, 8), population.parameters, options
        )
        for options, _ in settings(population)
    }  # fmt: skip
    assert given == {
        "sigmoid": False,
        "mean_bernoulli": False,
        "straight_through": False,
        "gumbel_straight_through": True,
    }


@pytest.mark.parametrize("name", ["normal", "rarely-on", "mixture"])
def test_a_cold_sigmoid_tends_to_the_true_gradient_and_the_mean_bernoulli_does_not(name):
    population = NAMED["occupancy_entropy", name]
    exact = population.gradient(population.parameters)["entropy"]
    size = np.linalg.norm(list(exact.values()))
    for estimator in ("sigmoid", "straight_through", "mean_bernoulli"):
        options = options_of(population, estimator=estimator, temperature=0.05)
        found = gradients(population, 100, 2000, options)
        errors = []
        for key, value in exact.items():
            values = found["entropy", key]
            noise = 4.5 * values.std(ddof=1) / np.sqrt(len(values))
            assert noise < 0.15 * size
            errors.append(max(abs(values.mean() - value) - noise, 0.0))
        biased = np.linalg.norm(errors) > 0.3 * size
        assert biased == (estimator == "mean_bernoulli"), (estimator, errors)
        if not biased:
            assert np.linalg.norm(errors) < 0.03 * size


def test_the_mean_bernoulli_estimates_the_mean_entropy_of_its_probabilities():
    """Its expectation is d/dtheta E h(sigmoid(z/T)) at any batch size, by quadrature."""
    population, temperature = NAMED["occupancy_entropy", "normal"], 0.5
    at, nodes = population.parameters, NORMAL.noise.nodes
    v = NORMAL.sample(nodes, at) / temperature
    fall = -v * special.expit(v) * special.expit(-v) / temperature
    options = options_of(population, estimator="mean_bernoulli", temperature=temperature)
    found = gradients(population, 10_000, 20, options)
    for name, path in NORMAL.slopes(nodes, at).items():
        assert abs(apart(found["entropy", name], NORMAL.expectation(fall * path))) < 4.5
