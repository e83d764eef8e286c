"""Soft histograms by moments on what hypothesis draws: as right as the direct sum is."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from implementations.torch_moments import cells
from suite import load, operators
from suite.judge.correctness import units
from suite.operators.base import EPSILON, SMALLEST

OPERATOR = operators.get("soft_histogram")
WRT = ("x", "edges", "bandwidth", "weights")


@pytest.fixture(scope="module", autouse=True)
def whatever_they_cost():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cells, "DIRECT", float("inf"))
        yield


@settings(deadline=None, derandomize=True, max_examples=150)
@given(
    seed=st.integers(0, 10**6),
    rows=st.integers(1, 3),
    samples=st.sampled_from([1, 2, 7, 50, 300]),
    bins=st.sampled_from([1, 2, 20, 60]),
    kernel=st.sampled_from(["gaussian", "logistic", "triangular", "epanechnikov"]),
    dtype=st.sampled_from(["float32", "float64"]),
    density=st.booleans(),
    overflow=st.sampled_from(["drop", "reflect"]),
    spread=st.sampled_from([0.1, 0.5, 2.0]),
    log_h=st.floats(-2.5, 0.5),
    tied=st.booleans(),
)
def test_moments_are_as_right_as_the_direct_sum(
    seed, rows, samples, bins, kernel, dtype, density, overflow, spread, log_h, tied
):
    """Uneven bins a thousandth to thirty bandwidths wide, samples far outside, ties, faint rows."""
    rng = np.random.Generator(np.random.Philox(seed))
    edges = np.cumsum(np.r_[0.0, 10.0 ** rng.uniform(-2, 1, size=bins)])
    edges -= edges[-1] * rng.uniform()
    span = edges[-1] - edges[0]
    h = span * 10.0**log_h * rng.uniform(0.8, 1.2, size=rows)
    x = rng.normal(size=(rows, samples)) * span * spread
    if tied:
        x = np.round(x / span, 1) * span
    arrays = {"x": x, "edges": edges, "bandwidth": h, "weights": rng.uniform(size=x.shape)}
    arrays = {name: array.astype(dtype) for name, array in arrays.items()}
    if not (np.diff(arrays["edges"]) > 0).all():
        return
    options = {"kernel": kernel, "density": density, "overflow": overflow}
    weight = rng.uniform(0.5, 1.5, size=(rows, bins)).astype(dtype)
    exact = {name: array.astype(np.float64) for name, array in arrays.items()}
    with np.errstate(all="ignore"):
        want = {"output": OPERATOR.reference(**exact, **options)}
        want |= OPERATOR.reference_gradient(weight.astype(float), WRT, **exact, **options)
        condition = OPERATOR.condition(weight.astype(float), WRT, **exact, **options)
    moments, direct = (
        run(name, arrays, options, weight) for name in ("torch_moments", "torch_eager")
    )
    for name, value in want.items():
        size = np.abs(np.where(np.isfinite(value), value, 0))
        allowed = OPERATOR.tolerance(dtype) * condition[name] + EPSILON[dtype] * size
        allowed = allowed + SMALLEST[dtype]
        mine, theirs = (units(found[name], value, allowed).max() for found in (moments, direct))
        assert mine <= max(1.0, 2 * theirs), f"{name}: {mine:.3g}, directly {theirs:.3g} tolerances"


def run(name, arrays, options, weight):
    given_arrays = {k: torch.tensor(v).requires_grad_() for k, v in arrays.items()}
    output = load("soft_histogram", name)(**given_arrays, **options)
    gradients = torch.autograd.grad(output, list(given_arrays.values()), torch.tensor(weight))
    found = zip(given_arrays, gradients, strict=True)
    return {"output": output.detach().numpy(), **{k: g.numpy() for k, g in found}}


@pytest.mark.parametrize("kernel", ["gaussian", "logistic"])
@pytest.mark.parametrize(("dtype", "width"), [("float32", 1.1e-9), ("float64", 5.1e-3)])
@pytest.mark.parametrize("away", [0.3, 3.0, 6.0])
def test_the_narrowest_bins_are_right_where_their_edges_lie_in_two_cells(
    kernel, dtype, width, away
):
    """Cells begin at every quarter from the first edge, so that one ends at 0."""
    x = np.linspace(away - 0.2, away + 0.2, 50, dtype=dtype)[None]
    edges = np.array([-1, -2.1 * width, -width, 0, width, 3 * width, 1], dtype)
    exact = x.astype(float), edges.astype(float), 1.0
    want = OPERATOR.reference(*exact, kernel=kernel)
    got = load("soft_histogram", "torch_moments")(
        torch.tensor(x), torch.tensor(edges), 1.0, kernel=kernel
    )
    np.testing.assert_allclose(got, want, rtol=OPERATOR.tolerance(dtype))
