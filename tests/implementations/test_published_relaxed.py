"""relaxed's histogram and cut by their published formulas, against SciPy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import special, stats

from suite import load

HIST = load("soft_histogram", "published_relaxed")
CUT = load("soft_cut", "published_relaxed")
EDGES = np.array([-1.0, -0.25, 0.0, 1.5])


def draws(rows=2, samples=30):
    return np.random.Generator(np.random.Philox(7)).normal(size=(rows, samples))


def masses(x, edges, h):
    """Counts (R, B) by SciPy's normal law."""
    return np.diff(stats.norm.cdf(edges, x[..., None], h), axis=-1).sum(axis=1)


@pytest.mark.parametrize("density", [False, True])
def test_counts_are_differences_of_normal_cdfs_and_a_density_has_unit_area(density):
    x = draws()
    got = HIST(jnp.asarray(x), jnp.asarray(EDGES), 0.4, density=density)
    want = masses(x, EDGES, 0.4)
    if density:
        want = want / np.diff(EDGES) / want.sum(axis=1, keepdims=True)
        np.testing.assert_allclose(got @ np.diff(EDGES), 1.0, rtol=1e-12)
    np.testing.assert_allclose(got, want, rtol=1e-10)


def test_every_row_has_its_own_bandwidth():
    x, h = draws(), np.array([0.2, 0.9])
    got = HIST(jnp.asarray(x), jnp.asarray(EDGES), jnp.asarray(h))
    want = [masses(x[[r]], EDGES, h[r])[0] for r in range(2)]
    np.testing.assert_allclose(got, want, rtol=1e-10)


def test_reflected_counts_sum_to_the_samples_and_a_reflected_density_loses_them():
    x = draws()
    wide = masses(x, np.array([-np.inf, *EDGES, np.inf]), 0.4)
    counts = HIST(jnp.asarray(x), jnp.asarray(EDGES), 0.4, overflow="reflect")
    folded = wide[:, 1:-1].copy()
    folded[:, 0] += wide[:, 0]
    folded[:, -1] += wide[:, -1]
    np.testing.assert_allclose(counts, folded, rtol=1e-10)
    density = HIST(jnp.asarray(x), jnp.asarray(EDGES), 0.4, overflow="reflect", density=True)
    want = wide[:, 1:-1] / np.diff(EDGES) / x.shape[1]
    np.testing.assert_allclose(density, want, rtol=1e-10)


def test_the_histograms_gradient_is_the_difference_of_densities():
    x, cotangent = draws(), np.array([1.0, -2.0, 0.5])

    def value(x):
        return (HIST(x, jnp.asarray(EDGES), 0.4) @ cotangent).sum()

    steps = -np.diff(np.pad(cotangent, 1))
    want = -(stats.norm.pdf(EDGES, x[..., None], 0.4) @ steps)
    np.testing.assert_allclose(jax.grad(value)(jnp.asarray(x)), want, rtol=1e-9, atol=1e-14)


@pytest.mark.parametrize("keep", ["above", "below"])
def test_the_cut_is_a_sigmoid_until_its_exponential_overflows(keep):
    x = jnp.asarray(np.array([[-1.0, 0.1, 0.3, 2.0]]))
    sign = 1 if keep == "above" else -1
    want = special.expit(sign * 5 * (np.asarray(x) - 0.3))
    np.testing.assert_allclose(CUT(x, 0.3, 5.0, keep=keep), want, rtol=1e-12)
    slope = jax.grad(lambda x: CUT(x, 0.3, 5.0, keep=keep).sum())(x)
    np.testing.assert_allclose(slope, sign * 5 * want * (1 - want), rtol=1e-9)
    far = jnp.asarray([[-sign * 1e3]])
    assert CUT(far, 0.0, 1.0, keep=keep) == 0
    assert np.isnan(jax.grad(lambda x: CUT(x, 0.0, 1.0, keep=keep).sum())(far))
