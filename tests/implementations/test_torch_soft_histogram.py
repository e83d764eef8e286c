"""Soft histograms in torch, direct and by moments: accuracy in the tails, transforms, memory."""

import subprocess
import sys

import mpmath as mp
import numpy as np
import pytest
import torch

from implementations.torch_eager import soft_histogram as eager
from implementations.torch_moments import cells, deposit
from suite import load, operators, registry
from suite.frameworks import get
from suite.judge.correctness import expected, units
from suite.operators.base import cotangent, inputs

OPERATOR = operators.get("soft_histogram")
mp.mp.dps = 50


def moments_always(monkeypatch, fine):
    """Moments whatever they cost, in the fine cells of that number."""
    monkeypatch.setattr(cells, "DIRECT", float("inf"))
    for key, smooth in cells.SMOOTH.items():
        chosen = smooth.fine[min(fine, len(smooth.fine) - 1)]
        monkeypatch.setitem(cells.SMOOTH, key, smooth._replace(fine=(chosen,)))
    return load("soft_histogram", "torch_moments")


@pytest.fixture(params=("direct", 0, 1, 2))
def histogram(request, monkeypatch):
    if request.param == "direct":
        return load("soft_histogram", "torch_eager")
    return moments_always(monkeypatch, request.param)


def upper_tail(kernel, z):
    return mp.erfc(z / mp.sqrt(2)) / 2 if kernel == "gaussian" else 1 / (1 + mp.exp(z))


def kernel_density(kernel, z):
    if kernel == "gaussian":
        return mp.npdf(z)
    return upper_tail(kernel, z) * upper_tail(kernel, -z)


def exact(kernel, x, lower, upper, h):
    """One bin's count and the derivative of its logarithm to the first sample."""
    z = [[(mp.mpf(float(e)) - mp.mpf(float(sample))) / h for e in (lower, upper)] for sample in x]
    count = sum(
        upper_tail(kernel, a) - upper_tail(kernel, b)
        if a > 0
        else upper_tail(kernel, -b) - upper_tail(kernel, -a)
        for a, b in z
    )
    fall = kernel_density(kernel, z[0][0]) - kernel_density(kernel, z[0][1])
    return count, fall / h / count


@pytest.mark.parametrize("kernel", ("gaussian", "logistic"))
@pytest.mark.parametrize("side", (-1, 1))
@pytest.mark.parametrize("width", (1e-6, 0.002, 0.02, 0.2, 1.0))
def test_float32_bins_and_their_logarithms_are_right_to_eight_bandwidths(
    histogram, kernel, side, width
):
    h = 0.7
    samples = torch.tensor([[0.0, -0.11 * side]])
    for distance in (0.5, 3.0, 6.0, 8.0 - width):
        near, far = side * distance * h, side * (distance + width) * h
        edges = torch.tensor(sorted((near, far)), dtype=torch.float32)
        if edges[0] == edges[1]:
            continue
        x = samples.clone().requires_grad_()
        counts = histogram(x, edges, h, kernel=kernel)
        (slope,) = torch.autograd.grad(counts.log().sum(), x)
        want, want_slope = exact(kernel, samples[0].tolist(), *edges.tolist(), mp.mpf(h))
        assert abs(counts.item() - want) <= 1e-5 * want
        assert abs(slope[0, 0].item() - want_slope) <= 1e-5 * abs(want_slope)


@pytest.mark.parametrize("kernel", ("gaussian", "logistic"))
@pytest.mark.parametrize("distance", (-8.0, -1.0, 3.0, 8.0))
def test_bins_of_a_billionth_of_a_bandwidth_are_right(histogram, kernel, distance):
    edges = torch.tensor([0.0, 1e-9])
    x = torch.tensor([[distance]], requires_grad=True)
    counts = histogram(x, edges, 1.0, kernel=kernel)
    (slope,) = torch.autograd.grad(counts.log().sum(), x)
    want, want_slope = exact(kernel, [distance], *edges.tolist(), mp.mpf(1))
    assert abs(counts.item() - want) <= 1e-5 * want
    assert abs(slope.item() - want_slope) <= 1e-5 * abs(want_slope)


@pytest.mark.parametrize("kernel", ("triangular", "epanechnikov"))
def test_compact_kernels_end_exactly(histogram, kernel):
    x = torch.zeros(1, 1, requires_grad=True)
    counts = histogram(x, torch.tensor([-2.0, -1.0, 0.0, 1.0, 2.0]), 1.0, kernel=kernel)
    (slope,) = torch.autograd.grad(counts[0, 0] + counts[0, 3], x)
    assert counts.tolist() == [[0.0, 0.5, 0.5, 0.0]]
    assert slope.item() == 0.0


def test_an_empty_gap_between_many_samples_keeps_its_tails(histogram):
    """Sums over samples on both sides must not swamp what their tails leave in between."""
    x = torch.cat([torch.zeros(50_000), torch.full((50_000,), 16.0)])[None]
    edges = torch.tensor([7.5, 8.0, 8.002])
    tail = [upper_tail("gaussian", mp.mpf(float(z))) for z in (7.5, 8.0, edges[2].item())]
    mirrored = [upper_tail("gaussian", mp.mpf(16) - mp.mpf(float(e))) for e in edges.tolist()]
    for b, got in enumerate(histogram(x, edges, 1.0)[0].tolist()):
        want = 50_000 * (tail[b] - tail[b + 1] + mirrored[b + 1] - mirrored[b])
        assert abs(got - want) <= 1e-5 * want


@pytest.mark.parametrize("fine", (0, 1, 2))
@pytest.mark.parametrize("name", [c.name for c in OPERATOR.cases if c.profile == "quick"])
def test_every_case_by_moments_is_within_tolerance(monkeypatch, name, fine):
    """Whichever would be cheaper, values and gradients are those of the float64 reference."""
    moments_always(monkeypatch, fine)
    declaration = registry.find("soft_histogram", "torch_moments")
    function = registry.checked(registry.load_declared(declaration), check_values=False)
    case, framework = OPERATOR.case(name), get("torch")
    target = framework.forward_backward(function, case.options, case.wrt)
    native = {
        k: framework.array(v, case.dtype, "cpu") for k, v in inputs(OPERATOR, case, 0).items()
    }
    weight = framework.array(cotangent(OPERATOR, case, 0), case.dtype, "cpu")
    want = expected(OPERATOR, case, 0)
    for key, got in zip(("output", *case.wrt), target(native, weight), strict=True):
        error = units(framework.numpy(got), want.reference[key], want.allowed[key]).max()
        assert error <= 1.0, f"{key} is off by {error:.3g} tolerances"


def test_equal_samples_without_number_keep_their_place(monkeypatch):
    """So many in one cell that a sum of counts and places would run out of digits."""
    histogram = moments_always(monkeypatch, 2)
    monkeypatch.setattr(deposit, "COUNT", 2.0**12)
    monkeypatch.setattr(deposit, "_CPU_BLOCK", 64)
    x = torch.full((1, 5000), 0.3125, requires_grad=True)
    edges = torch.tensor([2.0, 2.25, 2.75])
    counts = histogram(x, edges, 0.25)
    (slope,) = torch.autograd.grad(counts.log().sum(), x)
    slopes = []
    for b, bounds in enumerate((edges[:2], edges[1:])):
        want, want_slope = exact("gaussian", [0.3125], *bounds.tolist(), mp.mpf(0.25))
        assert abs(counts[0, b].item() - 5000 * want) <= 1e-5 * 5000 * want
        slopes.append(want_slope)
    assert abs(5000 * slope[0, 7].item() - sum(slopes)) <= 1e-5 * abs(sum(slopes))


def test_a_row_does_not_depend_on_its_neighbours(monkeypatch):
    """Bit for bit, with one bandwidth for all and with one each, whatever is in the other rows."""
    histogram = moments_always(monkeypatch, 1)
    rng = np.random.Generator(np.random.Philox(3))
    x = torch.tensor(rng.normal(size=(3, 200)), dtype=torch.float32)
    edges = torch.linspace(-2, 2, 9)
    for h in (0.3, torch.full((3,), 0.3)):
        clean = histogram(x, edges, h)
        spoilt = histogram(torch.cat([x[:2], x[2:] * torch.nan]), edges, h)
        assert torch.equal(clean[:2], spoilt[:2]) and spoilt[2].isnan().all()


def test_blocks_of_samples_leave_no_trace_in_moments(monkeypatch):
    histogram = moments_always(monkeypatch, 1)
    rng = np.random.Generator(np.random.Philox(1))
    x = torch.tensor(rng.normal(size=(3, 41)), requires_grad=True)
    weights = torch.tensor(rng.uniform(size=(3, 41)), requires_grad=True)
    edges = torch.tensor([-1.0, -0.9, 0.2, 1.5], dtype=torch.float64, requires_grad=True)

    def run():
        counts = histogram(x, edges, 0.4, weights, density=True)
        return [counts, *torch.autograd.grad(counts.square().sum(), (x, edges, weights))]

    whole = run()
    monkeypatch.setattr(deposit, "_CELLS", 1)
    for block in (3 * 8, 3 * 40):
        monkeypatch.setattr(deposit, "_CPU_BLOCK", block)
        for got, want in zip(run(), whole, strict=True):
            torch.testing.assert_close(got, want, rtol=1e-12, atol=1e-13)


def test_blocks_leave_no_trace(monkeypatch):
    histogram = load("soft_histogram", "torch_eager")
    rng = np.random.Generator(np.random.Philox(1))
    x = torch.tensor(rng.normal(size=(3, 40)), requires_grad=True)
    weights = torch.tensor(rng.uniform(size=40), requires_grad=True)
    edges = torch.tensor([-1.0, -0.9, 0.2, 1.5], dtype=torch.float64, requires_grad=True)
    inputs = (x, edges, weights)

    def run():
        counts = histogram(x, edges, 0.4, weights, density=True)
        return [counts, *torch.autograd.grad(counts.square().sum(), inputs)]

    whole = run()
    for block in (8, 4 * 40, 4 * 80):
        monkeypatch.setattr(eager, "_CPU_BLOCK", block)
        for got, want in zip(run(), whole, strict=True):
            torch.testing.assert_close(got, want, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("mapped", ("x", "edges", "bandwidth", "weights"))
def test_vmap_of_grad_is_the_gradient_of_every_member(histogram, mapped):
    rng = np.random.Generator(np.random.Philox(2))
    given = {
        "x": torch.tensor(rng.normal(size=(2, 15))),
        "edges": torch.tensor([-1.0, -0.9, 0.2, 1.5], dtype=torch.float64),
        "bandwidth": torch.tensor([0.3, 0.5], dtype=torch.float64),
        "weights": torch.tensor(rng.uniform(size=15)),
    }
    batch = given | {mapped: torch.stack([given[mapped], 1.25 * given[mapped]])}
    cotangent = torch.tensor(rng.normal(size=(2, 3)))

    def loss(x, edges, bandwidth, weights):
        return (cotangent * histogram(x, edges, bandwidth, weights, overflow="reflect")).sum()

    gradient = torch.func.grad(loss, argnums=(0, 1, 2, 3))
    dims = tuple(0 if name == mapped else None for name in given)
    together = torch.func.vmap(gradient, in_dims=dims)(*batch.values())
    for member, factor in enumerate((1.0, 1.25)):
        alone = gradient(*(given | {mapped: factor * given[mapped]}).values())
        for got, want in zip(together, alone, strict=True):
            torch.testing.assert_close(got[member], want, rtol=1e-12, atol=1e-14)


def test_infinite_samples_are_outside_and_have_no_gradient(histogram):
    x = torch.tensor([[torch.inf, -torch.inf, 0.1]], requires_grad=True)
    edges, h = torch.tensor([-1.0, 0.0, 1.0]), torch.tensor(0.2, requires_grad=True)
    counts = histogram(x, edges, h, overflow="reflect")
    to_x, to_h = torch.autograd.grad(counts[0, 0], (x, h))
    assert counts.sum().item() == pytest.approx(3.0, rel=1e-6)
    assert to_x[0, :2].tolist() == [0.0, 0.0] and to_x[0, 2] < 0
    assert to_h.isfinite()


MEMORY = """
import importlib, resource, sys, torch
soft_histogram = importlib.import_module(sys.argv[1]).soft_histogram
n, bins = int(sys.argv[2]), 50
edges = torch.linspace(-10, 10, bins + 1)
x = torch.linspace(-3, 5, n)[None].requires_grad_()
small = torch.zeros(1, 8, requires_grad=True)
soft_histogram(small, edges, 0.4).sum().backward()
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
soft_histogram(x, edges, 0.4).sum().backward()
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)
"""


@pytest.mark.parametrize("name", ("torch_eager", "torch_moments"))
def test_memory_is_the_gradient_and_one_block(name):
    """n = 4e5 in 50 bins: N x B float32 values alone would be 80 MB."""
    module = f"implementations.{name}.soft_histogram"
    done = subprocess.run(
        [sys.executable, "-c", MEMORY, module, "400000"], capture_output=True, text=True, check=True
    )
    assert float(done.stdout) < 60


def test_the_compiled_function_stores_no_distances():
    """Nothing of samples x edges is allocated, whichever gradients are asked for."""
    from torch._inductor.utils import run_and_get_code

    compiled = load("soft_histogram", "torch_compiled")
    x = torch.linspace(-3, 5, 4099)[None].requires_grad_()
    edges = torch.linspace(-2, 2, 14).requires_grad_()

    def both():
        counts = compiled(x, edges, 0.4)
        return counts, torch.autograd.grad(counts.square().sum(), (x, edges))

    with torch._inductor.config.patch(fx_graph_cache=False):
        (counts, _), code = run_and_get_code(both)
    eager_counts = load("soft_histogram", "torch_eager")(x, edges, 0.4)
    torch.testing.assert_close(counts, eager_counts, rtol=1e-5, atol=0)
    allocations = [line for text in code for line in text.splitlines() if "= empty_strided" in line]
    assert any("4099" in line for line in allocations)
    assert not [line for line in allocations if "4099" in line and "14, " in line]


def test_the_route_says_which_way_is_taken():
    from implementations.torch_moments.soft_histogram import route

    edges = torch.linspace(-10, 10, 51)
    many, few = torch.zeros(1).expand(1, 10_000_000), torch.zeros(1, 100)
    assert route(few, edges, 0.4) == "every sample at every edge"
    assert route(many, edges, 0.4).endswith("cells a row, 2 terms")
    assert route(many, edges, 0.4, kernel="triangular").endswith("cells a row, 3 terms")
