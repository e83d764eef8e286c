"""Soft histograms by CUDA, on the host: moments, elsewhere for long rows alone, on short ones."""

import dataclasses
import itertools

import numpy as np
import pytest
from cuda_host import faults
from cuda_host.build import NEEDS, compiler
from cuda_host.driver import HostDriver, LaunchError, launching, on_cpu_torch
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from implementations.cuda import soft_histogram as kernels
from implementations.moments.accuracy import FAINT, SMOOTH
from suite import load, operators
from suite.judge.correctness import expected, units
from suite.operators.base import cotangent, inputs

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.skipif(compiler() is None, reason=NEEDS)

OPERATOR = operators.get("soft_histogram")
CASES = [
    case.name
    for case in OPERATOR.cases
    if case.sizes["R"] * case.sizes["N"] <= 2_000
    and case.options.get("kernel", "gaussian") in kernels.MOMENTS
]
ROOM = (4096, 57_000)
"""Words a row has for its cells: many terms in few cells fit the one, few in many the other."""


@pytest.fixture(scope="module", autouse=True)
def on_the_host():
    on_cpu_torch()
    with launching(HostDriver()):
        yield


@pytest.fixture
def moments(monkeypatch):
    """Every row is tried by moments; returns what sets the room that it has."""
    monkeypatch.setattr(kernels, "LEAST", 1)

    def with_room(words):
        monkeypatch.setattr(kernels, "FEWEST_WORDS", words)

    return with_room


def given_tensors(case, base=0):
    arrays = inputs(OPERATOR, case, base)
    return {name: torch.tensor(a, dtype=getattr(torch, case.dtype)) for name, a in arrays.items()}


def results(case, tensors, weight):
    """Value and gradients by name."""
    function = load("soft_histogram", "cuda_torch", check_values=False)
    leaves = {name: tensors[name].clone().requires_grad_() for name in case.wrt}
    output = function(**{**tensors, **leaves}, **case.options)
    gradients = torch.autograd.grad(output, list(leaves.values()), weight)
    return {"output": output.detach(), **dict(zip(leaves, gradients, strict=True))}


def worst(case):
    weight = torch.tensor(cotangent(OPERATOR, case, 0), dtype=getattr(torch, case.dtype))
    found = results(case, given_tensors(case), weight)
    want = expected(OPERATOR, case, 0)
    return {
        name: units(value.float().numpy() if value.dtype.itemsize < 4 else value.numpy(),
                    want.reference[name], want.allowed[name]).max()
        for name, value in found.items()
    }  # fmt: skip


@pytest.mark.parametrize("room", ROOM)
@pytest.mark.parametrize("name", CASES)
def test_moments_are_within_tolerance_in_every_bin(name, room, moments):
    moments(room)
    errors = worst(OPERATOR.case(name))
    assert max(errors.values()) <= 1.0, errors


def test_the_cases_have_every_number_of_terms_among_them(moments):
    from implementations.cuda.torch.soft_histogram import route

    ways = set()
    for room in ROOM:
        moments(room)
        for name in CASES:
            case = OPERATOR.case(name)
            ways.add(route(**given_tensors(case), **case.options).split(", ")[-1])
    assert ways >= {f"{terms} terms" for terms in (3, 4, 6, 8)} | {"every sample at every edge"}


@pytest.mark.parametrize(("kernel", "single"), list(kernels.CHOICES))
def test_cells_are_as_small_as_the_accuracy_asks(kernel, single):
    """A tail at 8 bandwidths, or a logistic one anywhere, loses little of the tolerance."""
    tolerance = OPERATOR.tolerance("float32" if single else "float64")
    for terms, density in kernels.CHOICES[kernel, single]:
        half = 0.5 / density * (8 if kernel == "gaussian" else 1)
        left = 2 * (half / 2) ** terms / np.prod(np.arange(1.0, terms + 1))
        assert left <= (0.15 if single else 1) * tolerance
    assert kernels.REACH[kernel, single] == SMOOTH[kernel, not single].reach


def test_what_the_device_chooses_is_what_the_record_says(moments):
    """``route`` says on the host what plan and cells_of do on the device."""
    moments(4096)
    size = kernels.sizes(1, 1000, 51, "float32", "gaussian", False, HostDriver().device(0))

    def route(width, bandwidth=1.0, size=size):
        return kernels.route([width * e for e in range(51)], bandwidth, size, "gaussian")

    assert "6 terms" in route(1.0) and "9 terms" in route(1.6)
    assert "samples at the edges they see" in route(2.0)
    assert "samples at the edges they see" in route(1.0, 0.01)
    assert route(0.5, size=size._replace(moments=False)) == "every sample at every edge"


def test_a_cell_with_more_samples_than_it_holds_spills_exactly(moments):
    """Tied samples by the thousand: counts are whole numbers, whatever the order of threads."""
    moments(4096)
    x = torch.full((1, 20_000), 0.5).index_fill(1, torch.arange(0, 20_000, 7), -1.25)
    edges = torch.linspace(-2, 2, 9)
    function = load("soft_histogram", "cuda_torch")
    found = []
    for seed in (0, 1, 2):
        with launching(HostDriver(seed)):
            found.append(function(x, edges, 0.2))
    assert all(torch.equal(found[0], other) for other in found[1:])
    want = OPERATOR.reference(x.double().numpy(), edges.double().numpy(), 0.2)
    np.testing.assert_allclose(found[0], want, rtol=1e-5)


def test_two_runs_are_the_same_bits_in_whatever_order_threads_run(moments):
    moments(57_000)
    case = OPERATOR.case("relaxed-bandwidth-0.5")
    weight = torch.tensor(cotangent(OPERATOR, case, 0), dtype=torch.float32)
    runs = []
    for seed in (0, 3, 4):
        with launching(HostDriver(seed)):
            runs.append(results(case, given_tensors(case), weight))
    for other in runs[1:]:
        assert all(torch.equal(runs[0][name], other[name]) for name in other)


@settings(deadline=None, derandomize=True, max_examples=25, phases=[Phase.generate])
@given(
    samples=st.integers(1, 300),
    rows=st.integers(1, 3),
    bins=st.integers(1, 40),
    spread=st.sampled_from([0.02, 1.0, 30.0]),
    bandwidth=st.sampled_from([0.05, 0.5, 3.0]),
    weighted=st.booleans(),
    kernel=st.sampled_from(kernels.KERNELS),
    overflow=st.sampled_from(["drop", "reflect"]),
    tried=st.booleans(),
    seed=st.integers(1, 1000),
)
def test_drawn_inputs(
    samples, rows, bins, spread, bandwidth, weighted, kernel, overflow, tried, seed
):
    """Uneven edges, infinite samples, far away ones, tied ones, of any number."""
    rng = np.random.Generator(np.random.Philox(seed))
    x = np.float32(rng.normal(size=(rows, samples)) * spread).round(2)
    x[rng.random(x.shape) < 0.02] = np.inf
    x[rng.random(x.shape) < 0.02] = -np.inf
    edges = np.float32(np.cumsum(rng.exponential(size=bins + 1) * 4 / bins) - 2)
    case = dataclasses.replace(
        OPERATOR.case("everything"), sizes={"R": rows, "N": samples, "B": bins, "E": bins + 1},
        options={"kernel": kernel, "overflow": overflow},
    )  # fmt: skip
    arrays = {"x": x, "edges": edges, "bandwidth": np.full(rows, bandwidth, np.float32)}
    if weighted:
        arrays["weights"] = np.float32(rng.exponential(size=x.shape))
    wide = {name: np.float64(array) for name, array in arrays.items()}
    push = np.float32(rng.normal(size=(rows, bins)))
    least = kernels.LEAST
    kernels.LEAST = 1 if tried else least
    try:
        wrt = tuple(arrays)
        tensors = {name: torch.tensor(array) for name, array in arrays.items()}
        chosen = dataclasses.replace(case, wrt=wrt, dtype="float32")
        found = results(chosen, tensors, torch.tensor(push))
    finally:
        kernels.LEAST = least
    want = {
        "output": OPERATOR.reference(**wide, **case.options),
        **OPERATOR.reference_gradient(np.float64(push), wrt, **wide, **case.options),
    }
    allowed = OPERATOR.condition(np.float64(push), wrt, **wide, **case.options)
    for name, value in found.items():
        bound = OPERATOR.tolerance("float32") * allowed[name] + 1e-30
        error = np.abs(value.double().numpy() - want[name])
        assert (error <= bound + np.abs(want[name]) * 1e-6).all(), name


def test_a_faint_row_is_counted_sample_by_sample(moments):
    """All its samples 20 bandwidths away: beyond the reach of cells, yet a density has a shape."""
    moments(4096)
    x = torch.full((2, 64), 24.0)
    x[1] = 3.0
    edges = torch.linspace(0, 4, 5)
    found = load("soft_histogram", "cuda_torch")(x, edges, 1.0, density=True)
    want = OPERATOR.reference(x.double().numpy(), edges.double().numpy(), 1.0, density=True)
    np.testing.assert_allclose(found, want, rtol=2e-4)
    assert FAINT["gaussian"] == 1e-8


FAULTS = {
    "no barrier before cells are spilled": (
        "moments", "if (__syncthreads_or(full)) {", "if (full) {"
    ),
    "a spilled cell is not emptied": ("moments", "          table[word] = 0;\n", ""),
    "cells are not summed over blocks": (
        "moments", "block < call.blocks; ++block) total", "block < 1; ++block) total"
    ),
    "the side of a cell is that of its node": (
        "sums", "const double side = centre > edge ? -1 : 1;\n        own.first",
        "const double side = z < 0 ? -1 : 1;\n        own.first",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", FAULTS)
def test_a_kernel_with_one_fault_is_caught(what, tmp_path, moments):
    moments(4096)
    part, old, new = FAULTS[what]
    faults.altered(tmp_path, f"soft_histogram_{part}.cuh", old, new)
    rng = np.random.Generator(np.random.Philox(4))
    x = torch.tensor(rng.normal(size=(1, 40_000)), dtype=torch.float32)
    x[:, ::3] = 0.25
    edges = torch.linspace(-3, 3, 7)
    want = OPERATOR.reference(x.double().numpy(), edges.double().numpy(), 0.47)
    function, errors = load("soft_histogram", "cuda_torch"), []
    for seed, least in itertools.product((1, 2), (1, 1 << 20)):
        kernels.LEAST = least
        try:
            with launching(HostDriver(seed, tmp_path)):
                errors.append(np.abs(function(x, edges, 0.47).numpy() / want - 1).max())
        except LaunchError:
            errors.append(np.inf)
    assert not all(error <= 1e-5 for error in errors)
