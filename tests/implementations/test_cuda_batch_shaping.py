"""Batch shaping's kernels, unmodified, on the host one fiber a thread: what cases do not try.

Threads in any order, infinities beside ties, rows shared by many blocks, and kernels with a fault.
"""

import itertools

import numpy as np
import pytest
from cuda_host import driver
from cuda_host.calls import called, equal, error, seen
from cuda_host.driver import HostDriver
from cuda_host.faults import altered
from hypothesis import given, settings
from hypothesis import strategies as st

from implementations.cuda import batch_shaping as kernels
from implementations.cuda import row_sort
from implementations.cuda.launch import Parameter

if reason := driver.on_cpu_torch():
    pytest.skip(reason, allow_module_level=True)

ORDERS = (0, 1, 2, 3)
DRIVERS = [HostDriver(seed) for seed in ORDERS]
LARGE = DRIVERS[0].shared
SHARING = [HostDriver(seed, shared=0) for seed in ORDERS]
"""Drivers of a GPU on which no row fits a block."""

UNCHECKED = ("-fno-sanitize=all",)
"""Of a kernel with a fault: the sanitizer would end the process."""

WRT = ("x", "a", "b")


def arrays(rows, samples, distinct, seed, dtype, special=()):
    """Rows of few distinct values, some of them special; a and b one a row."""
    rng = np.random.Generator(np.random.Philox(seed))
    values = np.concatenate([rng.uniform(0.1, 0.9, size=distinct), special])
    x = values[rng.integers(len(values), size=(rows, samples))].astype(dtype)
    a, b = rng.uniform(0.3, 0.7, size=(2, rows)).astype(dtype)
    return {"x": x, "a": a, "b": b}


def losses(drivers, given_arrays, **options):
    """Of every driver, losses and gradients."""
    weight = np.linspace(1, 2, len(given_arrays["x"])).astype(given_arrays["x"].dtype)
    rest = given_arrays, weight, WRT
    found = [called(d, "batch_shaping", *rest, reduction="none", **options) for d in drivers]
    return found, error(found[0], "batch_shaping", *rest, reduction="none", **options)


DRAWN = settings(deadline=None, derandomize=True, max_examples=25)
GIVEN = given(
    rows=st.integers(1, 3),
    samples=st.integers(1, 130),
    distinct=st.integers(1, 60),
    special=st.lists(st.sampled_from([np.inf, -np.inf, 0.0, -0.0]), max_size=4),
    seed=st.integers(0, 1000),
    ties=st.sampled_from(["mid", "ordinal"]),
    position=st.sampled_from(["weibull", "ecdf", "hazen"]),
    dtype=st.sampled_from(["float32", "float64"]),
)


@DRAWN
@GIVEN
def test_ties_infinities_and_the_order_of_threads_change_nothing(
    rows, samples, distinct, special, seed, ties, position, dtype
):
    drawn = arrays(rows, samples, distinct, seed, dtype, special)
    found, worst = losses(DRIVERS, drawn, prior="normal", ties=ties, plotting_position=position)
    assert worst <= 1
    assert equal(found)


@DRAWN
@GIVEN
def test_rows_shared_by_blocks_are_the_same(
    rows, samples, distinct, special, seed, ties, position, dtype
):
    """In shares of 16 samples, so that equal ones lie in several."""
    drawn = arrays(rows, samples, distinct, seed, dtype, special)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(row_sort, "SHARE", 16)
        found, worst = losses(SHARING, drawn, prior="normal", ties=ties, plotting_position=position)
    assert worst <= 1
    assert equal(found)


@pytest.mark.parametrize("drivers", [DRIVERS, SHARING], ids=["a block a row", "shared rows"])
def test_a_nan_spoils_its_row_alone(drivers, monkeypatch):
    monkeypatch.setattr(row_sort, "SHARE", 16)
    drawn = arrays(3, 50, 40, 5, "float32")
    clean, _ = losses(
        drivers[:1], {name: array[[0, 2]] for name, array in drawn.items()}, prior="normal"
    )
    drawn["x"][1, 7] = np.nan
    found, worst = losses(drivers, drawn, prior="normal")
    assert worst <= 1 and equal(found)
    for name, array in found[0].items():
        assert np.isnan(array[1]).all()
        if name == "output":
            np.testing.assert_array_equal(array[[0, 2]], clean[0][name])


@pytest.mark.parametrize("wanted", ["", "x", "a", "b", "xa", "xab"])
@pytest.mark.parametrize("shared", [False, True], ids=["a block a row", "shared rows"])
def test_what_is_wanted_is_written_and_nothing_else(wanted, shared, monkeypatch):
    """Results lie in one buffer, untouched between them; what is not wanted has no address."""
    monkeypatch.setattr(row_sort, "SHARE", 16)
    rows, samples, gap = 2, 40, 8
    x = np.linspace(0.1, 0.9, rows * samples, dtype=np.float32).reshape(rows, samples)
    buffer, place, where = np.full(400, 77, np.float32), gap, {}
    for name, size in (("loss", rows), ("x", x.size), ("a", rows), ("b", rows)):
        where[name] = slice(place, place + size)
        place += size + gap
    addresses = [
        buffer[where[name]].ctypes.data if name == "loss" or name in wanted else 0 for name in where
    ]
    numbers = Parameter.number(2.0), Parameter.number(3.0)
    given_arrays = kernels.Arrays(x.ctypes.data, *addresses, *numbers)
    options = kernels.Options("beta", "weibull", "mid", False, -np.inf, np.inf)
    rest = rows, samples, "float32", options
    if shared:
        order = np.argsort(x, axis=1)
        ascending = np.take_along_axis(x, order, axis=1)
        partial = np.full(kernels.partial_shape(rows, samples), np.nan)
        addresses = (array.ctypes.data for array in (ascending, order, partial))
        launches = kernels.sorted_rows(given_arrays, *addresses, *rest, wide=True)
    else:
        launches = kernels.rows(given_arrays, *rest, DRIVERS[1].device(0))
    DRIVERS[1].run(launches, 0, 0)
    written = np.zeros(buffer.size, bool)
    for name in ("loss", *wanted):
        written[where[name]] = True
    np.testing.assert_array_equal(buffer != 77, written)


FAULTS = {
    "no barrier after samples are loaded": (
        "row_sort.cuh", "    bad = __syncthreads_or(bad);\n\n", "",
    ),
    "no barrier before keys are written": (
        "row_sort.cuh", ".Sort(own, from);\n    __syncthreads();", ".Sort(own, from);",
    ),
    "no barrier before keys are read": (
        "row_sort.cuh", "places[thread * ITEMS + i] = from[i];\n    }\n    __syncthreads();",
        "places[thread * ITEMS + i] = from[i];\n    }",
    ),
    "equal samples in another order": (
        "row_sort.cuh", "own[i] = keys[thread * ITEMS + i];",
        "own[i] = keys[thread * ITEMS + ITEMS - 1 - i];",
    ),
    "strict and not strict exchanged": (
        "row_sort.cuh", "bound(ascending, count, value, true) - 1",
        "bound(ascending, count, value, false)",
    ),
    "the last of equal samples off by one": (
        "row_sort.cuh", "bound(ascending, count, value, true) - 1",
        "bound(ascending, count, value, true)",
    ),
    "two ranks exchanged": (
        "batch_shaping.cu", "double shared_rank = rank;",
        "double shared_rank = rank < 2 && samples > 1 ? 1 - rank : rank;",
    ),
    "no barrier between sums": (
        "batch_shaping.cu",
        "    __syncthreads();\n    sums[k] = cub::BlockReduce<double, THREADS>(shared.reduce)"
        ".Sum(sums[k]);\n  }",
        "    sums[k] = cub::BlockReduce<double, THREADS>(shared.reduce).Sum(sums[k]);\n  }",
    ),
    "sums of another row": (
        "batch_shaping.cu", "sorted.partial[blockIdx.x * 3LL + k] =",
        "sorted.partial[part * 3LL + k] =",
    ),
    "ranks of a share from its start": (
        "batch_shaping.cu", "double shared_rank = static_cast<double>(rank);",
        "double shared_rank = static_cast<double>(rank - first_rank);",
    ),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_a_kernel_with_one_fault_is_seen(fault, tmp_path, monkeypatch):
    """By distinct and by tied rows, of both ties, in several orders, with a block a row or more."""
    monkeypatch.setattr(row_sort, "SHARE", 16)
    sources = altered(tmp_path, *FAULTS[fault])

    def sees(ties, distinct, shared):
        drawn, weight = arrays(3, 120, distinct, 8, "float64"), np.linspace(1, 2, 3)
        options = {"prior": "normal", "reduction": "none", "ties": ties}
        drivers = [HostDriver(seed, sources, UNCHECKED, shared) for seed in ORDERS]
        return seen(drivers, "batch_shaping", drawn, weight, WRT, **options)

    tried = itertools.product(("mid", "ordinal"), (9, 90), (LARGE, 0))
    assert any(sees(*each) for each in tried)
