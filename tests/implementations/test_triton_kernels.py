"""Triton's kernels under its interpreter, on drawn rows, against the references of ``suite``.

Tiles are the shipped ones, rows end anywhere in them. What the tests would notice is shown by
faults planted in the kernels' text.
"""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("triton", reason="needs triton: pip install 'cdfbench[triton]'")
pytest.importorskip("torch")

import torch
from interpreter import missing, quicken

from implementations.triton import direct_counts, positions, ranks
from implementations.triton.ahead import shipped
from implementations.triton.torch.batch_shaping import batch_shaping
from implementations.triton.torch.launch import launch
from suite.kernel_counts import kernel_counts
from suite.operators.soft_histogram import reference_gradient
from suite.plotting_positions import PLOTTING_POSITIONS, TIES, plotting_positions
from suite.priors import PRIORS
from suite.smoothing_kernels import bin_mass, density

pytestmark = pytest.mark.skipif(missing() is not None, reason=str(missing()))
quicken()

TIED = np.array([-np.inf, -1.5, -0.0, 0.0, 0.25, 3.0, np.inf])
rows = st.tuples(st.integers(1, 3), st.integers(1, 70), st.integers(0, 2**32), st.booleans())


def drawn(rows, samples, seed, tied):
    """Rows of few values, infinities and both zeros among them, or of many."""
    rng = np.random.Generator(np.random.Philox(seed))
    shape = rows, samples
    x = rng.choice(TIED, size=shape) if tied else rng.normal(size=shape)
    return x.astype(np.float32)


def found_positions(module, x, ties, plotting_position, inside):
    """Plotting positions by a module of kernels, sorted by it or before."""
    if inside:
        step = module.inside_launch(x.shape, "float32", ties, plotting_position)
        return launch(step, torch.from_numpy(x))[0].numpy()
    step = module.sorted_launch(x.shape, "float32", ties, plotting_position)
    plain = torch.from_numpy(x + np.float32(0))
    ascending, place = torch.sort(plain, dim=1, stable=True)
    return launch(step, ascending, place)[0].numpy()


@settings(deadline=None, derandomize=True, max_examples=25)
@given(rows, st.sampled_from(TIES), st.sampled_from(PLOTTING_POSITIONS), st.booleans())
def test_positions_of_drawn_rows_are_the_references(shape, ties, plotting_position, inside):
    x = drawn(*shape)
    want = plotting_positions(x, plotting_position, ties)
    got = found_positions(positions, x, ties, plotting_position, inside)
    np.testing.assert_allclose(got, want, rtol=1.2e-7)


@settings(deadline=None, derandomize=True, max_examples=10)
@given(rows, st.sampled_from(TIES), st.booleans())
def test_a_nan_anywhere_spoils_its_row_and_no_other(shape, ties, inside):
    x = drawn(*shape)
    clean = found_positions(positions, x, ties, "ecdf", inside)
    x[-1, shape[2] % x.shape[1]] = np.nan
    got = found_positions(positions, x, ties, "ecdf", inside)
    assert np.isnan(got[-1]).all()
    assert np.array_equal(got[:-1], clean[:-1])


def test_rows_of_many_tiles_and_runs_of_ties_across_them():
    rng = np.random.Generator(np.random.Philox(5))
    x = rng.integers(0, 4, size=(2, 1100)).astype(np.float32)
    want = plotting_positions(x, "hazen", "mid")
    for inside in (True, False):
        got = found_positions(positions, x, "mid", "hazen", inside)
        np.testing.assert_allclose(got, want, rtol=1.2e-7)


def found_counts(module, x, edges, h, kernel, weights):
    """Counts (R, E + 1), sums at edges (R, E, 2) and gradients to x and weights."""
    given = [torch.from_numpy(np.ascontiguousarray(a)) for a in (x, edges, h, weights)]
    shape, count = x.shape, edges.shape[1]
    counts = launch(module.counts_launch(shape, count, kernel, True), *given)[0].sum(1)
    g = torch.linspace(-1, 2, count + 1, dtype=torch.float64).expand(len(x), -1).contiguous()
    step = module.at_samples_launch(shape, "float64", count, kernel, True, True, True)
    return counts.numpy(), g.numpy(), *(o.numpy() for o in launch(step, *given, g))


def wrong_counts(module, seed, samples, bins, kernel):
    """Largest error of counts and gradients relative to what each bin and sample has."""
    rng = np.random.Generator(np.random.Philox(seed))
    x = rng.normal(size=(2, samples))
    x[0, 0] = np.inf
    widths = rng.choice([1e-3, 0.3, 2.0], size=bins)
    edges = np.cumsum([-1.0, *widths])
    h = np.array([0.2, 0.5])
    weights = rng.uniform(0.5, 1.5, size=x.shape)
    wide = np.broadcast_to(edges, (2, len(edges)))
    counts, g, to_x, to_weights = found_counts(module, x, wide, h, kernel, weights)
    given = kernel_counts(x, edges, h, weights, kernel, "drop")
    inside = given.counts()
    errors = [(np.abs(counts[:, 1:-1] - inside) / (inside + 1e-290)).max()]
    errors.append(np.abs(counts.sum(1) / weights.sum(1) - 1).max())
    want = reference_gradient(g[:, 1:-1], ("x", "weights"), x, edges, h, weights, kernel=kernel)
    # Of the two open bins, the masses and falls that are left.
    outer = found_counts_of_open_bins(x, edges, h, weights, kernel, g)
    for got, inner, rest in ((to_x, want["x"], outer[0]), (to_weights, want["weights"], outer[1])):
        errors.append(np.abs(got - inner - rest).max() / (np.abs(inner + rest).max() + 1e-290))
    return max(errors)


def found_counts_of_open_bins(x, edges, h, weights, kernel, g):
    """What the open bins add to the gradients, by the kernel's tail and density in NumPy."""
    z = (edges[[0, -1]][:, None, None] - x) / h[:, None]
    far = 1e4
    below = np.stack([np.full_like(z[0], -far), z[0]], -1)
    above = np.stack([z[1], np.full_like(z[1], far)], -1)
    with np.errstate(all="ignore"):
        mass = [bin_mass(kernel, np.clip(b, -far, far), np.array([far]))[..., 0]
                for b in (below, above)]  # fmt: skip
        k = [density(kernel, np.clip(side, -far, far)) for side in z]
    to_x = weights / h[:, None] * (-g[:, :1] * k[0] + g[:, -1:] * k[1])
    return to_x, g[:, :1] * mass[0] + g[:, -1:] * mass[1]


@settings(deadline=None, derandomize=True, max_examples=8)
@given(
    st.integers(0, 2**32), st.integers(1, 90), st.integers(1, 12),
    st.sampled_from(direct_counts.KERNELS),
)  # fmt: skip
def test_counts_and_gradients_of_drawn_rows_are_the_references(seed, samples, bins, kernel):
    assert wrong_counts(direct_counts, seed, samples, bins, kernel) < 1e-9


def loss_and_gradients(prior, x, a, b, **options):
    """By triton_torch, with the gradients to x, a and b."""
    given = [torch.from_numpy(v).requires_grad_() for v in (x, a, b)]
    loss = batch_shaping(*given, prior=prior, reduction="none", **options)
    return [loss.detach().numpy(), *(g.numpy() for g in torch.autograd.grad(loss.sum(), given))]


@settings(deadline=None, derandomize=True, max_examples=8)
@given(st.integers(0, 2**32), st.integers(1, 40), st.sampled_from(["beta", "relaxed_bernoulli"]))
def test_batch_shaping_of_wide_priors_and_samples_at_the_ends(seed, samples, prior):
    rng = np.random.Generator(np.random.Philox(seed))
    x = rng.choice([0.0, 1.0, 0.5, *rng.uniform(size=5)], size=(3, samples))
    a = rng.uniform(0.05, 0.95, size=3) * (40 if prior == "beta" else 1)
    b = np.exp(rng.uniform(np.log(0.3), np.log(20), size=3))
    loss, _, to_a, to_b = loss_and_gradients(prior, x, a, b)
    law = PRIORS[prior]
    column = a[:, None], b[:, None]
    residual = law.cdf(x, *column) - plotting_positions(x, "weibull", "mid")
    np.testing.assert_allclose(loss, (residual**2).mean(1), rtol=1e-11, atol=1e-13)
    slopes = law.parameter_derivatives(x, *column)
    for got, slope in zip((to_a, to_b), slopes, strict=True):
        want = (2 * residual * slope).mean(1)
        np.testing.assert_allclose(got, want, rtol=1e-10, atol=1e-12)


def altered(module, tmp_path, old, new):
    """The module with a part of its text replaced, which must be there."""
    text = Path(module.__file__).read_text(encoding="utf-8")
    assert old in text
    path = tmp_path / f"altered_{Path(module.__file__).name}"
    path.write_text(text.replace(old, new), encoding="utf-8")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    changed = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(changed)
    return changed


def test_a_fault_in_the_bounds_of_ties_would_be_noticed(tmp_path, monkeypatch):
    faulty = altered(ranks, tmp_path, "doubled = first + last + 2", "doubled = first + last + 1")
    monkeypatch.setattr(positions, "tied_ranks", faulty.tied_ranks)
    x = drawn(2, 40, 0, True)
    got = found_positions(positions, x, "mid", "ecdf", True)
    assert np.abs(got - plotting_positions(x, "ecdf", "mid")).max() > 1e-3


def test_a_fault_in_the_last_block_of_bins_would_be_noticed(tmp_path):
    faulty = altered(direct_counts, tmp_path, "b <= last[None, :]",
                     "b < last[None, :]")  # fmt: skip
    assert wrong_counts(direct_counts, 3, 70, 9, "gaussian") < 1e-9
    assert wrong_counts(faulty, 3, 70, 9, "gaussian") > 1e-3


@pytest.mark.parametrize("kernel", direct_counts.KERNELS)
def test_a_sample_that_saw_less_than_its_kernel_reaches_would_be_noticed(kernel, tmp_path):
    """Of 90 samples all see several of 60 bins, none all of them where the kernel is compact."""
    share = {"gaussian": "0.05", "logistic": "0.01"}.get(kernel, "0.8")
    short = altered(
        direct_counts, tmp_path, "reach_of(KERNEL) * h", f"{share} * reach_of(KERNEL) * h"
    )
    assert wrong_counts(direct_counts, 6, 90, 60, kernel) < 1e-9
    assert wrong_counts(short, 6, 90, 60, kernel) > 1e-3


def test_kernels_take_inputs_outputs_sizes_and_constants_in_this_order():
    """What torch passes by place, jax-triton passes by name."""
    for name, step, inputs in shipped():
        names = list(step.kernel.arg_names)
        given = len(inputs) + len(step.outputs) + len(step.sizes)
        assert set(names[given:]) == set(step.constants), name
