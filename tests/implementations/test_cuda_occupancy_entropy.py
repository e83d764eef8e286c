"""The kernels of occupancy entropies on the host: what cases do not try."""

import numpy as np
import pytest
from cuda_host import driver
from cuda_host.calls import called, equal, error, seen
from cuda_host.driver import HostDriver
from cuda_host.faults import altered
from hypothesis import given, settings
from hypothesis import strategies as st

from implementations.cuda import occupancy_entropy as kernels
from implementations.cuda.launch import Device

if reason := driver.on_cpu_torch():
    pytest.skip(reason, allow_module_level=True)

ORDERS = (0, 1, 2)
DRIVERS = [HostDriver(seed) for seed in ORDERS]
ESTIMATORS = tuple(kernels.ESTIMATORS)
INFINITE = [np.inf, -np.inf, 0.0, -0.0, 1e30, -3e38]


@pytest.fixture(autouse=True)
def small_shares(monkeypatch):
    """Of samples, so that a row of a hundred has several blocks, forward and backward."""
    monkeypatch.setattr(kernels, "LEAST", 16)
    monkeypatch.setattr(kernels, "SHARE", 48)


def problem(rows, samples, noisy, seed, dtype, special=()):
    """Units around different means, some of their pre-activations special; noise, a cotangent."""
    rng = np.random.Generator(np.random.Philox(seed))
    z = rng.normal(size=(rows, samples)) + rng.normal(scale=3, size=(rows, 1))
    for value in special:
        z[rng.integers(rows), rng.integers(samples)] = value
    arrays = {"z": z.astype(dtype)}
    if noisy:
        arrays["noise"] = rng.logistic(size=z.shape).astype(dtype)
    return arrays, rng.normal(size=rows).astype(dtype), ("z",)


@settings(deadline=None, derandomize=True, max_examples=40)
@given(
    rows=st.integers(1, 5),
    samples=st.integers(1, 600),
    noisy=st.booleans(),
    special=st.lists(st.sampled_from([*INFINITE, np.nan]), max_size=3),
    seed=st.integers(0, 1000),
    estimator=st.sampled_from(ESTIMATORS[:3]),
    temperature=st.sampled_from([0.05, 0.7, 3.0]),
    dtype=st.sampled_from(["float32", "float64"]),
)
def test_infinities_nan_and_the_order_of_threads_change_nothing(
    rows, samples, noisy, special, seed, estimator, temperature, dtype
):
    call = "occupancy_entropy", *problem(rows, samples, noisy, seed, dtype, special)
    options = {"estimator": estimator, "temperature": temperature}
    found = [called(each, *call, **options) for each in DRIVERS]
    assert error(found[0], *call, **options) <= 1
    assert equal(found)


@pytest.mark.parametrize("estimator", ESTIMATORS[:3])
def test_a_row_has_the_entropy_it_has_by_several_blocks(estimator, monkeypatch):
    """One block a row against as many as occupy the device: sums in another order, no more."""
    call = "occupancy_entropy", *problem(2, 600, True, 5, "float64")
    several, launched = called(DRIVERS[1], *call, estimator=estimator), DRIVERS[1].launched[-3:]
    assert [one.blocks // 2 for one in launched[:2]] == [16, 1]
    monkeypatch.setattr(kernels, "LEAST", 1000)
    one = called(DRIVERS[1], *call, estimator=estimator)
    for name, array in several.items():
        np.testing.assert_allclose(array, one[name], rtol=1e-14)


@pytest.mark.parametrize("estimator", ESTIMATORS[:3])
@pytest.mark.parametrize("temperature", [1e-300, 1e-42, 1e42])
def test_temperatures_beyond_single_precision_are_limits(estimator, temperature):
    """A unit that is never undecided has no entropy and no gradient; a hot one has log 2."""
    z = np.array([[-1.0, 2.0, 3.0, -4.0]], np.float32)
    weight = np.ones(1, np.float32)
    options = {"estimator": estimator, "temperature": temperature}
    found = called(DRIVERS[1], "occupancy_entropy", {"z": z}, weight, ("z",), **options)
    hot = temperature > 1 or estimator != "mean_bernoulli"
    np.testing.assert_allclose(found["output"], np.log(2) if hot else 0, rtol=1e-6)
    np.testing.assert_allclose(found["z"], 0, atol=1e-30)


@pytest.mark.parametrize(
    ("rows", "samples", "blocks"),
    [(512, 4096, 1), (1, 16383, 1), (1, 16384, 2), (1, 1 << 24, 1056), (64, 1 << 20, 16),
     (4096, 1 << 20, 1)],
)  # fmt: skip
def test_rows_are_shared_where_they_are_too_few_to_occupy_a_gpu(rows, samples, blocks, monkeypatch):
    monkeypatch.undo()
    assert kernels.blocks(rows, samples, Device("sm_90", 0, 132)) == blocks


FAULTS = {
    "no barrier between sums": (
        "  }\n  for (int k = 0; k < 2; ++k) {\n    __syncthreads();\n    sums[k] = Reduce(reduce)"
        ".Sum(sums[k]);\n  }\n  if (threadIdx.x) return",
        "  }\n  for (int k = 0; k < 2; ++k) {\n    sums[k] = Reduce(reduce)"
        ".Sum(sums[k]);\n  }\n  if (threadIdx.x) return",
    ),
    "one sample of a share left out": (
        "if (place + k * THREADS < end) add", "if (place + k * THREADS < end - 1) add",
    ),
    "sums of another block": (
        "call.partial[blockIdx.x * 2LL + k] =", "call.partial[threadIdx.x * 2LL + k] =",
    ),
    "another row's sums": (
        "call.partial + blockIdx.x * call.blocks * 2", "call.partial",
    ),
    "the tail of 1 - p from p": (
        "(ESTIMATOR == SIGMOID ? sums[1] : samples - sums[0])", "(samples - sums[0])",
    ),
    "noise in the value alone": (
        "  const Arguments<S> arguments(call.units, row);\n  const double factor",
        "  Arguments<S> arguments(call.units, row);\n  arguments.noise = 0;\n  const double factor",
    ),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_a_kernel_with_one_fault_is_seen(fault, tmp_path):
    sources = altered(tmp_path, "occupancy_entropy.cu", *FAULTS[fault])
    call = "occupancy_entropy", *problem(2, 270, True, 3, "float64")
    call[1]["z"][0] += 60  # a unit that is on but for some 1e-20
    drivers = [HostDriver(seed, sources, ("-fno-sanitize=all",)) for seed in ORDERS]
    assert any(seen(drivers, *call, estimator=estimator) for estimator in ESTIMATORS[:3])
