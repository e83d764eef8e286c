"""The CUDA header of the priors, run on the host, against float64 and its quadrature's rule."""

import ctypes

import numpy as np
import pytest
from cuda_host.build import HOST, NEEDS, compiler, library

from suite.priors import PRIORS

NUMBERS = {"beta": 0, "symbeta": 1, "relaxed_bernoulli": 2, "normal": 3}
BOUND = {np.float32: 5e-6, np.float64: 1e-12}
DTYPES = (np.float32, np.float64)


@pytest.fixture(scope="module")
def host():
    if compiler() is None:
        pytest.skip(NEEDS)
    built = library((HOST / "priors.cpp").read_text(encoding="utf-8"))
    built.gauss_point.restype = built.gauss_integral.restype = ctypes.c_double
    return built


def terms(host, prior, a, b, x, logits):
    """CDF, density and slopes, (4, n), in x's dtype."""
    x = np.ascontiguousarray(x)
    out = np.empty((4, x.size), x.dtype)
    kind = "float" if x.dtype == np.float32 else "double"
    call = getattr(host, f"priors_{kind}")
    call(NUMBERS[prior], ctypes.c_double(a), ctypes.c_double(b), ctypes.c_void_p(x.ctypes.data),
         ctypes.c_long(x.size), int(logits), ctypes.c_void_p(out.ctypes.data))  # fmt: skip
    return out


def drawn(prior, dtype, seed):
    """Parameters and samples, exactly representable in the dtype; b as the kernel is given it."""
    rng = np.random.Generator(np.random.Philox(seed))
    single = np.float32
    if prior == "normal":
        a, b = single(rng.normal()), single(np.exp(rng.normal()))
        return a, b, (a + b * rng.normal(size=200) * 3).astype(dtype)
    if prior == "beta":
        a, b = np.exp(rng.uniform(np.log(0.05), np.log(50), size=2)).astype(single)
    else:
        a, b = single(rng.uniform(0.02, 0.98)), single(np.exp(rng.uniform(-2, 1)))
    if prior == "symbeta":
        b = 1 - np.float64(a)
    mode = np.log(np.float64(a) / np.float64(b)) if prior == "beta" else 0.0
    z = mode + np.concatenate([rng.normal(size=150) * 2, rng.uniform(-60, 60, size=50)])
    return a, b, z.astype(dtype)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("prior", NUMBERS)
def test_value_density_and_slopes_are_those_of_the_reference(host, prior, dtype, seed):
    a, b, x = drawn(prior, dtype, seed)
    logits = prior != "normal"
    cdf, density, slope_a, slope_b = terms(host, prior, a, b, x, logits).astype(np.float64)
    given = np.float64(a), None if prior == "symbeta" else np.float64(b)
    exact = x.astype(np.float64)
    want = PRIORS[prior].cdf(exact, *given, from_logits=logits)
    assert np.abs(cdf - want).max() <= BOUND[dtype]
    to_a, to_b = PRIORS[prior].parameter_derivatives(exact, *given, from_logits=logits)
    if prior == "symbeta":
        slope_a, slope_b = slope_a - slope_b, 0 * slope_b
    for got, want in ((slope_a, to_a), (slope_b, to_b)):
        assert (np.abs(got - want) / np.maximum(1, np.abs(want))).max() <= BOUND[dtype]
    want = PRIORS[prior].pdf(exact, *given, from_logits=logits)
    # Its logarithm is a sum of terms as large as a, b and itself.
    size = 8 + np.abs(np.log(np.maximum(want, 1e-300))) + abs(given[0]) + abs(float(b))
    near = want > 100 * np.finfo(dtype).tiny
    error = np.abs(density / np.where(want > 0, want, 1) - 1)
    assert (error[near] / size[near]).max() <= 8 * np.finfo(dtype).eps
    assert (density[~near] <= 200 * np.finfo(dtype).tiny).all()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("prior", "a", "b"), [
    ("beta", 0.5, 0.7), ("beta", 1.0, 1.0), ("beta", 3.0, 2.0), ("relaxed_bernoulli", 0.3, 0.6),
    ("relaxed_bernoulli", 0.3, 1.0), ("relaxed_bernoulli", 0.3, 2.5),
])  # fmt: skip
def test_on_the_unit_interval_the_limits_at_its_ends_are_met(host, prior, a, b, dtype):
    """Infinite, finite and zero densities at 0 and 1, and everything between."""
    x = np.array([0.0, 1e-30, 1e-6, 0.25, 0.5, 0.875, 1.0], dtype)
    cdf, density, *_ = terms(host, prior, a, b, x, False).astype(np.float64)
    np.testing.assert_allclose(cdf, PRIORS[prior].cdf(x.astype(float), a, b), atol=BOUND[dtype])
    want = PRIORS[prior].pdf(x.astype(float), a, b)
    largest = np.finfo(dtype).max
    want = np.where(want > largest, np.inf, want)
    info = np.finfo(dtype)
    np.testing.assert_allclose(density, want, rtol=200 * info.eps, atol=info.tiny)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("prior", NUMBERS)
def test_parameters_out_of_range_and_nan_samples_give_nan_and_infinite_ones_the_ends(
    host, prior, dtype
):
    x = np.array([-np.inf, 0.5, np.inf, np.nan], dtype)
    for a, b in ((np.nan, 1.0), (-np.inf, 1.0), (0.5, np.nan)) + ((0.5, 0.0),) * (prior != "beta"):
        assert np.isnan(terms(host, prior, a, b, x, True)[0]).all()
    if prior != "normal":
        cdf, density, *slopes = terms(host, prior, 0.5, 0.5, x, True)
        np.testing.assert_array_equal(cdf[[0, 2]], [0, 1])
        np.testing.assert_array_equal(density[[0, 2]], [0, 0])
        assert all(np.isfinite(slope[:3]).all() for slope in slopes) and np.isnan(cdf[3])


@pytest.mark.parametrize("points", (4, 10))
def test_the_rule_is_gausss_and_its_integrals_are_exact(host, points):
    """Polynomials up to the rule's degree: the running integral's coefficients, and the whole."""
    nodes, weights = np.polynomial.legendre.leggauss(points)
    for g in range(points):
        assert host.gauss_point(points, g) == pytest.approx((nodes[g] + 1) / 2, abs=1e-16)
        whole = host.gauss_integral(points, g, points + 1)
        assert whole == pytest.approx(weights[g] / 2, rel=1e-13)
    matrix = np.array([[host.gauss_integral(points, g, c) for c in range(points + 1)]
                       for g in range(points)])  # fmt: skip
    for degree in range(points):
        running = np.polynomial.polynomial.polyint([0] * degree + [0.5], lbnd=-1)
        got = nodes**degree @ matrix
        np.testing.assert_allclose(got[: degree + 2], running, atol=1e-12)
        np.testing.assert_allclose(got[degree + 2 :], 0, atol=1e-12)
