"""Soft histograms in jax: float32 alone keeps every bin's digits, and blocks keep the memory."""

import numpy as np
import pytest

from suite import smoothing_kernels as exact

jax = pytest.importorskip("jax")
jnp = jax.numpy

from implementations.jax_xla import kernel_masses  # noqa: E402
from implementations.jax_xla import soft_histogram as module  # noqa: E402

KERNELS = ("gaussian", "logistic", "triangular", "epanechnikov")
SAMPLES, BANDWIDTH = 400, np.float32(0.37)


def bins(seed):
    """Samples (S, 1) and edges (S, 2) in float32: z out to +-8, widths of 1e-6 to 30 bandwidths."""
    rng = np.random.Generator(np.random.Philox(seed))
    x = rng.uniform(-1, 1, size=SAMPLES)
    lower = rng.uniform(-8, 8, size=SAMPLES)
    upper = np.minimum(lower + 10 ** rng.uniform(-6, 1.5, size=SAMPLES), np.abs(lower) + 10)
    x, lower, upper = (v.astype(np.float32) for v in (x, x + 0.37 * lower, x + 0.37 * upper))
    keep = upper > lower
    return x[keep, None], np.stack([lower, upper], axis=1)[keep]


@pytest.mark.parametrize("kernel", KERNELS)
def test_every_bin_keeps_its_digits_in_float32(kernel):
    """Mass, and both differences beside it, within a third of the 1e-5 that is demanded."""
    x, edges = bins(3)
    at = kernel_masses.distance(jnp.asarray(edges), jnp.asarray(x), jnp.asarray(BANDWIDTH))
    ends = [kernel_masses.Distance(*(part[:, of] for part in at)) for of in (0, 1)]
    width = (edges[:, 1] - edges[:, 0]) / BANDWIDTH
    got = [
        np.asarray(term, np.float64) * kernel_masses.UNIT
        for term in kernel_masses.bin_terms(kernel, *ends, jnp.asarray(width))
    ]
    z = (edges.astype(np.float64) - x) / float(BANDWIDTH)
    wide = (edges[:, 1:].astype(np.float64) - edges[:, :1]) / float(BANDWIDTH)
    mass, fall = np.empty(len(z)), np.empty(len(z))
    for i, (one, w) in enumerate(zip(z, wide, strict=True)):
        mass[i] = exact.bin_mass(kernel, one, w)[0]
        fall[i] = exact.density_difference(kernel, one, w)[0]
    stretch = exact.density(kernel, z[:, 1]) * wide[:, 0] - z[:, 0] * fall
    # A compact kernel ends at z = 1, where a rounding of z is all there is.
    end = 0.06 * (mass > 0) if kernel in KERNELS[2:] else 0.0
    for mine, other in zip(got, (mass, fall, stretch), strict=True):
        assert (np.abs(mine - other) <= 3e-6 * (mass + np.abs(other) + end)).all()
    assert np.median(width) < 0.1 < 5 < width.max()


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("bandwidth", [1e-6, 0.3, 1e4])
def test_reflected_mass_is_the_weights_and_infinite_samples_are_outside(kernel, bandwidth):
    x = jnp.asarray([[-jnp.inf, -3.0, 0.1, 0.5, 9.0, jnp.inf]], jnp.float32)
    weights = jnp.asarray([1.0, 2.0, 3.0, 0.0, 4.0, 5.0], jnp.float32)
    edges = jnp.asarray([-1.0, 0.0, 2.0], jnp.float32)

    def counts(x):
        return module.soft_histogram(
            x, edges, bandwidth, weights, kernel=kernel, overflow="reflect"
        )

    got = counts(x)
    assert got.dtype == jnp.float32
    np.testing.assert_allclose(got.sum(), 15.0, rtol=1e-6)
    if bandwidth == 1e-6:
        np.testing.assert_allclose(got, [[3.0, 12.0]], rtol=1e-6)
    gradient = jax.grad(lambda x: counts(x)[0, 0])(x)
    assert (gradient[0, jnp.array([0, 5])] == 0).all() and jnp.isfinite(gradient).all()


def test_blocks_change_nothing(monkeypatch):
    """Blocks of 32 samples and a rest of 5 give the sums of one block."""
    rng = np.random.Generator(np.random.Philox(4))
    x = jnp.asarray(rng.normal(size=(2, 101)))
    edges = jnp.linspace(-2.0, 2.0, 6)
    arguments = x, edges, jnp.asarray([0.2, 0.4]), jnp.asarray(rng.uniform(size=(2, 101)))

    def value_and_gradients():
        def scalar(*given):
            return (module.counts("gaussian", False, *given) ** 2).sum()

        return jax.jit(jax.value_and_grad(scalar, argnums=(0, 1, 2, 3)))(*arguments)

    whole = jax.tree.leaves(value_and_gradients())
    monkeypatch.setattr(module, "_BLOCK", 1)
    jax.clear_caches()
    for mine, other in zip(jax.tree.leaves(value_and_gradients()), whole, strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-12, atol=1e-12)


def test_memory_does_not_grow_with_bins_times_samples():
    """A million samples in 50 bins: 200 MB of distances, of which few are ever stored."""
    x = jax.ShapeDtypeStruct((1, 1_000_000), jnp.float32)
    edges = jnp.linspace(-3, 3, 51, dtype=jnp.float32)

    def scalar(x):
        return (module.soft_histogram(x, edges, 0.2) ** 2).sum()

    memory = jax.jit(jax.grad(scalar)).lower(x).compile().memory_analysis()
    assert memory.temp_size_in_bytes < 3 * 4_000_000 + 20 * module._BLOCK * 4
