"""Ranks in jax: those of SciPy, whatever the ties, signs of zero, sizes and route of the sort."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy import stats

jax = pytest.importorskip("jax")
jnp = jax.numpy

from implementations.jax_xla import ranks as module  # noqa: E402

SCIPY = {"mid": "average", "max": "max", "ordinal": "ordinal"}
FEW = st.sampled_from([-np.inf, -3.5, -1e-40, -0.0, 0.0, 1e-40, 1.0, 1.0000001, 3.4e38, np.inf])
TIED = arrays.arrays(np.float32, (2, 9), elements=FEW)


def enabled(float64):
    """A context in which jax knows float64 and 64-bit integers, or does not."""
    if hasattr(jax, "enable_x64"):
        return jax.enable_x64(float64)
    experimental = jax.experimental
    return experimental.enable_x64() if float64 else experimental.disable_x64()


def drawn(dtype, samples):
    """Rows without ties, with many, and with infinities and zeros of both signs."""
    rng = np.random.Generator(np.random.Philox(5))
    x = rng.normal(size=(3, samples)).astype(dtype)
    x[1] = np.maximum(x[1], 0) * rng.choice([1, -1], size=samples)
    x[2] = np.round(2 * x[2])
    x[2, ::7] = np.inf
    return x


@pytest.mark.parametrize("ties", list(SCIPY))
@pytest.mark.parametrize("dtype, samples", [("float32", 300), ("float64", 300), ("float32", 1)])
def test_ranks_are_scipys(dtype, samples, ties):
    x = drawn(dtype, samples)
    got = jax.jit(module.ranks, static_argnums=1)(jnp.asarray(x), ties)
    assert got.dtype == dtype
    np.testing.assert_array_equal(got, stats.rankdata(x, SCIPY[ties], axis=1))


@pytest.mark.parametrize("samples", [2, 70_000])
@pytest.mark.parametrize(
    "dtype, float64", [("float32", False), ("float32", True), ("float64", True)]
)
def test_passes_of_plain_integers_sort_as_pairs_do_and_stably(dtype, float64, samples):
    x = drawn(dtype, samples)
    expected = np.argsort(x, axis=1, kind="stable")
    with enabled(float64):
        key = jax.jit(module.ordered_key)(jnp.asarray(x))
        for route in (module._order_by_passes, module._order_by_pairs):
            np.testing.assert_array_equal(jax.jit(route)(key), expected)


@settings(deadline=None, derandomize=True, max_examples=50)
@given(x=TIED)
def test_keys_order_as_floats_and_come_back(x):
    normal = np.where(
        np.abs(x) < np.finfo(np.float32).tiny, 0, x
    )  # XLA flushes subnormals on a CPU
    key = np.asarray(module.ordered_key(jnp.asarray(normal)))
    less, equal = np.less.outer(normal, normal), np.equal.outer(normal, normal)
    np.testing.assert_array_equal(np.less.outer(key, key), less)
    np.testing.assert_array_equal(np.equal.outer(key, key), equal)
    np.testing.assert_array_equal(module.from_ordered_key(jnp.asarray(key)), normal)


def test_nan_sorts_last_and_zeros_are_one_value():
    x = jnp.asarray([[0.0, jnp.nan, -jnp.inf, -0.0, -jnp.nan, 5.0]], jnp.float32)
    ascending = np.asarray(jax.jit(module.sort_rows)(x))
    np.testing.assert_array_equal(ascending[0, :4], [-np.inf, 0, 0, 5])
    assert np.isnan(ascending[0, 4:]).all()
    assert jax.jit(module.argsort_rows)(x).tolist() == [[2, 0, 3, 5, 1, 4]]


def test_ranks_have_no_gradient_and_survive_vmap():
    @jax.jit
    def stacked(x):
        def total(row):
            ranks = module.ranks(row[None], "mid")[0]
            return jnp.sum(ranks * jnp.arange(24)), ranks

        return jax.vmap(jax.grad(total, has_aux=True))(x)

    x = drawn("float32", 24)
    gradient, ranks = stacked(jnp.asarray(x))
    assert not gradient.any()
    np.testing.assert_array_equal(ranks, stats.rankdata(x, axis=1))


def test_positions_are_those_of_the_three_rules():
    rank = jnp.asarray([[1.0, 2.5, 2.5, 4.0]])
    expected = {"weibull": rank / 5, "ecdf": rank / 4, "hazen": (2 * rank - 1) / 8}
    for rule, wanted in expected.items():
        np.testing.assert_allclose(module.positions(rank, rule), wanted, rtol=1e-6)
