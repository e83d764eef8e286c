"""The ECDF's reference: SciPy's values, and each surrogate's gradient as it is defined."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.special import expit

from suite.judge.correctness import expected, units
from suite.operators.ecdf import OPERATOR, reference, reference_gradient
from suite.plotting_positions import PLOTTING_POSITIONS, TIES


def philox(seed):
    return np.random.Generator(np.random.Philox(seed))


def gradient(cotangent, x, **options):
    return reference_gradient(cotangent, ("x",), x, **options)["x"]


def test_values_are_scipys_ecdf_in_input_order():
    x = philox(1).integers(6, size=(3, 25)).astype(float)
    values = reference(x)
    for row, got in zip(x, values, strict=True):
        np.testing.assert_allclose(got, stats.ecdf(row).cdf.evaluate(row), rtol=1e-15)


@settings(deadline=None, derandomize=True, max_examples=25)
@given(seed=st.integers(0, 2**32), samples=st.integers(1, 30))
def test_distinct_samples_take_every_position_once_in_order(seed, samples):
    x = philox(seed).permutation(samples)[None].astype(float)
    for ties in TIES:
        values = reference(x, plotting_position="hazen", ties=ties)
        np.testing.assert_allclose(values, (x + 0.5) / samples, rtol=1e-14)


@pytest.mark.parametrize("surrogate", ("identity", "density", "soft_rank"))
def test_no_surrogate_changes_the_value(surrogate):
    x, scale = philox(2).normal(size=(2, 9)), None if surrogate == "identity" else 0.3
    np.testing.assert_array_equal(reference(x, surrogate=surrogate, scale=scale), reference(x))


def test_identity_returns_the_cotangent_itself():
    x, g = philox(3).normal(size=(2, 2, 9))
    got = gradient(g, x)
    np.testing.assert_array_equal(got, g)
    assert not np.shares_memory(got, g)


@pytest.mark.parametrize("plotting_position", PLOTTING_POSITIONS)
def test_density_is_scipys_kernel_estimate_on_the_diagonal(plotting_position):
    x, g = philox(4).normal(size=(2, 2, 40))
    got = gradient(g, x, surrogate="density", scale=0.3, plotting_position=plotting_position)
    for row in range(2):
        estimate = stats.gaussian_kde(x[row], bw_method=0.3 / x[row].std(ddof=1))
        np.testing.assert_allclose(got[row], g[row] * estimate(x[row]), rtol=1e-12)


def test_a_lone_sample_has_the_kernels_own_density():
    got = gradient(np.ones((1, 1)), np.array([[7.0]]), surrogate="density", scale=0.5)
    assert got[0, 0] == pytest.approx(2 / np.sqrt(2 * np.pi), rel=1e-15)


@pytest.mark.parametrize(
    ("plotting_position", "steps"), (("ecdf", 7), ("hazen", 7), ("weibull", 8))
)
@pytest.mark.parametrize("scale", (0.05, 1.0))
def test_soft_rank_is_the_jacobian_of_soft_ranks(plotting_position, steps, scale):
    x, g = philox(5).normal(size=(2, 2, 7))

    def objective(x):
        soft = expit((x[:, :, None] - x[:, None, :]) / scale).sum(axis=2)
        return (g * soft / steps).sum()

    slopes = np.empty(x.shape)
    for index in np.ndindex(x.shape):
        step = np.zeros(x.shape)
        step[index] = 1e-6 * scale
        slopes[index] = (objective(x + step) - objective(x - step)) / (2e-6 * scale)
    got = gradient(g, x, surrogate="soft_rank", scale=scale, plotting_position=plotting_position)
    assert np.abs(slopes).max() > 0.1
    np.testing.assert_allclose(got, slopes, atol=1e-7)


def test_soft_ranks_do_not_move_when_all_samples_do():
    x, g = philox(6).normal(size=(2, 3, 300))
    got = gradient(g, x, surrogate="soft_rank", scale=0.2)
    assert np.abs(got).max() > 0.1
    np.testing.assert_allclose(got.sum(axis=1), 0, atol=1e-12)


def test_pair_sums_do_not_depend_on_their_blocks(monkeypatch):
    x, g = philox(7).normal(size=(2, 2, 50))
    whole = [gradient(g, x, surrogate=s, scale=0.2) for s in ("density", "soft_rank")]
    monkeypatch.setattr("suite.operators.ecdf._PAIRS", 150)
    parts = [gradient(g, x, surrogate=s, scale=0.2) for s in ("density", "soft_rank")]
    np.testing.assert_allclose(parts, whole, rtol=1e-12)


@pytest.mark.parametrize(
    "options", ({}, {"surrogate": "density", "scale": 0.4}, {"surrogate": "soft_rank", "scale": 1})
)
def test_a_nan_spoils_its_row_and_no_other(options):
    x, g = philox(8).normal(size=(2, 3, 6))
    clean = reference(x, **options), gradient(g, x, **options)
    x[1, 2] = np.nan
    for got, before in zip(
        (reference(x, **options), gradient(g, x, **options)), clean, strict=True
    ):
        assert np.isnan(got[1]).all()
        np.testing.assert_array_equal(got[[0, 2]], before[[0, 2]])


@pytest.mark.parametrize("error", OPERATOR.error_cases, ids=lambda error: error.name)
def test_bad_input_is_named(error):
    with pytest.raises(error.raises) as caught:
        OPERATOR.check(**error.arguments)
    assert all(word in str(caught.value) for word in error.match)


SMALL = [c for c in OPERATOR.cases if c.profile == "quick" and c.sizes["R"] * c.sizes["N"] < 5000]


@pytest.mark.parametrize("case", SMALL, ids=lambda case: case.name)
def test_tolerances_tell_the_reference_from_zero_and_from_a_near_miss(case):
    want = expected(OPERATOR, case, base=0)
    for name, value in want.reference.items():
        for fake in (np.zeros_like(value), 1.02 * value):
            assert units(fake, value, want.allowed[name]).max() > 1
        assert want.allowed[name].shape == value.shape


def test_every_option_has_a_quick_case():
    quick = [
        {"plotting_position": "ecdf", "ties": "max", **c.options}
        for c in OPERATOR.cases
        if c.profile == "quick"
    ]
    for option, values in OPERATOR.options.items():
        assert {options[option] for options in quick} == set(values)
    assert sum(c.representative for c in OPERATOR.cases) == 2
