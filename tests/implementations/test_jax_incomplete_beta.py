"""The incomplete beta function in jax against mpmath, and the limits that its formula must keep."""

import contextlib

import mpmath
import numpy as np
import pytest

jax = pytest.importorskip("jax")
jnp = jax.numpy

from implementations.jax_xla.incomplete_beta import (  # noqa: E402
    beta,
    beta_from_logits,
    incomplete_beta,
)

DTYPES = ("float32", "float64")
BOUND = {"float32": 5e-6, "float64": 1e-12}


def precision(dtype):
    """A context in which jax computes in this dtype."""
    if dtype == "float32":
        return contextlib.nullcontext()
    return jax.enable_x64(True) if hasattr(jax, "enable_x64") else jax.experimental.enable_x64()


def parameters(rng, count):
    """Pairs (a, b) in [0.05, 50], the corners first, exactly representable in float32."""
    corners = [(a, b) for a in (0.05, 1.0, 50.0) for b in (0.05, 1.0, 50.0)]
    rest = np.exp(rng.uniform(np.log(0.05), np.log(50.0), size=(count - len(corners), 2)))
    return np.concatenate([corners, rest]).astype(np.float32).astype(np.float64)


def truth(x, y, a, b):
    """cdf, sf, dI/da, dI/db by mpmath, from the smaller of x and y = 1 - x."""
    step = mpmath.mpf("1e-10")

    def cdf(a, b):
        if x < y:
            return mpmath.betainc(a, b, 0, x, regularized=True)
        return 1 - mpmath.betainc(b, a, 0, y, regularized=True)

    d_a = (cdf(a + step, b) - cdf(a - step, b)) / (2 * step)
    d_b = (cdf(a, b + step) - cdf(a, b - step)) / (2 * step)
    return [float(value) for value in (cdf(a, b), 1 - cdf(a, b), d_a, d_b)]


@pytest.fixture(scope="module")
def in_x():
    """Points x over the whole interval, tails included, with their values."""
    rng = np.random.Generator(np.random.Philox(11))
    pairs = parameters(rng, 150)
    kinds = np.arange(len(pairs)) % 4
    mean, spread = pairs[:, 0] / pairs.sum(1), 1 / np.sqrt(pairs.sum(1) + 1)
    x = np.where(kinds == 0, rng.uniform(size=len(pairs)), 0.0)
    x = np.where(kinds == 1, np.clip(mean + 0.3 * spread * rng.normal(size=len(x)), 1e-6, 0.999), x)
    x = np.where(kinds == 2, 10.0 ** rng.uniform(-30, -1, size=len(x)), x)
    x = np.where(kinds == 3, 1 - 2.0 ** rng.integers(-24, -3, size=len(x)), x)
    x = x.astype(np.float32).astype(np.float64)
    with mpmath.workdps(40):
        rows = [
            truth(mpmath.mpf(p), 1 - mpmath.mpf(p), *map(mpmath.mpf, q))
            for p, q in zip(x, pairs, strict=True)
        ]
    return x, pairs, np.array(rows)


@pytest.fixture(scope="module")
def in_logits():
    """Logits from -200 to 200, where sigmoids saturate, with their values."""
    rng = np.random.Generator(np.random.Philox(12))
    pairs = parameters(rng, 100)
    z = np.where(np.arange(100) % 2, rng.uniform(-6, 6, size=100), rng.uniform(-200, 200, size=100))
    z[:9] = [20, -20, 40, -40, 90, -90, 0, 17, -17]
    z = z.astype(np.float32).astype(np.float64)
    rows = []
    with mpmath.workdps(60):
        for point, pair in zip(z, pairs, strict=True):
            grown = mpmath.exp(mpmath.mpf(point))
            rows.append(truth(grown / (1 + grown), 1 / (1 + grown), *map(mpmath.mpf, pair)))
    return z, pairs, np.array(rows)


def worst(function, points, pairs, rows, dtype):
    """The largest error of cdf, sf, da, db, relative to max(1, |.|)."""
    with precision(dtype):
        parts = function(
            jnp.asarray(points[:, None], dtype), *(jnp.asarray(p, dtype) for p in pairs.T)
        )
        assert parts.cdf.dtype == dtype
        got = np.array(
            [np.asarray(p, np.float64)[:, 0] for p in (parts.cdf, parts.sf, parts.da, parts.db)]
        )
    return (np.abs(got - rows.T) / np.maximum(1, np.abs(rows.T))).max(axis=1)


@pytest.mark.parametrize("dtype", DTYPES)
def test_values_and_parameter_derivatives_agree_with_mpmath(in_x, dtype):
    assert (worst(beta, *in_x, dtype) <= BOUND[dtype]).all()


@pytest.mark.parametrize("dtype", DTYPES)
def test_from_logits_agrees_where_the_sigmoid_saturates(in_logits, dtype):
    assert (worst(beta_from_logits, *in_logits, dtype) <= BOUND[dtype]).all()


def test_float32_sigmoid_alone_would_lose_the_tail():
    z = jnp.full((1, 1), 18.0, jnp.float32)
    right = float(
        mpmath.betainc(0.1, 0.9, 0, mpmath.mpf(1) / (1 + mpmath.exp(18)), regularized=True)
    )
    assert float(beta_from_logits(z, 0.9, 0.1).sf[0, 0]) == pytest.approx(right, rel=1e-5)
    assert float(beta(jax.nn.sigmoid(z), 0.9, 0.1).sf[0, 0]) != pytest.approx(right, rel=0.1)


def test_float32_stays_float32_when_float64_is_enabled():
    with precision("float64"):
        x = jnp.asarray([[0.25, 0.5]], jnp.float32)
        assert {part.dtype.name for part in beta(x, 0.5, jnp.ones(1, jnp.float32))} == {"float32"}
        assert {part.dtype.name for part in beta_from_logits(x, 2, 0.5)} == {"float32"}


@pytest.mark.parametrize("large", [1e3, 1e5])
def test_far_outside_the_tested_range_the_fraction_still_converges(large):
    from scipy import special

    a, b = large, 2 * large
    x = np.array([[0.33, 1 / 3, 0.34]], np.float32)
    got = np.asarray(beta(jnp.asarray(x), a, b).cdf)
    np.testing.assert_allclose(got, special.betainc(a, b, x.astype(float)), atol=2e-4)


def test_ends_have_their_limits():
    ends = jnp.asarray([[0.0, 1.0]], jnp.float32)
    for a, b, density in ((0.5, 0.5, (np.inf, np.inf)), (1.0, 3.0, (3.0, 0.0)), (2.0, 1.0, (0, 2))):
        parts = beta(ends, a, b)
        assert parts.cdf.tolist() == [[0, 1]] and parts.sf.tolist() == [[1, 0]]
        assert parts.da.tolist() == [[0, 0]] and parts.db.tolist() == [[0, 0]]
        np.testing.assert_allclose(parts.pdf[0], density, rtol=1e-5)
    infinite = beta_from_logits(jnp.asarray([[-jnp.inf, jnp.inf]]), 0.5, 0.5)
    assert infinite.cdf.tolist() == [[0, 1]] and infinite.pdf.tolist() == [[0, 0]]


def test_what_is_outside_the_domain_is_nan_and_alone():
    x = jnp.asarray([[0.5, -0.1, 1.1, jnp.nan], [0.5, 0.5, 0.5, 0.5]], jnp.float32)
    parts = beta(x, jnp.asarray([2.0, -1.0], jnp.float32), 3.0)
    expected = [[False, True, True, True], [True] * 4]
    assert all(np.isnan(part).tolist() == expected for part in parts)


def test_autodiff_of_incomplete_beta_is_its_parts_once_and_raises_twice():
    x, a = jnp.asarray([[0.2, 0.5], [0.9, 0.4]], jnp.float32), jnp.asarray([2.0, 0.3], jnp.float32)
    parts = beta(x, a, 3.0)

    def total(x, a, b):
        return incomplete_beta(x, a, b).sum()

    d_x, d_a, d_b = jax.jit(jax.grad(total, (0, 1, 2)))(x, a, 3.0)
    np.testing.assert_allclose(d_x, parts.pdf, rtol=1e-6)
    np.testing.assert_allclose(d_a, parts.da.sum(1), rtol=1e-5)
    np.testing.assert_allclose(d_b, parts.db.sum(), rtol=1e-5)
    stacked = jax.vmap(jax.grad(total), (0, 0, None))(x[:, None], a[:, None], 3.0)
    np.testing.assert_allclose(stacked[:, 0], parts.pdf, rtol=1e-6)
    with pytest.raises(NotImplementedError, match="incomplete_beta has first derivatives only"):
        jax.grad(lambda x: jax.grad(total)(x, a, 3.0).sum())(x)
