"""The CUDA kernel of batch shaping, unmodified, run on the host one fiber a thread.

Against the operator's own reference, in whatever order threads take their turns.
"""

import ctypes

import numpy as np
import pytest
from host_build import SHIPPED, library
from hypothesis import given, settings
from hypothesis import strategies as st

from suite import operators
from suite.judge.correctness import expected, units
from suite.operators.base import cotangent, inputs

OPERATOR = operators.get("batch_shaping")
PRIORS = {"beta": 0, "symbeta": 1, "relaxed_bernoulli": 2, "normal": 3}
SMALL, LARGE = 32 * 3, 128 * 8
CASES = [
    case.name
    for case in OPERATOR.cases
    if case.sizes["N"] <= LARGE and case.dtype in ("float32", "float64")
]


@pytest.fixture(scope="module")
def kernel(tmp_path_factory):
    return Kernel(library("batch_shaping", tmp_path_factory.mktemp("cuda")))


class Kernel:
    """Losses (R,) and unit gradients by name, as a launch leaves them."""

    def __init__(self, built):
        self.built = built

    def __call__(
        self, x, a, b=None, *, prior, plotting_position="weibull", ties="mid", from_logits=False,
        clip=None, reduction="none", seed=1, wanted=("x", "a", "b"),
    ):  # fmt: skip
        x = np.ascontiguousarray(x)
        rows, samples = x.shape
        a, b = (
            np.ascontiguousarray(np.broadcast_to(0.5 if p is None else p, rows), np.float64)
            for p in (a, b)
        )
        shapes = {"output": (rows,), "x": x.shape, "a": (rows,), "b": (rows,)}
        out = {name: np.full(shape, 77, x.dtype) for name, shape in shapes.items()}
        step = 1 / (samples + 1 if plotting_position == "weibull" else samples)
        offset = -0.5 if plotting_position == "hazen" else 0.0
        low, high = _bounds(clip, from_logits)
        call = getattr(
            self.built, "batch_shaping_" + ("float" if x.dtype == np.float32 else "double")
        )
        pointer = lambda array: ctypes.c_void_p(array.ctypes.data)  # noqa: E731
        call(PRIORS[prior], samples > SMALL, seed, rows, pointer(x), pointer(a), pointer(b),
             pointer(out["output"]), *(pointer(out[n]) if n in wanted else None for n in "xab"),
             ctypes.c_longlong(samples), *map(ctypes.c_double, (step, offset, low, high)),
             ties == "mid", from_logits)  # fmt: skip
        return out


def _bounds(clip, from_logits):
    if clip is None:
        return -np.inf, np.inf
    clip = np.asarray(clip, np.float64)
    with np.errstate(divide="ignore"):
        return tuple(np.log(clip / (1 - clip)) if from_logits else clip)


def reduced(found, case, weight):
    """What the operator returns, and its gradients, from losses and unit gradients of rows."""
    reduction = case.options.get("reduction", "mean")
    rows = case.sizes["R"]
    output = {"none": found["output"], "sum": found["output"].sum(), "mean": found["output"].mean()}
    each = np.broadcast_to(weight / (rows if reduction == "mean" else 1), (rows,))
    gradients = {"output": output[reduction]}
    for name in case.wrt:
        scaled = found[name].astype(np.float64) * (each[:, None] if name == "x" else each)
        gradients[name] = scaled if np.shape(scaled) == case.shape(name) else scaled.sum()
    return gradients


@pytest.mark.parametrize("name", CASES)
def test_every_case_that_fits_a_block_is_within_tolerance(kernel, name):
    case = OPERATOR.case(name)
    given_arrays = inputs(OPERATOR, case, 0)
    found = kernel(**given_arrays, **case.options)
    want = expected(OPERATOR, case, 0)
    weight = cotangent(OPERATOR, case, 0).astype(np.float64)
    for key, got in reduced(found, case, weight).items():
        error = units(got, want.reference[key], want.allowed[key]).max()
        assert error <= 1.0, f"{key} is off by {error:.3g} tolerances"


@settings(deadline=None, derandomize=True, max_examples=30)
@given(
    samples=st.integers(1, SMALL),
    rows=st.integers(1, 3),
    distinct=st.integers(1, 40),
    seed=st.integers(1, 1000),
    prior=st.sampled_from(["normal", "relaxed_bernoulli"]),
    ties=st.sampled_from(["mid", "ordinal"]),
)
def test_ties_sizes_and_the_order_of_threads_change_nothing(
    kernel, samples, rows, distinct, seed, prior, ties
):
    """Few distinct values, from one sample to a full block; threads as one after another."""
    rng = np.random.Generator(np.random.Philox(seed))
    values = rng.uniform(0.1, 0.9, size=distinct)
    x = values[rng.integers(distinct, size=(rows, samples))].astype(np.float64)
    options = {"prior": prior, "ties": ties, "reduction": "none"}
    found = kernel(x, 0.4, 0.7, seed=seed, **options)
    in_order = kernel(x, 0.4, 0.7, seed=0, **options)
    want = OPERATOR.reference(x, 0.4, 0.7, **options)
    np.testing.assert_allclose(found["output"], want, rtol=1e-12, atol=1e-15)
    slope = OPERATOR.reference_gradient(np.ones(rows), ("x",), x=x, a=0.4, b=0.7, **options)["x"]
    np.testing.assert_allclose(found["x"], slope, rtol=1e-9, atol=1e-14)
    for name in found:
        np.testing.assert_array_equal(found[name], in_order[name])


def test_a_nan_spoils_its_row_and_infinities_are_samples(kernel):
    x = np.linspace(-2, 2, 150, dtype=np.float32).reshape(3, 50)
    x[1, 7] = np.nan
    x[2, [3, 9]] = np.inf, -np.inf
    found = kernel(x, 0.0, 1.0, prior="normal")
    clean = kernel(x[[0, 2]], 0.0, 1.0, prior="normal")
    for name, array in found.items():
        assert np.isnan(array[1]).all()
        np.testing.assert_array_equal(array[[0, 2]], clean[name])
    assert np.isfinite(found["output"][2]) and (found["x"][2, [3, 9]] == 0).all()


def test_what_is_not_wanted_is_not_written(kernel):
    x = np.linspace(0.1, 0.9, 40, dtype=np.float32)[None]
    for wanted in ((), ("x",), ("a",), ("b",)):
        found = kernel(x, 2.0, 3.0, prior="beta", wanted=wanted)
        for name in "xab":
            assert (found[name] == 77).all() == (name not in wanted)


ALTERATIONS = {
    "no barrier before keys are read": (
        "shared.keys[thread * ITEMS + i] = keys[i];\n  __syncthreads();",
        "shared.keys[thread * ITEMS + i] = keys[i];",
    ),
    "no barrier before keys are written": (
        ".Sort(keys, places);\n  __syncthreads();", ".Sort(keys, places);"
    ),
    "two ranks exchanged": (
        "int first = rank, last = rank;", "int first = rank < 2 ? 1 - rank : rank, last = first;"
    ),
    "strict and not strict exchanged": ("keys[i], true) - 1", "keys[i], false)"),
}  # fmt: skip


@pytest.mark.parametrize("what", ALTERATIONS)
def test_a_kernel_with_one_fault_is_caught(what, tmp_path):
    """The same check of tied and distinct rows, in several orders, sees each of these."""
    text, (old, new) = (SHIPPED / "batch_shaping.cu").read_text(), ALTERATIONS[what]
    assert text.count(old) == 1
    altered = tmp_path / "altered.cu"
    altered.write_text(text.replace(old, new))
    faulty = Kernel(library("batch_shaping", tmp_path, f'-DKERNEL="{altered}"'))
    rng = np.random.Generator(np.random.Philox(8))
    x = np.concatenate([rng.normal(size=(2, 90)), rng.normal(size=(2, 90)).round(0)])
    want = OPERATOR.reference(x, 0.0, 1.0, prior="normal", reduction="none")
    errors = [
        np.abs(faulty(x, 0.0, 1.0, prior="normal", seed=seed)["output"] - want).max()
        for seed in range(1, 6)
    ]
    assert not all(error <= 1e-6 for error in errors)
