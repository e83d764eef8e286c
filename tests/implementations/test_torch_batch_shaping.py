"""What is particular to batch shaping in torch: ties, sorts, threads, transforms, infinities."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from implementations.torch_eager import mid_ranks, row_blocks, row_sort
from implementations.torch_eager.batch_shaping import batch_shaping
from suite.plotting_positions import plotting_positions

PRIORS = ("beta", "symbeta", "relaxed_bernoulli", "normal")


def rng(seed):
    return np.random.Generator(np.random.Philox(seed))


def draw(prior, rows, samples, seed=0, dtype=torch.float64):
    """Samples and per-row parameters; b is None for symbeta."""
    random = rng(seed)
    x = torch.from_numpy(random.uniform(0.02, 0.98, size=(rows, samples))).to(dtype)
    a, b = (torch.from_numpy(random.uniform(0.2, 0.9, size=rows)).to(dtype) for _ in range(2))
    return x, a, None if prior == "symbeta" else b


def gradients(x, a, b, **options):
    """The loss and its gradients to those of x, a and b that are tensors."""
    inputs = [t.clone().requires_grad_() if torch.is_tensor(t) else t for t in (x, a, b)]
    tensors = [t for t in inputs if torch.is_tensor(t)]
    loss = batch_shaping(*inputs, **options)
    return loss.detach(), *torch.autograd.grad(loss.sum(), tensors)


def same(one, other):
    assert len(one) == len(other)
    for mine, theirs in zip(one, other, strict=True):
        assert torch.equal(mine, theirs)


@settings(deadline=None, derandomize=True, max_examples=60)
@given(
    rows=st.integers(1, 4),
    samples=st.integers(1, 300),
    values=st.sampled_from([1, 2, 7, 100, 3000, 10**9]),
    seed=st.integers(0, 99),
)
def test_mid_positions_are_the_mean_ranks_however_many_ties(rows, samples, values, seed):
    x = np.sort(rng(seed).integers(values, size=(rows, samples)).astype(float), axis=1)
    ranks = torch.arange(1, samples + 1, dtype=torch.float64) / (samples + 1)
    expected = plotting_positions(x, "weibull", "mid")
    looked = mid_ranks.mid_positions(torch.from_numpy(x), ranks)
    np.testing.assert_allclose(looked.expand(rows, samples), expected, rtol=1e-14)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mid_ranks, "reads_values", lambda _: False)
        blind = mid_ranks.mid_positions(torch.from_numpy(x), ranks)
    np.testing.assert_allclose(blind, expected, rtol=1e-14)


def test_samples_without_ties_cost_no_positions_of_their_own():
    ranks = torch.arange(1.0, 6.0)
    x = torch.tensor([[0.0, 1.0, 2.0, 3.0, 4.0], [4.0, 5.0, 6.0, 7.0, 8.0]])
    assert mid_ranks.mid_positions(x, ranks) is ranks


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("ties", ["mid", "ordinal"])
@pytest.mark.parametrize("tied", [False, True])
def test_either_sort_gives_the_same_loss_and_gradients(tied, ties, dtype, monkeypatch):
    x = torch.from_numpy(rng(1).normal(size=(5, 700))).to(dtype)
    x = x.mul(10).round().div(10).relu() * torch.tensor([-1.0, 1.0]).repeat(350) if tied else x
    a, b = torch.linspace(-0.5, 0.5, 5, dtype=dtype), torch.linspace(0.5, 1.5, 5, dtype=dtype)
    results = []
    for faster in (False, True):
        monkeypatch.setattr(row_sort, "_is_faster", lambda *_, answer=faster: answer)
        results.append(gradients(x, a, b, prior="normal", ties=ties, reduction="none"))
    same(*results)


def test_a_stable_sort_keeps_the_order_of_equal_values(monkeypatch):
    monkeypatch.setattr(row_sort, "_is_faster", lambda *_: True)
    x = torch.tensor([[0.0, -0.0, 3.0, -1e-45, -np.inf, 0.0, np.inf, -2.0, -2.0, 1e-45]])
    values, order = row_sort.row_sort(x, stable=True)
    expected = torch.sort(x, dim=1, stable=True)
    assert torch.equal(order, expected.indices)
    assert torch.equal(values, expected.values)


@pytest.mark.parametrize("prior", PRIORS)
def test_blocks_and_threads_change_no_bit(prior, monkeypatch):
    inputs = draw(prior, 23, 64, dtype=torch.float32)
    whole = gradients(*inputs, prior=prior)
    threads = torch.get_num_threads()
    try:
        for block, count in ((64, 1), (64 * 3, 4), (10, 2)):
            monkeypatch.setattr(row_blocks, "BLOCK", block)
            torch.set_num_threads(count)
            same(gradients(*inputs, prior=prior), whole)
    finally:
        torch.set_num_threads(threads)


def test_inference_mode_changes_nothing():
    inputs = draw("beta", 80, 500, dtype=torch.float32)
    with torch.inference_mode():
        inside = batch_shaping(*inputs, prior="beta", clip=(0.1, 0.8))
    assert torch.equal(inside, batch_shaping(*inputs, prior="beta", clip=(0.1, 0.8)))


@pytest.mark.parametrize("prior", PRIORS)
@pytest.mark.parametrize("from_logits", [False, True])
def test_gradients_are_those_of_differences(prior, from_logits):
    x, *parameters = draw(prior, 2, 5, seed=2)
    x = torch.logit(x) if from_logits else x
    inputs = [t.requires_grad_() for t in (x, *parameters) if t is not None]

    def loss(*inputs):
        return batch_shaping(*inputs, prior=prior, from_logits=from_logits, reduction="none")

    assert torch.autograd.gradcheck(loss, inputs)


@pytest.mark.parametrize("prior", PRIORS)
def test_a_batch_of_matrices_is_so_many_rows(prior):
    x, a, b = draw(prior, 6, 9, seed=3)
    parameters = [p.reshape(2, 3) for p in (a, b) if p is not None]
    options = {"prior": prior, "reduction": "sum"}

    def loss(x, *parameters):
        return batch_shaping(x, *parameters, **options)

    wrt = tuple(range(1 + len(parameters)))
    stacked = x.reshape(2, 3, 9), *parameters
    inside = torch.func.vmap(torch.func.grad(loss, argnums=wrt))(*stacked)
    outside = torch.func.grad(lambda *s: torch.func.vmap(loss)(*s).sum(), argnums=wrt)(*stacked)
    flat = gradients(x, a, b, **options)[1:]
    for one, other, expected in zip(inside, outside, flat, strict=True):
        torch.testing.assert_close(one.reshape(expected.shape), expected, rtol=1e-13, atol=0)
        torch.testing.assert_close(one, other, rtol=1e-13, atol=0)


def test_an_outer_gradient_reaches_through_an_inner_one_only_to_be_refused():
    x, a, b = draw("normal", 2, 6, seed=4)

    def slope_in_b(x):
        return torch.func.grad(lambda b: batch_shaping(x, a, b, prior="normal"))(b).sum()

    assert slope_in_b(x) != 0
    with pytest.raises(RuntimeError, match="second derivatives"):
        torch.func.grad(slope_in_b)(x)


@pytest.mark.parametrize("prior", ["beta", "relaxed_bernoulli"])
def test_an_infinite_density_gives_a_signed_infinite_gradient(prior):
    x = torch.tensor([[0.0, 0.5, 0.7, 1.0], [0.1, 0.5, 0.7, 1.0]])
    for position, at_one in (("weibull", np.inf), ("ecdf", 0.0)):
        _, slope = gradients(x, 0.5, 0.5, prior=prior, plotting_position=position)[:2]
        assert slope[0, 0] == -np.inf
        assert slope[:, 3].tolist() == [at_one, at_one]
        assert slope[:, 1:3].isfinite().all()
    zero = torch.zeros(2)
    x.requires_grad_()
    losses = batch_shaping(x, 0.5, 0.5, prior=prior, reduction="none")
    (slope,) = torch.autograd.grad(losses, x, zero)
    assert torch.equal(slope, torch.zeros_like(x))


def test_logits_beyond_saturation_have_finite_gradients():
    z = torch.tensor([[-200.0, -30.0, 0.0, 30.0, 200.0]])
    for prior in PRIORS:
        b = None if prior == "symbeta" else 0.1
        slope = gradients(z, torch.tensor(0.2), b, prior=prior, from_logits=True)[1]
        assert slope.isfinite().all()
        assert slope[0, 2] != 0


def test_a_gradient_that_was_not_asked_for_is_not_computed(monkeypatch):
    seen = []
    terms = batch_shaping.__globals__["PRIORS"]["normal"].terms

    def spy(self, samples, from_logits, density, slopes):
        seen.append((density, slopes))
        return terms(self, samples, from_logits, density, slopes)

    monkeypatch.setattr(batch_shaping.__globals__["PRIORS"]["normal"], "terms", spy)
    x, a, b = draw("normal", 2, 6)
    batch_shaping(x, a, b, prior="normal")
    batch_shaping(x, a.requires_grad_(), b, prior="normal")
    with torch.no_grad():
        batch_shaping(x, a, b, prior="normal")
    assert seen == [(False, (False, False)), (False, (True, False)), (False, (False, False))]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_host_scalars_are_not_compiled_into_the_graph():
    compiled = pytest.importorskip("implementations.torch_compiled.batch_shaping").batch_shaping
    x = draw("normal", 3, 50, dtype=torch.float32)[0]
    count = torch._dynamo.utils.counters["stats"]
    for mean in (0.1, 0.2, 0.3):
        expected = batch_shaping(x, mean, 0.5, prior="normal")
        torch.testing.assert_close(compiled(x, mean, 0.5, prior="normal"), expected)
        if mean == 0.1:
            graphs = count["unique_graphs"]
    assert count["unique_graphs"] == graphs > 0


def test_the_compiled_gradient_of_transposed_rows_is_that_of_rows():
    """Of rows that lie across memory Inductor alone would keep all residuals where one row's go."""
    from suite import load

    compiled = load("batch_shaping", "torch_compiled")
    x = torch.from_numpy(rng(4).normal(size=(5, 333)))
    given = x.clone().requires_grad_(), x.t().contiguous().t().requires_grad_()
    found = [torch.autograd.grad(compiled(g, 0.1, 1.3, prior="normal"), g)[0] for g in given]
    assert given[1].stride() == (1, 5)
    torch.testing.assert_close(found[1], found[0], rtol=1e-12, atol=1e-18)


def test_bad_values_of_a_tensor_with_a_gradient_raise_and_warn_of_nothing():
    from suite import load

    gates = torch.full((2, 8), 1.5, requires_grad=True)
    with pytest.raises(ValueError, match="x contains 1.5"):
        load("batch_shaping", "torch_eager")(gates, 0.6, 0.4, prior="beta")
