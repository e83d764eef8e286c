"""Losses of energies in torch and jax: the same numbers from the same draws."""

import dataclasses

import numpy as np
import pytest

from suite import load, operators
from suite.frameworks import get
from suite.operators.base import cotangent, gathered, inputs

pytest.importorskip("torch")
pytest.importorskip("jax")

CLOSE = 1e-12
"""Of the largest number of an array: a few thousand roundings of float64."""

CASES = [
    (operator.name, dataclasses.replace(case, dtype="float64"))
    for operator in map(operators.get, operators.names())
    if operator.name.startswith("energy_")
    for case in operator.cases
    if case.profile == "quick" and case.options["energy"] not in ("gaussian", "mlp_silu")
]
"""Every kind of energy: the two left out differ from others by their formula alone."""


def answers(implementation, operator_name, case):
    """Value, gradients and metrics by name, as NumPy arrays."""
    framework = get(implementation.partition("_")[0])
    operator = operators.get(operator_name)
    function = load(operator_name, implementation, check_values=False)
    given = {**inputs(operator, case, 0), "": cotangent(operator, case, 0)}
    native = {name: framework.array(values, case.dtype, "cpu") for name, values in given.items()}
    weight = native.pop("")
    _, metrics = function(**gathered(native), **case.options)
    target = framework.forward_backward(function, case.options, case.wrt)
    found = dict(zip(("output", *case.wrt), target(native, weight), strict=True)) | metrics
    return {name: framework.numpy(value) for name, value in found.items()}


@pytest.mark.parametrize(
    ("operator", "case"), CASES, ids=[f"{name}-{case.name}" for name, case in CASES]
)
def test_torch_and_jax_agree_in_float64(operator, case):
    torch, jax = (answers(name, operator, case) for name in ("torch_eager", "jax_xla"))
    assert torch.keys() == jax.keys()
    for name, want in torch.items():
        assert jax[name].dtype == want.dtype == np.float64, name
        error = np.abs(jax[name] - want).max()
        assert error <= CLOSE * np.abs(want).max(), f"{name} differs by {error:.2g}"
