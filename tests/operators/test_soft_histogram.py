"""The soft histogram's reference: its limits, its identities, its gradients."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from suite import kernel_counts
from suite.judge.correctness import expected, units
from suite.operators.soft_histogram import OPERATOR, OVERFLOW, reference, reference_gradient
from suite.smoothing_kernels import KERNELS

ALL = ("x", "edges", "bandwidth", "weights")
EDGES = np.array([-1.5, -0.7, -0.65, 0.1, 1.2])


def philox(seed):
    return np.random.Generator(np.random.Philox(seed))


def problem(seed, rows=3, samples=12):
    rng = philox(seed)
    return {
        "x": rng.normal(size=(rows, samples)),
        "edges": EDGES + rng.uniform(-0.02, 0.02, EDGES.shape),
        "bandwidth": rng.uniform(0.3, 0.9, rows),
        "weights": rng.uniform(0.0, 2.0, (rows, samples)),
    }


every_option = pytest.mark.parametrize(
    "options",
    [
        {"kernel": kernel, "density": density, "overflow": overflow}
        for kernel in KERNELS
        for density in (False, True)
        for overflow in OVERFLOW
    ],
    ids=lambda o: f"{o['kernel']}-{'density' if o['density'] else 'counts'}-{o['overflow']}",
)


def test_gaussian_counts_are_scipys_integrated_kernel_estimate():
    x = philox(1).normal(size=(1, 60))
    estimate = stats.gaussian_kde(x[0], bw_method=0.3 / x[0].std(ddof=1))
    want = [60 * estimate.integrate_box_1d(a, b) for a, b in zip(EDGES, EDGES[1:], strict=False)]
    np.testing.assert_allclose(reference(x, EDGES, 0.3)[0], want, rtol=1e-12)


@pytest.mark.parametrize("kernel", KERNELS)
def test_a_vanishing_bandwidth_leaves_the_ordinary_histogram(kernel):
    given = problem(2, samples=200) | {"bandwidth": 1e-7}
    for row, counts in enumerate(reference(**given, kernel=kernel)):
        hard, _ = np.histogram(given["x"][row], given["edges"], weights=given["weights"][row])
        np.testing.assert_allclose(counts, hard, rtol=1e-12)


@pytest.mark.parametrize("kernel", KERNELS)
@settings(deadline=None, derandomize=True, max_examples=20)
@given(seed=st.integers(0, 2**32))
def test_bins_merge_by_addition(kernel, seed):
    given = problem(seed)
    fine = reference(**given, kernel=kernel)
    coarse = reference(**given | {"edges": given["edges"][::2]}, kernel=kernel)
    np.testing.assert_allclose(fine[:, ::2] + fine[:, 1::2], coarse, rtol=1e-13)


@pytest.mark.parametrize("kernel", KERNELS)
@settings(deadline=None, derandomize=True, max_examples=20)
@given(seed=st.integers(0, 2**32))
def test_densities_integrate_to_one_and_reflected_counts_to_the_weights(kernel, seed):
    given = problem(seed)
    for overflow in OVERFLOW:
        densities = reference(**given, kernel=kernel, density=True, overflow=overflow)
        np.testing.assert_allclose(densities @ np.diff(given["edges"]), 1, rtol=1e-13)
    reflected = reference(**given, kernel=kernel, overflow="reflect")
    np.testing.assert_allclose(reflected.sum(axis=1), given["weights"].sum(axis=1), rtol=1e-13)
    dropped = reference(**given, kernel=kernel)
    np.testing.assert_allclose(reflected[:, 1:-1], dropped[:, 1:-1], rtol=1e-13)


@every_option
def test_gradients_agree_with_finite_differences(options):
    given, step = problem(3), 1e-6
    cotangent = philox(4).normal(size=(3, EDGES.size - 1))
    gradients = reference_gradient(cotangent, ALL, **given, **options)
    for name in ALL:
        direction = philox(5).normal(size=given[name].shape)
        sides = [
            (cotangent * reference(**given | {name: given[name] + s * direction}, **options)).sum()
            for s in (step, -step)
        ]
        slope, want = (sides[0] - sides[1]) / (2 * step), (gradients[name] * direction).sum()
        assert gradients[name].shape == given[name].shape
        assert abs(slope - want) <= 1e-7 * np.abs(gradients[name] * direction).sum(), name


@every_option
def test_a_change_of_origin_or_unit_changes_no_count(options):
    """Sums of gradients over x and edges vanish; so does Euler's sum, or it is minus a density."""
    given, cotangent = problem(6), philox(7).normal(size=(3, EDGES.size - 1))
    to = reference_gradient(cotangent, ALL, **given, **options)
    scale = max(np.abs(gradient).sum() for gradient in to.values())
    assert abs(to["x"].sum() + to["edges"].sum()) <= 1e-13 * scale
    euler = sum((given[name] * to[name]).sum() for name in ("x", "edges", "bandwidth"))
    value = (cotangent * reference(**given, **options)).sum() if options["density"] else 0.0
    assert abs(euler + value) <= 1e-13 * scale


def test_shared_arguments_get_the_sum_of_the_rows_gradients():
    given, cotangent = problem(8), philox(9).normal(size=(3, EDGES.size - 1))
    shared = given | {"bandwidth": np.float64(0.5), "weights": given["weights"][0]}
    rows = given | {
        "bandwidth": np.full(3, 0.5),
        "weights": np.broadcast_to(shared["weights"], given["x"].shape),
    }
    summed = reference_gradient(cotangent, ALL, **shared)
    single = reference_gradient(cotangent, ALL, **rows)
    np.testing.assert_allclose(summed["bandwidth"], single["bandwidth"].sum(), rtol=1e-13)
    np.testing.assert_allclose(summed["weights"], single["weights"].sum(axis=0), rtol=1e-13)


@every_option
def test_blocks_leave_no_trace(options, monkeypatch):
    given = problem(10, samples=50)
    cotangent = philox(11).normal(size=(3, EDGES.size - 1))
    whole = reference(**given, **options), reference_gradient(cotangent, ALL, **given, **options)
    monkeypatch.setattr(kernel_counts, "BLOCK", 3 * EDGES.size)
    np.testing.assert_allclose(reference(**given, **options), whole[0], rtol=1e-13)
    for name, got in reference_gradient(cotangent, ALL, **given, **options).items():
        np.testing.assert_allclose(got, whole[1][name], rtol=1e-11, atol=1e-13)


def test_infinite_samples_are_outside():
    x = np.array([[np.inf, -np.inf, 0.0, np.inf]])
    np.testing.assert_allclose(reference(x, EDGES, 0.1, overflow="reflect").sum(), 4, rtol=1e-15)
    np.testing.assert_array_equal(reference(x, EDGES, 0.1), reference(x[:, 2:3], EDGES, 0.1))
    to_x = reference_gradient(np.arange(4.0)[None], ("x",), x, EDGES, 0.1)["x"]
    assert (to_x[0, [0, 1, 3]] == 0).all() and to_x[0, 2] != 0


def test_the_tolerance_refutes_float32_cdf_differences():
    """What is commonly written is wrong eight bandwidths above a sample, and right below it."""
    case = OPERATOR.case("gaussian-tails")
    want = expected(OPERATOR, case, 0)
    given = OPERATOR.draw(case, np.random.Generator(np.random.Philox(key=[case.seed, 0])))
    x, edges = given["x"].astype(np.float32), given["edges"].astype(np.float32)
    h = np.float32(case.options["bandwidth"])
    cdf = stats.norm.cdf((edges - x[..., None]) / h).astype(np.float32)
    naive = np.diff(cdf).sum(axis=1)
    error = units(naive, want.reference["output"], want.allowed["output"])
    assert error.max() > 1000
    for useless in (0.0, want.reference["output"].mean()):
        wrong = units(np.full_like(naive, useless), **_first(want))
        assert (wrong > 1).all()


def _first(want):
    return {"reference": want.reference["output"], "allowed": want.allowed["output"]}
