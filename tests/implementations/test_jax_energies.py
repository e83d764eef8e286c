"""Energies in jax: callables, blocks and their memory, and products in full precision."""

import numpy as np
import pytest

jax = pytest.importorskip("jax")
jnp = jax.numpy

from suite import load  # noqa: E402

N, D, H = 24, 12, 16
NAMES = ("score_matching", "sliced_score_matching", "denoising_score_matching",
         "contrastive_divergence", "maximum_likelihood", "noise_contrastive")  # fmt: skip


def theta(rng, dtype="float64"):
    """Two hidden layers."""
    shapes = ((H, D), (H,), (H, H), (H,), (1, H), (1,))
    return [jnp.asarray(rng.normal(size=shape) / np.sqrt(shape[-1]), dtype) for shape in shapes]


def network(x, w1, b1, w2, b2, w3, b3):
    """The energy ``mlp_softplus``, as people write it."""
    h = jax.nn.softplus(x @ w1.T + b1)
    return (jax.nn.softplus(h @ w2.T + b2) @ w3.T + b3)[:, 0]


def problem(name, dtype="float64"):
    """The loss as a function of (x, theta, energy=, ...), and x and theta."""
    rng = np.random.Generator(np.random.Philox(7))
    x, draws, u = rng.normal(size=(N, D)), rng.normal(size=(N, 3, D)), rng.uniform(size=(N, 3))
    given = {
        "score_matching": {},
        "sliced_score_matching": {"projections": draws},
        "denoising_score_matching": {"noise": draws, "sigma": np.array([0.1, 0.5, 1.0])},
        "contrastive_divergence": {"noise": draws, "uniforms": u},
        "maximum_likelihood": {"negatives": draws[:, 0]},
        "noise_contrastive": {
            "noise": draws[:, 0], "log_density_x": u[:, 0], "log_density_noise": u[:, 1],
        },
    }[name]  # fmt: skip
    draws = {key: jnp.asarray(array, dtype) for key, array in given.items()}
    loss = load(f"energy_{name}", "jax_xla")

    def function(x, theta, **options):
        return loss(x, theta, **draws, **options)[0]

    return function, jnp.asarray(x, dtype), theta(rng, dtype)


def assert_close(got, want, tolerance=1e-12):
    for one, other in zip(jax.tree.leaves(got), jax.tree.leaves(want), strict=True):
        assert np.abs(one - other).max() <= tolerance * np.abs(other).max()


@pytest.mark.parametrize("name", NAMES)
def test_a_callable_is_the_energy_it_computes(name):
    loss, x, theta = problem(name)
    by_name, by_callable = (
        jax.value_and_grad(loss, (0, 1))(x, theta, energy=energy)
        for energy in ("mlp_softplus", network)
    )
    assert_close(by_callable, by_name)


@pytest.mark.parametrize("energy", ["mlp_softplus", network])
@pytest.mark.parametrize("block", [1, 5, 12, 100])
def test_blocks_change_nothing(energy, block):
    """Those that do not divide the dimension, and larger ones, too."""
    loss, x, theta = problem("score_matching")
    whole, blocks = (
        jax.value_and_grad(loss, (0, 1))(x, theta, energy=energy, block=size)
        for size in (None, block)
    )
    assert_close(blocks, whole)


@pytest.mark.parametrize("energy", ["mlp_softplus", network])
def test_memory_is_that_of_one_block(energy):
    """Also of the gradient, which an unblocked one keeps all tangents for."""
    loss, x, theta = problem("score_matching")

    def temporary(block):
        gradient = jax.jit(jax.grad(lambda x, t: loss(x, t, energy=energy, block=block), (0, 1)))
        return gradient.lower(x, theta).compile().memory_analysis().temp_size_in_bytes

    tangents = 8 * N * D * H
    assert temporary(None) > 2 * tangents
    assert temporary(1) < temporary(None) / 3


@pytest.mark.parametrize("energy", ["mlp_softplus", network])
def test_a_laplacian_has_second_derivatives(energy):
    """Though its gradient is accumulated in the pass before: against differences."""
    loss, x, theta = problem("score_matching")
    rng = np.random.Generator(np.random.Philox(8))
    v, step = jnp.asarray(rng.normal(size=x.shape)), 1e-5
    gradient = jax.jit(jax.grad(lambda x: loss(x, theta, energy=energy, block=5)))
    twice = jax.grad(lambda x: (gradient(x) * v).sum())(x)
    differences = (gradient(x + step * v) - gradient(x - step * v)) / (2 * step)
    assert_close(twice, differences, 1e-8)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("energy", ["mlp_softplus", network])
def test_no_product_of_a_gradient_rounds_its_factors(name, energy):
    """A GPU takes fewer bits of a float32 where it is not told."""
    loss, x, theta = problem(name, "float32")
    gradient = jax.grad(lambda x, t: loss(x, t, energy=energy), (0, 1))
    found = list(precisions(jax.make_jaxpr(gradient)(x, theta).jaxpr))
    highest = jax.lax.Precision.HIGHEST
    assert found and all(each == (highest, highest) for each in found), found


def precisions(jaxpr):
    """Of all products, in inner programs too."""
    for equation in jaxpr.eqns:
        if equation.primitive.name in ("dot_general", "conv_general_dilated"):
            yield equation.params["precision"]
        for parameter in jax.tree.leaves(equation.params, is_leaf=lambda p: hasattr(p, "eqns")):
            inner = getattr(parameter, "jaxpr", parameter)
            if hasattr(inner, "eqns"):
                yield from precisions(inner)
