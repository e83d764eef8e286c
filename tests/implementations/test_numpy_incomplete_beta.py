"""Two derivations of the incomplete beta's parameter derivatives agree: series and fraction."""

import numpy as np
import pytest

from implementations.numpy_scipy.incomplete_beta import parameter_derivatives
from suite.incomplete_beta import UnitSample, incomplete_beta


@pytest.mark.parametrize("from_logits", (False, True))
def test_series_of_positive_terms_meets_the_continued_fraction(from_logits):
    rng = np.random.Generator(np.random.Philox(11))
    a, b = np.exp(rng.uniform(np.log(0.05), np.log(50), size=(2, 40, 1)))
    x = rng.normal(0, 12, size=(40, 25)) if from_logits else rng.uniform(size=(40, 25))
    sample = UnitSample.of(x, from_logits)
    series = parameter_derivatives(sample.log_x, sample.log_y, a, b)
    fraction = incomplete_beta(sample, a, b)[1:]
    for one, other in zip(series, fraction, strict=True):
        assert np.abs(other).max() > 1
        np.testing.assert_array_less(np.abs(one - other), 1e-13 * np.maximum(1, np.abs(other)))


def test_the_ends_are_flat_and_nan_stays_where_it_is():
    x = np.array([[0.0, 1.0, np.nan, 0.5]])
    sample = UnitSample.of(x, from_logits=False)
    for slope in parameter_derivatives(sample.log_x, sample.log_y, 0.5, 2.0):
        np.testing.assert_array_equal(np.isnan(slope), np.isnan(x))
        np.testing.assert_array_equal(slope[0, :2], [0, 0])
        assert abs(slope[0, 3]) > 0.1
