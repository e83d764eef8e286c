"""The incomplete beta function in jax against mpmath, and the limits that its formula must keep."""

import mpmath
import numpy as np
import pytest
from scipy import special

jax = pytest.importorskip("jax")
jnp = jax.numpy

from implementations.jax_xla.beta_rows import beta_of_rows  # noqa: E402
from implementations.jax_xla.incomplete_beta import (  # noqa: E402
    beta,
    beta_from_logits,
    incomplete_beta,
    logs_from_x,
)

DTYPES = ("float32", "float64")
BOUND = {"float32": 5e-6, "float64": 1e-12}


def without_float64():
    """A context in which jax knows no float64, as it does unless it is told otherwise."""
    return jax.enable_x64(False) if hasattr(jax, "enable_x64") else jax.experimental.disable_x64()


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
    arrays = (jnp.asarray(points[:, None], dtype), *(jnp.asarray(p, dtype) for p in pairs.T))
    parts = function(*arrays)
    kept = (parts.cdf, parts.sf, parts.da, parts.db)
    assert {part.dtype.name for part in kept} == {dtype}
    got = np.array([np.asarray(part, np.float64)[:, 0] for part in kept])
    return (np.abs(got - rows.T) / np.maximum(1, np.abs(rows.T))).max(axis=1)


@pytest.mark.parametrize("dtype", DTYPES)
def test_values_and_parameter_derivatives_agree_with_mpmath(in_x, dtype):
    assert (worst(beta, *in_x, dtype) <= BOUND[dtype]).all()


@pytest.mark.parametrize("dtype", DTYPES)
def test_from_logits_agrees_where_the_sigmoid_saturates(in_logits, dtype):
    assert (worst(beta_from_logits, *in_logits, dtype) <= BOUND[dtype]).all()


def test_float32_sigmoid_alone_would_lose_the_tail(in_logits):
    z, pairs, rows = in_logits
    z, pairs = jnp.asarray(z[:, None], "float32"), jnp.asarray(pairs, "float32")
    tail = (rows[:, 1] > 0.05) & (np.asarray(z)[:, 0] > 17)
    assert tail.any()
    lost = np.asarray(beta(jax.nn.sigmoid(z), *pairs.T).sf)[tail, 0]
    assert (np.abs(lost - rows[tail, 1]) > 0.01).any()


def test_float32_needs_no_float64_and_stays_float32(in_x):
    with without_float64():
        assert (worst(beta, *in_x, "float32") <= BOUND["float32"]).all()


def of_four_rows(x, a, b):
    """`beta` of (4, 4) samples in float32: one shape for several tests, compiled once."""
    return beta(*(jnp.asarray(array, jnp.float32) for array in (x, a, b)))


def test_far_outside_the_tested_range_the_fraction_still_converges():
    a = np.array([1e2, 1e3, 1e4, 1e5])
    x = (1 / 3 + np.array([-1, 0, 0.5, 2]) / np.sqrt(a)[:, None] / 3).astype(np.float32)
    got = of_four_rows(x, a, 2 * a).cdf
    np.testing.assert_allclose(got, special.betainc(a[:, None], 2 * a[:, None], x), atol=2e-4)


def test_ends_have_their_limits():
    parts = of_four_rows([[0, 1, 0, 1]] * 4, [0.5, 1, 2, 0.3], [0.5, 3, 1, 2])
    assert parts.cdf.tolist() == [[0, 1, 0, 1]] * 4 and parts.sf.tolist() == [[1, 0, 1, 0]] * 4
    assert not parts.da.any() and not parts.db.any()
    density = [[np.inf, np.inf], [3, 0], [0, 2], [np.inf, 0]]
    np.testing.assert_allclose(parts.pdf[:, :2], density, rtol=1e-5)


def test_what_is_outside_the_domain_is_nan_and_alone():
    x = [[0.5, -0.1, 1.1, np.nan], *[[0.5] * 4] * 3]
    parts = of_four_rows(x, [2, -1, 2, np.nan], [3, 3, 0, 3])
    expected = [[False, True, True, True], *[[True] * 4] * 3]
    assert all(np.isnan(part).tolist() == expected for part in parts)


def test_autodiff_of_incomplete_beta_is_its_parts_once_and_raises_twice():
    x = jnp.asarray([[0.2, 0.5, 0.9, 0.4]] * 4, jnp.float32)
    a, b = jnp.asarray([0.3, 1, 2, 20], jnp.float32), jnp.asarray([2, 2, 2, 2], jnp.float32)

    def total(x, a, b):
        return incomplete_beta(x, a, b).sum()

    d_x, d_a, d_b = jax.grad(total, (0, 1, 2))(x, a, b)
    parts = beta(x, a, b)
    np.testing.assert_allclose(d_x, parts.pdf, rtol=1e-6)
    np.testing.assert_allclose(d_a, parts.da.sum(1), rtol=1e-5)
    np.testing.assert_allclose(d_b, parts.db.sum(1), rtol=1e-5)
    with pytest.raises(NotImplementedError, match="incomplete_beta has first derivatives only"):
        jax.grad(lambda x: jax.grad(total)(x, a, b).sum())(x)


def test_one_series_per_row_is_the_fraction_at_every_sample():
    rng = np.random.Generator(np.random.Philox(13))
    pairs = np.concatenate([parameters(rng, 40), [[200, 200], [0.05, 1e3], [300, 0.3]]])
    x = rng.beta(*pairs.T[..., None], size=(len(pairs), 60)).clip(1e-30, 1)
    x[:, :3] = 0, 1, 0.5
    x, a, b = (jnp.asarray(array) for array in (x, pairs[:, :1], pairs[:, 1:]))
    of_rows = jax.jit(lambda x, a, b: beta_of_rows(logs_from_x(x, a, b), a, b, in_logits=False))(
        x, a, b
    )
    of_samples = beta(x, a[:, 0], b[:, 0])
    for name in ("cdf", "sf", "da", "db"):
        one, other = getattr(of_rows, name), getattr(of_samples, name)
        error = jnp.abs(one - other) / jnp.maximum(1, jnp.abs(other))
        assert float(error.max()) <= BOUND["float64"], name
