"""Losses of energies find the truth where they should, and the guide's formulas where they do not.

Samples are built so that their moments are exact: what holds of a population then holds of them.
The guide is TorchEBM's developer guide on loss functions, whose formulas are in its words of sign
and scale, and are judged here by the very statements that the right ones pass.
"""

import numpy as np
import pytest
from scipy import stats

from suite import energies
from suite.energies.jet import exact, unit_vectors
from suite.operators import get
from suite.operators.energy_contrastive_divergence import chain

SIZES = (1, 4, 16)


def philox(seed=0):
    return np.random.Generator(np.random.Philox(seed))


def exact_moments(count, size, seed=0):
    """Samples of mean 0 and covariance I, exactly."""
    x = philox(seed).normal(size=(count, size))
    x = x - x.mean(0)
    return np.sqrt(count) * np.linalg.qr(x)[0]


def gaussian(size, seed=1):
    """Mean, covariance, and its precision as theta."""
    rng = philox(seed)
    turn = rng.normal(size=(size, size)) / np.sqrt(size)
    covariance = np.eye(size) + 0.5 * turn @ turn.T
    return rng.normal(size=size), covariance


def samples(size, count=400):
    mean, covariance = gaussian(size)
    x = mean + exact_moments(count, size) @ np.linalg.cholesky(covariance).T
    return x, [mean, np.linalg.inv(covariance)]


def gradients(name, x, theta, **arguments):
    names = ("theta.mean", "theta.precision")
    return get(name).reference_gradient(1.0, names, x=x, theta=theta, **arguments)


def largest(found):
    return max(np.abs(part).max() for part in found.values())


@pytest.mark.parametrize("size", SIZES)
def test_score_matching_is_stationary_at_the_sample_covariance(size):
    x, theta = samples(size)
    assert largest(gradients("energy_score_matching", x, theta)) < 1e-10
    moved = [theta[0], 1.1 * theta[1]]
    assert largest(gradients("energy_score_matching", x, moved)) > 1e-2


@pytest.mark.parametrize("size", SIZES)
def test_maximum_likelihood_is_stationary_where_negatives_have_the_datas_moments(size):
    x, theta = samples(size)
    mean, covariance = gaussian(size)
    negatives = mean + exact_moments(300, size, 5) @ np.linalg.cholesky(covariance).T
    found = gradients("energy_maximum_likelihood", x, theta, negatives=negatives)
    assert largest(found) < 1e-10
    found = gradients("energy_maximum_likelihood", x, theta, negatives=mean + negatives)
    assert largest(found) > 1e-2


@pytest.mark.parametrize("sigma", [0.1, 1.0])
@pytest.mark.parametrize("size", SIZES)
def test_denoising_finds_the_precision_of_the_blurred_data(size, sigma):
    """Its bias: (covariance + sigma^2)^-1 for covariance^-1."""
    mean, covariance = gaussian(size)
    both = exact_moments(400, 2 * size)
    x = mean + both[:, :size] @ np.linalg.cholesky(covariance).T
    blurred = [mean, np.linalg.inv(covariance + sigma**2 * np.eye(size))]
    given = {"noise": both[:, None, size:], "sigma": sigma, "weighting": "none"}
    name = "energy_denoising_score_matching"
    assert largest(gradients(name, x, blurred, **given)) < 1e-9 / sigma**2
    sharp = [mean, np.linalg.inv(covariance)]
    assert largest(gradients(name, x, sharp, **given)) > 1e-3


@pytest.mark.parametrize("law", ["gaussian", "sphere"])
@pytest.mark.parametrize("reduced", [False, True])
@pytest.mark.parametrize("energy", ["gaussian_mixture", "mlp_silu"])
def test_all_orthogonal_directions_together_are_score_matching(energy, reduced, law):
    size, rng = 4, philox(2)
    shapes = {"gaussian_mixture": ((3,), (3, size), (3,)),
              "mlp_silu": ((5, size), (5,), (6, 5), (6,), (1, 6), (1,))}[energy]  # fmt: skip
    theta = [rng.normal(size=shape) for shape in shapes]
    x = rng.normal(size=(10, size))
    turned = np.sqrt(size) * np.stack([np.linalg.qr(rng.normal(size=(size, size)))[0] for _ in x])
    names = [f"theta.{word}" for word in energies.parameters(energy, len(theta))]
    names = ["x", *names[:3]]
    sliced, whole = get("energy_sliced_score_matching"), get("energy_score_matching")
    given = {"x": x, "theta": theta, "energy": energy}
    options = {"projections": turned, "law": law, "variance_reduced": reduced}
    assert abs(sliced.reference(**given, **options) - whole.reference(**given)) < 1e-10
    found = sliced.reference_gradient(1.0, names, **given, **options)
    for name, want in whole.reference_gradient(1.0, names, **given).items():
        np.testing.assert_allclose(found[name], want, rtol=0, atol=1e-10 * np.abs(want).max())


@pytest.mark.parametrize("law", ["gaussian", "rademacher", "sphere"])
def test_every_law_of_directions_estimates_the_trace(law):
    """Over 2,000 directions, to four standard errors."""
    size, count = 5, 2000
    x = philox(3).normal(size=(1, size))
    turn = philox(4).normal(size=(size, size))
    theta = [np.zeros(size), turn + turn.T]
    projections = philox(6).normal(size=(count, 1, size))
    name = "energy_sliced_score_matching"
    terms = np.array([
        get(name).reference(x, theta, v[None], law=law, variance_reduced=True)
        for v in projections
    ])  # fmt: skip
    want = get("energy_score_matching").reference(x, theta)
    assert abs(terms.mean() - want) < 4 * terms.std() / np.sqrt(len(terms))


def test_noise_contrastive_estimation_is_stationary_at_the_truth_with_its_log_z():
    theta, noise = [np.zeros(1), np.eye(1)], 2.0
    name, found = "energy_noise_contrastive", []
    for count in (4000, 2000):
        x, y = (stats.norm.ppf((np.arange(n) + 0.5) / n)[:, None] for n in (count, 6000))
        given = {
            "noise": noise * y,
            "log_density_x": stats.norm.logpdf(x[:, 0], scale=noise),
            "log_density_noise": stats.norm.logpdf(noise * y[:, 0], scale=noise),
            "log_partition": 0.5 * np.log(2 * np.pi),
        }
        names = ("theta.precision", "log_partition")
        found.append(get(name).reference_gradient(1.0, names, x=x, theta=theta, **given))
        given["log_partition"] += 0.5
        moved = get(name).reference_gradient(1.0, names, x=x, theta=theta, **given)
        assert abs(moved["log_partition"]) > 0.05
    assert max(largest(part) for part in found) < 1e-3


def test_contrastive_divergence_holds_the_chain_and_descends_where_it_ends():
    """Its gradient is that of maximum likelihood with the chains' ends for negatives."""
    rng = philox(7)
    theta = [rng.normal(size=3), rng.normal(size=(3, 3))]
    x, noise, uniforms = (
        rng.normal(size=(9, 3)),
        rng.normal(size=(9, 4, 3)),
        rng.uniform(size=(9, 4)),
    )
    for given in ({}, {"uniforms": uniforms}, {"start": rng.normal(size=(9, 3))}):
        ends = chain(x, theta, noise, **given, energy="gaussian", step=0.2)
        options = {"x": x, "theta": theta}
        names = ("x", "theta.mean", "theta.precision")
        found = get("energy_contrastive_divergence").reference_gradient(
            1.0, names, **options, noise=noise, **given, step=0.2
        )
        want = get("energy_maximum_likelihood").reference_gradient(
            1.0, names, **options, negatives=ends
        )
        for name in names:
            np.testing.assert_allclose(found[name], want[name], rtol=1e-13, atol=1e-14)


@pytest.mark.parametrize("metropolis", [False, True])
def test_chains_sample_the_density_with_metropolis_and_a_wider_one_without(metropolis):
    """Langevin steps of h on precision p have the variance 1 / (p - h p^2 / 2)."""
    count, steps, h, p = 40_000, 30, 0.4, 2.0
    rng = philox(8)
    noise = rng.normal(size=(count, steps, 1))
    uniforms = rng.uniform(size=(count, steps)) if metropolis else None
    start = rng.normal(size=(count, 1)) / np.sqrt(p)
    theta = [np.zeros(1), p * np.eye(1)]
    ends = chain(start, theta, noise, None, uniforms, energy="gaussian", step=h)
    want = 1 / p if metropolis else 1 / (p - h * p**2 / 2)
    assert abs(ends.var() - want) < 4 * want * np.sqrt(2 / count)


def test_a_penalty_is_added_with_its_strength():
    x, theta = samples(4)
    plain = get("energy_maximum_likelihood").reference(x, theta, x)
    flat = np.concatenate([array.ravel() for array in theta])
    for penalty, want in (("l1", np.abs(flat).sum()), ("l2", (flat**2).sum())):
        options = {"penalty": penalty, "strength": 0.25}
        found = get("energy_maximum_likelihood").reference(x, theta, x, **options)
        assert abs(found - plain - 0.25 * want) < 1e-12 * want


def guides(x, theta, noise, sigma=0.5):
    """The guide's losses of a Gaussian energy by name."""
    jet = energies.get("gaussian")(x, unit_vectors(x), theta, exact)
    moved = energies.get("gaussian")(x + sigma * noise, unit_vectors(x), theta, exact)
    unit = noise / np.linalg.norm(noise, axis=1, keepdims=True)
    along = energies.get("gaussian")(x, unit[:, None], theta, exact)
    squares = (jet.slope**2).sum(1)
    return {
        "explicit": (jet.curve.sum(1) + 0.5 * squares).mean(),
        "implicit": 0.5 * ((moved.slope + noise / sigma) ** 2).sum(1).mean(),
        "sliced": (along.curve[:, 0] + 0.5 * squares).mean(),
        "denoising": 0.5 * ((moved.slope - noise / sigma) ** 2).sum(1).mean(),
    }


def scaled_slopes(loss, theta, step=1e-5):
    """d/ds of a loss at precision s P, s = 1, by central differences."""
    up, down = (loss([theta[0], (1 + sign * step) * theta[1]]) for sign in (1, -1))
    return (up - down) / (2 * step)


def test_the_guides_terms_of_wrong_sign_and_scale_are_not_stationary_at_the_truth():
    """Explicit and sliced add the Laplacian, implicit denoises the wrong way; denoising holds."""
    size, sigma = 4, 0.5
    both = exact_moments(400, 2 * size)
    mean, covariance = gaussian(size)
    x, noise = mean + both[:, :size] @ np.linalg.cholesky(covariance).T, both[:, size:]
    truth = [mean, np.linalg.inv(covariance)]
    blurred = [mean, np.linalg.inv(covariance + sigma**2 * np.eye(size))]
    at = {"explicit": truth, "sliced": truth, "implicit": blurred, "denoising": blurred}

    def slope(name):
        return scaled_slopes(lambda theta: guides(x, theta, noise)[name], at[name])

    assert abs(slope("denoising")) < 1e-8
    assert slope("explicit") > 1.0  # all it wants is a flatter energy
    assert slope("sliced") > 1.0
    assert slope("implicit") > 1.0
    right = scaled_slopes(lambda theta: get("energy_score_matching").reference(x, theta), truth)
    assert abs(right) < 1e-8


def test_unit_directions_without_the_root_of_d_shrink_the_trace():
    """With the right sign, and the guide's |v| = 1, the optimum is d times too flat."""
    x, theta = samples(4, 4000)
    v = philox(9).normal(size=x.shape)
    unit = v / np.linalg.norm(v, axis=1, keepdims=True)

    def shrunk(scale):
        scaled = [theta[0], scale * theta[1]]
        jet = energies.get("gaussian")(x, unit[:, None], scaled, exact)
        whole = energies.get("gaussian")(x, unit_vectors(x), scaled, exact)
        return (0.5 * (whole.slope**2).sum(1) - jet.curve[:, 0]).mean()

    # A parabola in the scale: its vertex from three points.
    low, middle, high = (shrunk(scale) for scale in (0.0, 0.5, 1.0))
    vertex = 0.5 + 0.25 * (low - high) / (low - 2 * middle + high)
    assert abs(vertex - 1 / 4) < 0.02


def test_noise_contrastive_estimation_without_the_noises_density_is_not_stationary():
    x, y = (stats.norm.ppf((np.arange(n) + 0.5) / n)[:, None] for n in (4000, 4000))
    given = {"x": x, "theta": [np.zeros(1), np.eye(1)], "noise": 2 * y}
    given |= {"log_partition": 0.5 * np.log(2 * np.pi)}
    none = {"log_density_x": np.zeros(4000), "log_density_noise": np.zeros(4000)}
    names = ("theta.precision", "log_partition")
    found = get("energy_noise_contrastive").reference_gradient(1.0, names, **given, **none)
    assert abs(found["log_partition"]) > 0.1 and abs(found["theta.precision"]) > 0.1
