"""Masses and density differences of the smoothing kernels against 60-digit arithmetic."""

import mpmath as mp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from suite.smoothing_kernels import KERNELS, REACH, bin_mass, density, density_difference

mp.mp.dps = 60


def exact_density(kernel, z):
    if kernel == "gaussian":
        return mp.npdf(z)
    if kernel == "logistic":
        return 1 / (mp.exp(z / 2) + mp.exp(-z / 2)) ** 2
    if abs(z) > 1:
        return mp.mpf(0)
    return 1 - abs(z) if kernel == "triangular" else mp.mpf(3) / 4 * (1 - z * z)


def exact_cdf(kernel, z):
    if kernel == "gaussian":
        return mp.erfc(-z / mp.sqrt(2)) / 2
    if kernel == "logistic":
        return 1 / (1 + mp.exp(-z))
    z = min(max(z, mp.mpf(-1)), mp.mpf(1))
    if kernel == "triangular":
        return (1 + z) ** 2 / 2 if z < 0 else 1 - (1 - z) ** 2 / 2
    return mp.mpf(1) / 2 + mp.mpf(3) / 4 * z - z**3 / 4


@pytest.mark.parametrize("kernel", KERNELS)
@settings(deadline=None, derandomize=True, max_examples=150)
@given(centre=st.one_of(st.floats(-10, 10), st.floats(-1.1, 1.1)), exponent=st.floats(-9, 1))
def test_mass_and_slope_are_right_relative_to_themselves(kernel, centre, exponent):
    z = np.array([centre - 0.5 * 10**exponent, centre + 0.5 * 10**exponent])
    lower, upper = map(mp.mpf, z)
    width = np.array([float(upper - lower)])
    mass = exact_cdf(kernel, upper) - exact_cdf(kernel, lower)
    fall = exact_density(kernel, lower) - exact_density(kernel, upper)
    assert abs(bin_mass(kernel, z, width)[0] - mass) <= 1e-13 * mass
    assert abs(density_difference(kernel, z, width)[0] - fall) <= 1e-13 * (mass + abs(fall))


@pytest.mark.parametrize("kernel", KERNELS)
def test_nothing_is_left_beyond_the_reach(kernel):
    z = np.array([REACH[kernel], REACH[kernel] + 1])
    assert bin_mass(kernel, z, np.diff(z))[0] == density(kernel, z)[0] == 0
    z = np.array([0.9 * REACH[kernel], REACH[kernel]])
    assert bin_mass(kernel, z, np.diff(z))[0] > 0
