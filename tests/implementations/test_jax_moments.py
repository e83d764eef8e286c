"""Soft histograms by moments in jax: right whatever is cheaper; where they fail, the direct sum."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from implementations.jax_moments import cells, deposit
from implementations.jax_moments import soft_histogram as module
from suite import load, operators
from suite.frameworks import get
from suite.judge.correctness import expected, units
from suite.operators.base import cotangent, inputs

OPERATOR = operators.get("soft_histogram")
CASES = (
    ("everything", 0), ("everything", 1), ("everything-float64", 0), ("gaussian-tails", 2),
    ("logistic-tails", 1), ("logistic-tails", 2), ("gaussian-narrow", 1), ("triangular-reflect", 0),
    ("epanechnikov-density", 0), ("activations-tied", 2),
)  # fmt: skip


@pytest.fixture
def always(monkeypatch):
    """A function of the fine cells to take: moments, untraced so far, whatever they cost."""

    def make(fine):
        monkeypatch.setattr(cells, "DIRECT", float("inf"))
        for key, smooth in cells.SMOOTH.items():
            chosen = smooth.fine[min(fine, len(smooth.fine) - 1)]
            monkeypatch.setitem(cells.SMOOTH, key, smooth._replace(fine=(chosen,)))
        return module.soft_histogram.__wrapped__

    return make


def run(function, case):
    """Value and gradients by name, as NumPy arrays."""
    framework = get("jax")
    target = framework.forward_backward(function, case.options, case.wrt)
    given = {**inputs(OPERATOR, case, 0), "": cotangent(OPERATOR, case, 0)}
    native = {name: framework.array(values, case.dtype, "cpu") for name, values in given.items()}
    found = target(native, native.pop(""))
    return {k: framework.numpy(v) for k, v in zip(("output", *case.wrt), found, strict=True)}


@pytest.mark.parametrize(("name", "fine"), CASES)
def test_a_case_by_moments_is_within_tolerance(always, monkeypatch, name, fine):
    """Small blocks, so that there are full ones, groups of them, and a rest."""
    monkeypatch.setattr(deposit, "_BLOCK", 64)
    monkeypatch.setattr(deposit, "_BLOCKS", 3)
    case = OPERATOR.case(name)
    want = expected(OPERATOR, case, 0)
    for key, got in run(always(fine), case).items():
        error = units(got, want.reference[key], want.allowed[key]).max()
        assert error <= 1.0, f"{key} is off by {error:.3g} tolerances"


@pytest.mark.parametrize("bandwidth", (1e-3, 1.0))
def test_where_cells_are_too_few_or_bins_too_narrow_the_direct_sum_steps_in(always, bandwidth):
    """Edges thousands of bandwidths apart; a bin of a ten-billionth of one."""
    x = jnp.linspace(-3, 3, 40, dtype=jnp.float32)[None]
    edges = jnp.array([-2.0, 0.0, 1e-10, 2.0], jnp.float32)
    direct = load("soft_histogram", "jax_xla")(x, edges, bandwidth)
    np.testing.assert_allclose(jax.jit(always(1))(x, edges, bandwidth), direct, rtol=2e-7)


def test_many_samples_take_moments_and_few_do_not():
    assert cells.plan("gaussian", False, 1, 10_000_000, 51).fine_terms == 2
    assert cells.plan("gaussian", False, 1, 10_000_000, 1001).fine_terms == 3
    assert cells.plan("gaussian", False, 1, 500, 51) is None
    assert cells.plan("triangular", False, 1, 1_000_000, 51).density == 0


def test_float32_stays_float32_and_needs_no_float64_to_be_on():
    """The tail eight bandwidths away, which float32 arithmetic would get wrong by 1e-5 at best."""
    x, edges = np.zeros((1, 200_000), np.float32), np.linspace(-9, 9, 19, dtype=np.float32)
    with jax.enable_x64(False):
        counts = jax.jit(load("soft_histogram", "jax_moments"))(
            jnp.asarray(x), jnp.asarray(edges), 1.0
        )
        assert counts.dtype == jnp.float32
        one = load("soft_histogram", "jax_xla")(jnp.asarray(x[:, :1]), jnp.asarray(edges), 1.0)
    np.testing.assert_allclose(counts, one * 200_000, rtol=1e-5)
