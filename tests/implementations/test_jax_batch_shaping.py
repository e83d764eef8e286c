"""Batch shaping in jax: what is particular to it beside the contract that every code must keep."""

import logging

import numpy as np
import pytest
from scipy import stats

jax = pytest.importorskip("jax")
jnp = jax.numpy

from implementations.jax_xla import batch_shaping as module  # noqa: E402
from implementations.jax_xla.batch_shaping import batch_shaping  # noqa: E402
from implementations.jax_xla.ecdf import ecdf, too_many_pairs  # noqa: E402
from suite import operators  # noqa: E402
from suite.operators.base import Case  # noqa: E402


def samples(rows, size, seed=3):
    rng = np.random.Generator(np.random.Philox(seed))
    return jnp.asarray(rng.normal(0.2, 1.3, size=(rows, size)))


def test_loss_is_the_cramer_von_mises_statistic():
    x = samples(2, 200)
    loss = batch_shaping(
        x, 0.0, 1.0, prior="normal", plotting_position="hazen", ties="ordinal", reduction="none"
    )
    statistic = [stats.cramervonmises(np.asarray(row), "norm").statistic for row in x]
    np.testing.assert_allclose(200 * loss, np.array(statistic) - 1 / 2400, rtol=1e-9)


def test_loss_with_and_without_its_gradient_is_one_number_for_tied_rows_too():
    x = samples(2, 60).round(1)

    def loss(x):
        return batch_shaping(x, 0.0, 1.0, prior="normal", reduction="none").sum()

    value, gradient = jax.value_and_grad(loss)(x)
    np.testing.assert_allclose(value, loss(x), rtol=1e-12)
    equal = np.asarray(x)[:, :, None] == np.asarray(x)[:, None, :]
    assert equal.sum() > 2 * 60
    difference = gradient[:, :, None] - gradient[:, None, :]
    assert np.abs(np.asarray(difference)[equal]).max() < 1e-15


def test_rows_have_the_same_losses_and_gradients_in_blocks_the_last_of_which_overlaps(monkeypatch):
    """Eight rows, three at a time; one parameter a row, one for all."""
    x, a = samples(8, 37).at[5, :9].set(0.5), jnp.linspace(-0.3, 0.4, 8)

    def all_at_once(x, a, b):
        losses = batch_shaping(x, a, b, prior="normal", reduction="none")
        return jnp.sum(losses * jnp.arange(8.0)), losses

    found = []
    for block in (module.BLOCK, 3 * 37):
        monkeypatch.setattr(module, "BLOCK", block)
        jax.clear_caches()
        loss = batch_shaping(x, a, 1.5, prior="normal", reduction="none")
        gradient = jax.grad(all_at_once, (0, 1, 2), has_aux=True)(x, a, 1.5)
        found.append(jax.tree.leaves((loss, gradient)))
    for whole, blocks in zip(*found, strict=True):
        np.testing.assert_allclose(blocks, whole, rtol=1e-12)


def test_vmap_over_stacked_batches_is_a_loop_over_them():
    x, a = jnp.stack([samples(2, 30, 1), samples(2, 30, 2)]), jnp.asarray([[0.1, 0.2], [0.3, 0.4]])

    def gradient(x, a):
        return jax.grad(lambda x, a: batch_shaping(x, a, 1.5, prior="normal"), (0, 1))(x, a)

    together = jax.jit(jax.vmap(gradient))(x, a)
    for k in range(2):
        for stacked, alone in zip(together, gradient(x[k], a[k]), strict=True):
            np.testing.assert_allclose(stacked[k], alone, rtol=1e-12)


def test_a_zero_cotangent_or_residual_beats_an_infinite_density():
    x = jnp.asarray([[0.0, 0.5], [0.5, 1.0]])

    def first_row(x):
        kept = batch_shaping(
            x, 0.5, 0.5, prior="relaxed_bernoulli", plotting_position="ecdf", reduction="none"
        )
        return kept[0]

    gradient = np.asarray(jax.grad(first_row)(x))
    assert gradient[0, 0] == -np.inf
    assert np.isfinite(gradient[0, 1]) and gradient[0, 1] != 0
    assert gradient[1].tolist() == [0, 0]
    last = jax.grad(lambda x: first_row(x[::-1]))(x)[1]
    assert last[1] == 0, "p = F = 1 at the largest sample"


def test_the_gradient_cannot_be_differentiated_again():
    x = samples(1, 8)

    def loss(x, a):
        return batch_shaping(x, a, 1.0, prior="normal")

    for twice in (
        lambda x: jax.grad(lambda x: jax.grad(loss)(x, 0.1).sum())(x),
        lambda x: jax.grad(lambda a: jax.grad(loss, 1)(x, a))(0.1),
        lambda x: jax.hessian(lambda x: loss(x, 0.1))(x),
    ):
        with pytest.raises(NotImplementedError, match="batch_shaping has first derivatives only"):
            twice(x)


def test_a_new_value_of_a_host_scalar_compiles_nothing():
    x, messages = samples(1, 8), []
    batch_shaping(x, 0.1, 1.0, prior="normal")
    heard = logging.Handler()
    heard.emit = messages.append
    logger = logging.getLogger("jax")
    logger.addHandler(heard)
    try:
        with jax.log_compiles(True):
            batch_shaping(x, 0.7, 2.0, prior="normal")
            assert not messages
            batch_shaping(x[:, :5], 0.7, 2.0, prior="normal")
            assert messages, "the log would show a compilation"
    finally:
        logger.removeHandler(heard)


@pytest.mark.parametrize("surrogate", ["density", "soft_rank"])
def test_the_ecdfs_sums_over_pairs_are_never_stored(surrogate):
    def penalty(x):
        return jnp.square(ecdf(x, surrogate=surrogate, scale=0.1)).sum()

    compiled = jax.jit(jax.grad(penalty)).lower(jnp.zeros((1, 4096), jnp.float32)).compile()
    assert compiled.memory_analysis().temp_size_in_bytes < 64 * 4096


def test_too_many_pairs_are_left_out_with_a_reason():
    dims = {"x": ("R", "N"), "output": ("R", "N")}
    large = {"R": 2, "N": 1 << 16}
    wide = Case("wide", large, dims, {"surrogate": "density", "scale": 1.0})
    assert "8.6e+09" in too_many_pairs(wide)
    assert too_many_pairs(Case("cheap", large, dims, {"surrogate": "identity"})) is None
    kept = [case for case in operators.get("ecdf").cases if case.profile == "quick"]
    assert kept and not any(map(too_many_pairs, kept))
