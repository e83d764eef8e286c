"""Ranks and plotting positions are SciPy's, ties and all."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy.stats import ecdf, rankdata

from suite.plotting_positions import PLOTTING_POSITIONS, TIES, plotting_positions, ranks, unit

METHOD = {"mid": "average", "max": "max", "ordinal": "ordinal"}
TIED = arrays.arrays(
    np.float64, st.tuples(st.integers(1, 4), st.integers(1, 12)), elements=st.integers(-2, 2)
)


@pytest.mark.parametrize("ties", TIES)
@settings(deadline=None, derandomize=True, max_examples=60)
@given(x=TIED)
def test_ranks_are_scipys(ties, x):
    np.testing.assert_array_equal(ranks(x, ties), rankdata(x, METHOD[ties], axis=1))


def test_minus_zero_ties_with_zero():
    np.testing.assert_array_equal(ranks(np.array([[0.0, -1.0, -0.0]]), "mid"), [[2.5, 1.0, 2.5]])


def test_largest_rank_over_n_is_the_ecdf():
    x = np.random.Generator(np.random.Philox(1)).integers(5, size=(1, 40)).astype(float)
    np.testing.assert_allclose(
        plotting_positions(x, "ecdf", "max")[0], ecdf(x[0]).cdf.evaluate(x[0]), rtol=1e-15
    )


@pytest.mark.parametrize("name", PLOTTING_POSITIONS)
def test_distinct_samples_are_drawn_at_the_published_positions(name):
    x, i = np.array([[3.0, 1.0, 2.0, 9.0]]), np.array([3, 1, 2, 4])
    expected = {"weibull": i / 5, "ecdf": i / 4, "hazen": (2 * i - 1) / 8}[name]
    positions = plotting_positions(x, name, "mid")[0]
    np.testing.assert_allclose(positions, expected, rtol=1e-15)
    assert np.diff(np.sort(positions)) == pytest.approx(unit(name, 4))
