"""The kernels of empirical distribution functions on the host: what cases do not try."""

import numpy as np
import pytest
from cuda_host import driver
from cuda_host.calls import called, equal, error, seen
from cuda_host.driver import HostDriver
from cuda_host.faults import altered
from hypothesis import given, settings
from hypothesis import strategies as st

from implementations.cuda import row_sort

if reason := driver.on_cpu_torch():
    pytest.skip(reason, allow_module_level=True)

ORDERS = (0, 1, 2)
LARGE = 227 * 1024
FITTING = {
    name: [HostDriver(seed, shared=shared) for seed in ORDERS]
    for name, shared in (("a block a row", LARGE), ("shared rows", 0))
}
SURROGATES = {"identity": None, "density": 0.3, "soft_rank": 0.2}
POSITIONS = ("ecdf", "weibull", "hazen")


@pytest.fixture(autouse=True)
def small_shares(monkeypatch):
    monkeypatch.setattr(row_sort, "SHARE", 16)


def problem(rows, samples, distinct, seed, dtype, special=()):
    """Rows of few distinct values, some of them special, and a cotangent."""
    rng = np.random.Generator(np.random.Philox(seed))
    values = np.concatenate([rng.normal(size=distinct), special])
    x = values[rng.integers(len(values), size=(rows, samples))].astype(dtype)
    return {"x": x}, rng.normal(size=x.shape).astype(dtype), ("x",)


@pytest.mark.parametrize("fitting", FITTING)
@settings(deadline=None, derandomize=True, max_examples=20)
@given(
    rows=st.integers(1, 3),
    samples=st.integers(1, 270),
    distinct=st.integers(1, 200),
    special=st.lists(st.sampled_from([np.inf, -np.inf, 0.0, -0.0, np.nan]), max_size=3),
    seed=st.integers(0, 1000),
    ties=st.sampled_from(["max", "mid", "ordinal"]),
    position=st.sampled_from(POSITIONS),
    surrogate=st.sampled_from(list(SURROGATES)),
    dtype=st.sampled_from(["float32", "float64"]),
)
def test_ties_infinities_nan_and_the_order_of_threads_change_nothing(
    fitting, rows, samples, distinct, special, seed, ties, position, surrogate, dtype
):
    options = {"ties": ties, "plotting_position": position, "surrogate": surrogate}
    options["scale"] = SURROGATES[surrogate]
    if surrogate != "identity":  # of infinite samples no density is estimated
        special = [value for value in special if not np.isinf(value)]
    call = "ecdf", *problem(rows, samples, distinct, seed, dtype, special)
    found = [called(each, *call, **options) for each in FITTING[fitting]]
    assert error(found[0], *call, **options) <= 1
    assert equal(found)


@pytest.mark.parametrize("surrogate", ["density", "soft_rank"])
def test_sums_over_thousands_of_pairs_keep_most_of_their_digits(surrogate):
    """A twentieth of what is allowed: the allowance covers each term, not only their number."""
    call = "ecdf", *problem(1, 3000, 3000, 4, "float32")
    options = {"surrogate": surrogate, "scale": 2.0}
    found = called(FITTING["a block a row"][0], *call, **options)
    assert error({"x": found["x"]}, *call, **options) <= 0.05


@pytest.mark.parametrize("surrogate", ["density", "soft_rank"])
@pytest.mark.parametrize("scale", [1e-300, 1e-42, 1e30])
def test_scales_beyond_single_precision_are_limits(surrogate, scale):
    """Alone at its distance, or one of N at distance 0; never NaN."""
    arrays, weight, _ = problem(1, 200, 200, 4, "float32")
    arrays["x"] = np.linspace(-1, 1, 200, dtype=np.float32)[None]
    options = {"surrogate": surrogate, "scale": scale}
    found = called(FITTING["a block a row"][1], "ecdf", arrays, weight, ("x",), **options)["x"]
    if surrogate == "density":
        near = 1 if scale < 1 else 200
        with np.errstate(over="ignore"):
            want = (weight * (near / (np.sqrt(2 * np.pi) * 200) / scale)).astype(np.float32)
        np.testing.assert_allclose(found, want, rtol=1e-5)
    else:
        assert np.isfinite(found).all() and (np.abs(found) <= 1e-30).all()


@pytest.mark.parametrize("surrogate", ["density", "soft_rank"])
def test_an_infinite_sample_is_far_from_the_others_and_nowhere_itself(surrogate):
    arrays, weight, wrt = problem(1, 60, 60, 4, "float64")
    options = {"surrogate": surrogate, "scale": 0.5}
    fitting = FITTING["a block a row"][1]
    far = {"x": arrays["x"].copy()}
    arrays["x"][0, 7], far["x"][0, 7] = np.inf, 1e9
    found, want = (called(fitting, "ecdf", a, weight, wrt, **options)["x"] for a in (arrays, far))
    others = np.arange(60) != 7
    np.testing.assert_array_equal(found[0, others], want[0, others])
    assert np.isnan(found[0, 7])


FAULTS = {
    "no barrier before positions are read": (
        "  }\n  __syncthreads();\n  S* positions", "  }\n  S* positions",
    ),
    "the first of equal samples for the last": (
        "call.ties == MID ? first_equal(ascending, rank) : last", "first_equal(ascending, rank)",
    ),
    "one sample of a share left out": (
        "const long long end = first + (", "const long long end = first - 1 + (",
    ),
    "no barrier before a tile is written": (
        "    __syncthreads();\n    if (thread < count)", "    if (thread < count)",
    ),
    "no barrier before a tile is read": (
        "    __syncthreads();\n    T part = 0;", "    T part = 0;",
    ),
    "a sample beside another's cotangent": (
        "{loaded(x[first + thread]),", "{loaded(x[first + (thread + 1) % count]),",
    ),
    "the first row's samples": (
        "const S* x = static_cast<const S*>(call.x) + start;\n  const S* cotangent",
        "const S* x = static_cast<const S*>(call.x);\n  const S* cotangent",
    ),
    "the last tile in full": (
        "samples - first < THREADS ? samples - first : THREADS", "THREADS",
    ),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_a_kernel_with_one_fault_is_seen(fault, tmp_path):
    sources = altered(tmp_path, "ecdf.cu", *FAULTS[fault])
    call = "ecdf", *problem(2, 150, 60, 3, "float64")
    tried = (
        seen([HostDriver(seed, sources, ("-fno-sanitize=all",), shared) for seed in ORDERS],
             *call, surrogate=surrogate, scale=scale)
        for shared in (LARGE, 0) for surrogate, scale in SURROGATES.items()
    )  # fmt: skip
    assert any(tried)
