"""Soft histograms by moments in Triton's interpreter: right bin by bin, wherever edges allow it.

Where the moments pay begins at sizes that no interpreter can do, so the plan is told that the
direct way costs everything.
"""

import dataclasses

import numpy as np
import pytest

pytest.importorskip("triton", reason="needs triton: pip install 'cdfbench[triton]'")
pytest.importorskip("torch")

import torch
from interpreter import missing, on_host, quicken

from implementations.triton import direct_counts, moments
from implementations.triton.torch import soft_histogram as by_torch
from suite.judge.correctness import expected, units
from suite.operators import get
from suite.operators.base import cotangent, inputs

pytestmark = pytest.mark.skipif(missing() is not None, reason=str(missing()))
quicken()

OPERATOR = get("soft_histogram")
CASES = (
    "everything", "everything-float64", "gaussian-tails", "gaussian-narrow", "logistic-tails",
    "logistic-narrow-float64",
)  # fmt: skip
SAMPLES = {"gaussian": 1 << 27, "logistic": 1 << 30}
"""For which the plan chooses moments, however many there are."""


@pytest.fixture(autouse=True)
def always(monkeypatch):
    """Moments for every smooth kernel, in tiles that the interpreter is quick with."""

    def plan(kernel, samples, edges):
        return moments.plan(kernel, SAMPLES.get(kernel, samples), edges)

    monkeypatch.setattr(moments, "ATOMIC", 0.0)
    monkeypatch.setattr(by_torch, "plan", plan)
    monkeypatch.setattr(direct_counts, "BINS", 64)
    monkeypatch.setattr(direct_counts, "SAMPLES", 1024)
    return plan


def errors(case, arrays):
    """In units of the tolerance, of the value and of every gradient, by torch."""
    weight = cotangent(OPERATOR, case, 0)
    dtype = getattr(torch, case.dtype)
    given = {name: torch.tensor(array, dtype=dtype) for name, array in arrays.items()}
    leaves = [given[name].requires_grad_() for name in case.wrt]
    output = by_torch.soft_histogram(**given, **case.options)
    found = [output, *torch.autograd.grad(output, leaves, torch.tensor(weight, dtype=dtype))]
    return judged(case, arrays, [value.detach().numpy() for value in found])


def judged(case, arrays, found):
    changed = dataclasses.replace(OPERATOR, draw=lambda *_: dict(arrays))
    want = expected(changed, case, 0)
    names = "output", *case.wrt
    return max(
        units(value, want.reference[name], want.allowed[name]).max()
        for name, value in zip(names, found, strict=True)
    )


def watched(monkeypatch):
    """The bandwidths, NaN where a row is counted without moments, of every use of them."""
    seen, plain = [], by_torch._Nodes.__init__

    def noted(self, *given):
        plain(self, *given)
        seen.append(self.narrow.isnan().tolist())

    monkeypatch.setattr(by_torch._Nodes, "__init__", noted)
    return seen


@pytest.mark.parametrize("name", CASES)
def test_tails_narrow_bins_and_every_gradient_keep_the_tolerance(name, monkeypatch):
    seen, case = watched(monkeypatch), OPERATOR.case(name)
    assert errors(case, inputs(OPERATOR, case, 0)) <= 0.1
    assert seen and not any(map(any, seen))


def test_a_row_whose_edges_are_too_far_apart_is_counted_directly(monkeypatch):
    seen, case = watched(monkeypatch), OPERATOR.case("everything")
    arrays = inputs(OPERATOR, case, 0)
    arrays["bandwidth"][1] = 0.01
    assert errors(case, arrays) <= 0.5
    assert seen[0] == [False, True, False, False]


@pytest.mark.parametrize("far", [1e9, np.inf, -np.inf])
def test_samples_beyond_the_cells_stay_in_the_last_of_their_own_row(far, monkeypatch):
    seen, case = watched(monkeypatch), OPERATOR.case("everything")
    arrays = inputs(OPERATOR, case, 0)
    arrays["x"][0, :3] = arrays["x"][-1, -1] = far
    assert case.options["overflow"] == "reflect" and errors(case, arrays) <= 0.5
    assert seen and not any(map(any, seen))


def test_a_term_less_would_be_noticed(monkeypatch):
    smooth = moments.SMOOTH["gaussian", True]._replace(wide=(4, 4))
    monkeypatch.setitem(moments.SMOOTH, ("gaussian", True), smooth)
    case = OPERATOR.case("gaussian-tails")
    assert errors(case, inputs(OPERATOR, case, 0)) > 10


def test_jax_has_the_same(always, monkeypatch):
    jax = pytest.importorskip("jax")
    from implementations.triton.jax import launch
    from implementations.triton.jax import soft_histogram as by_jax

    monkeypatch.setattr(by_jax, "plan", always)
    monkeypatch.setattr(launch, "carry_out", on_host)
    case = OPERATOR.case("everything")
    arrays = inputs(OPERATOR, case, 0)

    def function(*values):
        return by_jax.soft_histogram(**dict(zip(case.wrt, values, strict=True)), **case.options)

    given = [jax.numpy.asarray(arrays[name], "float32") for name in case.wrt]
    output, pull = jax.vjp(function, *given)
    weight = jax.numpy.asarray(cotangent(OPERATOR, case, 0), "float32")
    found = [np.asarray(value) for value in (output, *pull(weight))]
    assert judged(case, arrays, found) <= 0.5


def test_moments_are_for_many_samples_in_many_bins():
    assert moments.plan("gaussian", 10**5, 1001) is None
    assert moments.plan("gaussian", 10**7, 1001) is not None
    assert moments.plan("triangular", 10**7, 1001) is None
