"""Batch shaping's reference: the statistics it must equal, its gradients, its edges."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.special import expit, logit

from suite.judge.correctness import expected, units
from suite.operators.batch_shaping import OPERATOR, reference, reference_gradient
from suite.plotting_positions import plotting_positions
from suite.priors import PRIORS

PARAMETERS = {
    "beta": (0.7, 2.5),
    "symbeta": (0.3, None),
    "relaxed_bernoulli": (0.3, 0.7),
    "normal": (0.4, 0.3),
}
LAWS = {
    "beta": stats.beta(0.7, 2.5),
    "symbeta": stats.beta(0.3, 0.7),
    "normal": stats.norm(0.4, 0.3),
}


def philox(seed):
    return np.random.Generator(np.random.Philox(seed))


def draws(prior, rng, size):
    """Independent samples of the prior of PARAMETERS."""
    if prior == "relaxed_bernoulli":
        return expit((logit(0.3) + rng.logistic(size=size)) / 0.7)
    return LAWS[prior].rvs(size, random_state=rng)


@pytest.mark.parametrize("prior", ("beta", "symbeta", "normal"))
def test_hazen_positions_give_the_cramer_von_mises_statistic(prior):
    """N L = W2 - 1/(12 N)."""
    x = philox(2).uniform(0.01, 0.99, size=(1, 37))
    a, b = PARAMETERS[prior]
    loss = reference(x, a, b, prior=prior, plotting_position="hazen")
    statistic = stats.cramervonmises(x[0], LAWS[prior].cdf).statistic
    assert 37 * loss == pytest.approx(statistic - 1 / (12 * 37), rel=1e-12)


def test_tied_samples_at_mean_ranks_lose_the_scatter_of_their_ranks():
    """N L = W2 - 1/(12 N) - sum of (m^3 - m) / (12 N^2) over the groups of m equal samples."""
    x = philox(3).integers(1, 9, size=(1, 50)) / 9
    loss = reference(x, 0.7, 2.5, prior="beta", plotting_position="hazen", ties="mid")
    statistic = stats.cramervonmises(x[0], LAWS["beta"].cdf).statistic
    m = np.unique(x, return_counts=True)[1]
    scatter = ((m**3 - m) / (12 * 50**2)).sum()
    assert scatter > 0.01
    assert 50 * loss == pytest.approx(statistic - 1 / 600 - scatter, rel=1e-12)
    ordinal = reference(x, 0.7, 2.5, prior="beta", plotting_position="hazen", ties="ordinal")
    assert 50 * ordinal == pytest.approx(statistic - 1 / 600, rel=1e-12)


@pytest.mark.parametrize("prior", PRIORS)
def test_the_expected_loss_of_the_prior_itself_is_one_over_six_n_plus_one(prior):
    samples, rows = 9, 4000
    x = draws(prior, philox(4), (rows, samples))
    loss = reference(x, *PARAMETERS[prior], prior=prior, reduction="none")
    error = loss.std() / np.sqrt(rows)
    assert abs(loss.mean() - 1 / (6 * (samples + 1))) < 4 * error
    assert error < 1e-3


@pytest.mark.parametrize("from_logits", (False, True))
@pytest.mark.parametrize("prior", PRIORS)
@pytest.mark.parametrize(
    ("plotting_position", "ties", "reduction", "clip"),
    (
        ("weibull", "mid", "mean", None),
        ("ecdf", "ordinal", "sum", None),
        ("hazen", "mid", "none", (0.2, 0.7)),
    ),
)
def test_gradients_are_slopes_at_constant_ranks(
    prior, from_logits, plotting_position, ties, reduction, clip
):
    """Central differences of the loss at the plotting positions of the unmoved samples."""
    rng = philox(5)
    x = rng.uniform(0.05, 0.95, size=(3, 8))
    x[:, 5:] = x[:, 2:5]
    x = logit(x) if from_logits else x
    bounds = None if clip is None else logit(np.array(clip)) if from_logits else np.array(clip)
    still = x if clip is None else np.clip(x, *bounds)
    positions = plotting_positions(still, plotting_position, ties)
    a, b = PARAMETERS[prior]
    parameters = {"a": a + np.array([0.0, 0.1, -0.1])}
    if b is not None:
        parameters["b"] = np.array(b)
    weight = rng.uniform(0.5, 1.5, size=3 if reduction == "none" else ())
    options = {"prior": prior, "plotting_position": plotting_position, "ties": ties,
               "from_logits": from_logits, "clip": clip, "reduction": reduction}  # fmt: skip

    def objective(x, a, b=None):
        x = x if clip is None else np.clip(x, *bounds)
        b = None if b is None else np.atleast_1d(b)[:, None]
        cdf = PRIORS[prior].cdf(x, a[:, None], b, from_logits=from_logits)
        rows = ((positions - cdf) ** 2).mean(axis=1)
        return (weight * (rows.mean() if reduction == "mean" else rows)).sum()

    given = {"x": x, **parameters}
    assert objective(**given) == pytest.approx((weight * reference(**given, **options)).sum())
    gradients = reference_gradient(weight, tuple(given), **given, **options)
    assert set(gradients) == set(given)
    for name, value in given.items():
        assert gradients[name].shape == value.shape
        slopes = np.empty(value.shape)
        for index in np.ndindex(value.shape):
            step = np.zeros(value.shape)
            step[index] = 1e-6
            up, down = ({**given, name: value + sign * step} for sign in (1, -1))
            slopes[index] = (objective(**up) - objective(**down)) / 2e-6
        assert np.abs(slopes).max() > 1e-3
        np.testing.assert_allclose(gradients[name], slopes, atol=2e-9)


@settings(deadline=None, derandomize=True, max_examples=25)
@given(seed=st.integers(0, 2**32), samples=st.integers(1, 40))
def test_order_of_samples_changes_nothing_but_the_order_of_gradients(seed, samples):
    rng = philox(seed)
    x = rng.uniform(size=(2, samples)).round(1)
    order = rng.permutation(samples)
    options = {"a": 1.3, "b": 2.0, "prior": "beta", "ties": "mid"}
    assert reference(x[:, order], **options) == pytest.approx(reference(x, **options), rel=1e-12)
    gradient = reference_gradient(1.0, ("x",), x, **options)["x"]
    moved = reference_gradient(1.0, ("x",), x[:, order], **options)["x"]
    np.testing.assert_allclose(moved, gradient[:, order], rtol=1e-9, atol=1e-15)


@pytest.mark.parametrize("prior", PRIORS)
@pytest.mark.parametrize("clip", (None, (0.1, 0.6)))
def test_logits_are_another_coordinate_of_the_same_samples(prior, clip):
    z, (a, b) = philox(6).normal(size=(2, 30)), PARAMETERS[prior]
    x, options = expit(z), {"a": a, "b": b, "prior": prior, "clip": clip}
    assert reference(z, from_logits=True, **options) == pytest.approx(
        reference(x, **options), rel=1e-12
    )
    by_z = reference_gradient(1.0, ("x",), z, from_logits=True, **options)["x"]
    by_x = reference_gradient(1.0, ("x",), x, **options)["x"]
    np.testing.assert_allclose(by_z, by_x * x * (1 - x), rtol=1e-10, atol=1e-18)


def test_an_infinite_density_pulls_infinitely_and_never_undecidedly():
    x = np.array([[0.0, 0.5, 1.0]])
    gradient = reference_gradient(1.0, ("x",), x, 0.5, 0.5, prior="beta")["x"]
    np.testing.assert_array_equal(gradient[0, [0, 2]], [-np.inf, np.inf])
    assert abs(gradient[0, 1]) < 1e-15
    # At x = 1 with p = 1 there is no residual left to pull.
    options = {"a": 0.5, "b": 0.5, "prior": "beta", "plotting_position": "ecdf"}
    assert reference_gradient(1.0, ("x",), x, **options)["x"][0, 2] == 0
    assert not reference_gradient(0.0, ("x",), x, **options)["x"].any()


def test_logits_have_the_finite_limit_where_samples_have_none():
    """Beta(0.5, 0.5): f(x) x (1 - x) falls as exp(-|z| / 2) where f itself is infinite."""
    z = np.array([[-80.0, -20.0, 20.0, 80.0]])
    gradient = reference_gradient(
        1.0, ("x",), z, 0.5, 0.5, prior="beta", from_logits=True, plotting_position="hazen"
    )["x"]
    positions = np.array([[1, 3, 5, 7]]) / 8
    tail = np.exp(-np.abs(z) / 2)
    residual = np.where(z < 0, 2 / np.pi * tail - positions, 1 - 2 / np.pi * tail - positions)
    np.testing.assert_allclose(gradient, residual / 2 * tail / np.pi, rtol=1e-4)


def test_clip_acts_only_when_asked_and_ties_what_it_clamps():
    x = np.array([[0.01, 0.05, 0.2, 0.5, 0.95]])
    options = {"a": 0.4, "b": 0.8, "prior": "relaxed_bernoulli"}
    clamped = np.clip(x, 0.1, 0.9)
    loss = reference(x, clip=(0.1, 0.9), **options)
    assert loss == reference(clamped, **options)
    assert abs(loss - reference(x, **options)) > 1e-3
    gradient = reference_gradient(1.0, ("x",), x, clip=(0.1, 0.9), **options)["x"]
    np.testing.assert_array_equal(gradient == 0, [[True, True, False, False, True]])
    on_bound = reference_gradient(1.0, ("x",), x, clip=(0.05, 0.95), **options)["x"]
    np.testing.assert_array_equal(on_bound == 0, [[True, False, False, False, False]])


def test_a_nan_spoils_its_row_and_no_other():
    x = philox(8).uniform(size=(3, 6))
    parameters = {"a": np.full(3, 0.7), "b": np.full(3, 1.5)}
    clean = reference_gradient(np.ones(3), ("x", "a"), x, **parameters, prior="beta",
                               reduction="none")  # fmt: skip
    x[1, 2] = np.nan
    for clip in (None, (0.0, 1.0)):
        options = {**parameters, "prior": "beta", "reduction": "none", "clip": clip}
        np.testing.assert_array_equal(np.isnan(reference(x, **options)), [False, True, False])
        gradients = reference_gradient(np.ones(3), ("x", "a"), x, **options)
        for name, gradient in gradients.items():
            assert np.isnan(gradient[1]).all()
            np.testing.assert_array_equal(gradient[[0, 2]], clean[name][[0, 2]])


def test_reductions_are_mean_and_sum_of_the_rows():
    x = philox(9).uniform(size=(4, 5))
    rows = reference(x, 0.5, 0.4, prior="normal", reduction="none")
    assert rows.shape == (4,)
    assert reference(x, 0.5, 0.4, prior="normal") == pytest.approx(rows.mean(), rel=1e-15)
    assert reference(x, 0.5, 0.4, prior="normal", reduction="sum") == pytest.approx(rows.sum())


@pytest.mark.parametrize("error", OPERATOR.error_cases, ids=lambda error: error.name)
def test_bad_input_is_named(error):
    check = OPERATOR.check
    if error.by_value:
        check(**error.arguments)
        check = OPERATOR.check_values
    with pytest.raises(error.raises) as caught:
        check(**error.arguments)
    assert all(word in str(caught.value) for word in error.match)


SMALL = [c for c in OPERATOR.cases if c.profile == "quick" and c.sizes["R"] * c.sizes["N"] < 2e4]


@pytest.mark.parametrize("case", SMALL, ids=lambda case: case.name)
def test_tolerances_tell_the_reference_from_zero_and_from_a_constant(case):
    want = expected(OPERATOR, case, base=0)
    for name, value in want.reference.items():
        finite = np.isfinite(value)
        for fake in (np.zeros_like(value), np.full_like(value, value[finite].mean() * 1.02)):
            assert units(fake, value, want.allowed[name]).max() > 1
        assert want.allowed[name].shape == value.shape
        assert np.isfinite(want.allowed[name]).all()


def test_every_prior_position_tie_and_reduction_has_a_quick_case():
    defaults = {"plotting_position": "weibull", "ties": "mid", "from_logits": False,
                "clip": None, "reduction": "mean"}  # fmt: skip
    quick = [{**defaults, **c.options} for c in OPERATOR.cases if c.profile == "quick"]
    for option, values in OPERATOR.options.items():
        assert {options[option] for options in quick} == set(values)
    assert sum(c.representative for c in OPERATOR.cases) == 2
