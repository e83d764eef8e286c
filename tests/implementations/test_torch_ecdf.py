"""Empirical distribution functions in torch: ranks are SciPy's, pair sums do not need all pairs."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy import stats

from implementations.torch_eager import ecdf as module
from suite import load
from suite.operators import get

SCIPY = {"mid": "average", "max": "max", "ordinal": "ordinal"}
FEW = st.sampled_from([-np.inf, -3.5, -0.0, 0.0, 1e-40, 1.0, 1.0000001, np.inf])


def surrogate_gradient(x, cotangent, surrogate):
    x = x.clone().requires_grad_()
    return torch.autograd.grad(module.ecdf(x, surrogate=surrogate, scale=0.3), x, cotangent)[0]


@pytest.mark.parametrize("ties", SCIPY)
@settings(deadline=None, derandomize=True, max_examples=40)
@given(x=arrays.arrays(np.float32, (2, 9), elements=FEW))
def test_ranks_are_scipys(ties, x):
    ranks = 9 * module.ecdf(torch.from_numpy(x.copy()), ties=ties)
    expected = stats.rankdata(x, method=SCIPY[ties], axis=1)
    np.testing.assert_allclose(ranks, expected, rtol=1e-6)


@pytest.mark.parametrize("surrogate", ["density", "soft_rank"])
@pytest.mark.parametrize("pairs", [1, 500, 5000])
def test_blocks_change_nothing(monkeypatch, surrogate, pairs):
    """Blocks of a sample, of some of a row's samples, and of some rows."""
    rng = np.random.Generator(np.random.Philox(2))
    x, cotangent = (torch.from_numpy(rng.normal(size=(7, 40))) for _ in range(2))
    whole = surrogate_gradient(x, cotangent, surrogate)
    monkeypatch.setattr(module, "_CPU_PAIRS", pairs)
    torch.testing.assert_close(surrogate_gradient(x, cotangent, surrogate), whole)


def test_soft_ranks_do_not_change_when_a_row_is_shifted():
    """So their gradient sums to zero, whatever the cotangent."""
    rng = np.random.Generator(np.random.Philox(3))
    x, cotangent = (torch.from_numpy(rng.normal(size=(3, 50))) for _ in range(2))
    gradient = surrogate_gradient(x, cotangent, "soft_rank")
    assert gradient.sum(dim=1).abs().max() < 1e-13 < 1e-3 < gradient.abs().max()


def test_the_largest_pair_sums_are_left_out_with_a_reason():
    cases = {case.name: case for case in get("ecdf").cases}
    assert module.too_many_pairs(cases["soft_rank-8x4096"]) is None
    assert module.too_many_pairs(cases["identity-512x16384"]) is None
    many = cases["density-8x4096"]
    many = type(many)(**{**vars(many), "sizes": {"R": 512, "N": 4096}})
    assert "R N^2 = 8.6e+09" in module.too_many_pairs(many)


def test_a_compiled_scale_may_change_without_a_new_graph():
    from torch._dynamo.utils import counters

    ecdf = load("ecdf", "torch_compiled")
    x = torch.linspace(-1, 1, 12, dtype=torch.float64).reshape(2, 6)
    graphs = []
    for scale in (0.2, 0.3, 0.5):
        leaf = x.clone().requires_grad_()
        ecdf(leaf, surrogate="density", scale=scale).sum().backward()
        expected = surrogate_gradient(x, torch.ones_like(x), "density")
        assert torch.allclose(leaf.grad, expected, rtol=1e-12) == (scale == 0.3)
        graphs.append(counters["stats"]["unique_graphs"])
    assert graphs[0] == graphs[2]
