"""Soft histograms by CUDA, on the host: samples at the edges they see, and nothing lost beyond."""

import numpy as np
import pytest
from cuda_host import faults
from cuda_host.build import NEEDS, compiler
from cuda_host.calls import called, equal, error
from cuda_host.driver import HostDriver, on_cpu_torch

from implementations.cuda import soft_histogram as kernels
from suite.smoothing_kernels import REACH

pytest.importorskip("torch")
pytestmark = pytest.mark.skipif(compiler() is None, reason=NEEDS)

WRT = ("x", "edges", "bandwidth", "weights")
TILED = 300
"""Edges, for which a block has too few threads."""

ONE_EACH, MANY_EACH = 700, 9000
"""Samples of a row: a thread's one by one, or several at a time and more than a block sorts."""


@pytest.fixture(scope="module", autouse=True)
def on_the_host():
    on_cpu_torch()


def driver(seed=1, **sources):
    """Few processors: a block has samples enough for all that it does."""
    return HostDriver(seed, processors=1, **sources)


def drawn(samples, edges=TILED, dtype="float32", rows=1, bandwidth=0.05, seed=5):
    """Uneven edges, one of three bins wider than all that a sample reaches; ties, and zeros."""
    rng = np.random.Generator(np.random.Philox(seed))
    widths = np.where(rng.random(edges - 1) < 0.3, 0.3, 0.01)
    ends = np.cumsum([0.0, *widths]).astype(dtype)
    x = rng.uniform(-8 * bandwidth, ends[-1] + 8 * bandwidth, size=(rows, samples))
    x[:, ::5] = rng.choice(ends, size=x[:, ::5].shape)
    x[:, ::97], x[:, 1::97] = np.inf, -np.inf
    weights = np.maximum(rng.normal(size=x.shape), 0)
    arrays = {"x": x, "edges": ends, "bandwidth": np.full(rows, bandwidth), "weights": weights}
    arrays = {name: array.astype(dtype) for name, array in arrays.items()}
    return arrays, rng.normal(size=(rows, edges - 1)).astype(dtype)


@pytest.mark.parametrize("samples", [ONE_EACH, MANY_EACH])
@pytest.mark.parametrize("kernel", kernels.KERNELS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_values_and_all_gradients_are_right_in_every_bin(dtype, kernel, samples):
    arrays, weight = drawn(samples, dtype=dtype)
    host = driver()
    options = {"kernel": kernel, "overflow": "reflect"}
    found = called(host, "soft_histogram", arrays, weight, WRT, **options)
    items = kernels.ITEMS[samples == MANY_EACH]
    kind = kernels.storage(dtype)
    assert {one.kernel for one in host.launched} >= {
        f"soft_histogram_direct<{kind}, {backward}, 256, {items}>" for backward in ("false", "true")
    }
    assert error(found, "soft_histogram", arrays, weight, WRT, **options) <= 1


@pytest.mark.parametrize("kernel", kernels.KERNELS)
def test_what_an_edge_does_not_see_would_have_added_nothing(kernel, tmp_path):
    """Against the full sum, in float64: only the order in which samples are added is another."""
    arrays, weight = drawn(ONE_EACH, dtype="float64", bandwidth=0.02)
    full = faults.altered(
        tmp_path, "soft_histogram_direct.cuh",
        "return {first_where(0, e, near), first_where(e, edges, far)};",
        "return near(e) && far(e) ? Window{e, e} : Window{0, edges};",
    )  # fmt: skip
    windowed, whole = (
        called(one, "soft_histogram", arrays, weight, ("edges", "bandwidth"), kernel=kernel)
        for one in (driver(), driver(sources=full))
    )
    for name, array in whole.items():
        scale = np.abs(array).max() if name == "bandwidth" else np.abs(array)
        assert np.all(np.abs(windowed[name] - array) <= 1e-10 * scale + 1e-12), name


@pytest.mark.parametrize("kernel", ["triangular", "gaussian"])
def test_the_bits_are_the_same_in_whatever_order_threads_run(kernel):
    arrays, weight = drawn(MANY_EACH, edges=41)
    runs = [
        called(driver(seed), "soft_histogram", arrays, weight, WRT, kernel=kernel)
        for seed in (0, 2, 3)
    ]
    assert equal(runs)


@pytest.mark.parametrize("name", ["x", "weights"])
def test_nan_in_a_row_leaves_the_other_rows_alone(name):
    arrays, weight = drawn(ONE_EACH, edges=20, rows=3)
    clean = called(driver(), "soft_histogram", arrays, weight, WRT, kernel="epanechnikov")
    arrays[name][1, 44] = np.nan
    found = called(driver(), "soft_histogram", arrays, weight, WRT, kernel="epanechnikov")
    for which in ("output", "x", "bandwidth", "weights"):
        assert np.isnan(found[which][1]).all(), which
        assert np.array_equal(found[which][::2], clean[which][::2]), which


@pytest.mark.parametrize("bandwidth", [1e-3, 0.05, 0.4, 50.0])
@pytest.mark.parametrize("kernel", kernels.KERNELS)
def test_the_record_says_how_many_edges_see_a_sample(kernel, bandwidth):
    """Counted bin by bin: an edge sees a bin that begins and ends within reach, or its own."""
    edges = drawn(1, edges=60, dtype="float64")[0]["edges"]
    reach = REACH[kernel] * bandwidth
    ends = np.array([-np.inf, *edges, np.inf])
    sees = (ends[None, 1:] > edges[:, None] - reach) & (ends[None, :-1] < edges[:, None] + reach)
    size = kernels.sizes(1, 100, 60, "float64", kernel, False, driver().device(0))
    said = kernels.route(edges.tolist(), bandwidth, size, kernel)
    mean = sees.sum() / sees.shape[1]
    if sees.all():
        assert said == "every sample at every edge"
    else:
        assert said == f"samples at the edges they see: of 60 on average {mean:.1f}"


FAULTS = {
    "an edge does not see the bin above it": ("(e, edges, far)", "(e, e, far)"),
    "an edge does not see the bin below it": ("(0, e, near)", "(e, e, near)"),
    "an edge sees half as far": ("const double reach = reach_of(call.kernel, false);",
                                 "const double reach = 0.5 * reach_of(call.kernel, false);"),
    "the bin above an edge is counted": ("place] == below", "place] == below + 1"),
    "bins are sorted by too few bits": ("none >> bits)", "none >> bits >> 1)"),
    "threads of an edge begin at the same sample": ("bin(window.first), false) + lane",
                                                    "bin(window.first), false)"),
    "a tile's last edge is left out": ("slot < each && e < end", "slot < each - 1 && e < end"),
    "no barrier between some samples and the next": (
        "    __syncthreads();\n  }\n  block.own", "  }\n  block.own"
    ),
    "no barrier before an edge's threads are added up": (
        "= own;\n  __syncthreads();\n", "= own;\n"
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", FAULTS)
def test_a_kernel_with_one_fault_is_caught(what, tmp_path):
    sources = faults.altered(tmp_path, "soft_histogram_direct.cuh", *FAULTS[what])
    arrays, weight = drawn(2 * MANY_EACH, edges=41)
    call = "soft_histogram", arrays, weight, ("edges",)
    options = {"kernel": "triangular", "overflow": "reflect"}
    hosts = (driver(seed, sources=sources) for seed in (1, 2))
    assert any(not error(called(host, *call, **options), *call, **options) <= 1 for host in hosts)
