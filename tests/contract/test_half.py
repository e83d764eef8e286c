"""float16 and bfloat16 are computed in float32 and returned in the dtype that came in."""

import dataclasses

import numpy as np
import pytest
from small_cases import richest

from suite.operators.arguments import dtype_name
from suite.operators.base import cotangent, inputs, round_to


def value_and_gradients(subject, case, arrays, weight):
    """What the harness computes; jax with the casts outside, so that all dtypes share a graph."""
    if subject.declaration.framework != "jax":
        return subject.run_native(case, arrays, weight)
    import jax

    def function(*values):
        changed = {**arrays, **dict(zip(case.wrt, values, strict=True))}
        return subject.value(case, changed)

    output, pull = jax.vjp(function, *(arrays[name] for name in case.wrt))
    return dict(zip(("output", *case.wrt), (output, *pull(weight)), strict=True))


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_types_are_float32_rounded(subject, dtype):
    case = richest(subject.operator)
    if reason := subject.unsupported(case):
        pytest.skip(reason)
    if subject.declaration.framework == "numpy" and dtype == "bfloat16":
        pytest.skip("numpy has no bfloat16")
    half = dataclasses.replace(case, dtype=dtype)
    arrays = {**inputs(subject.operator, half, 0), "": cotangent(subject.operator, half, 0)}
    got, single = {}, {}
    # In this order, since Dynamo's first look at a cast tensor is a warning of its own.
    for result, held in ((single, "float32"), (got, dtype)):
        native = {name: subject.array(values, held) for name, values in arrays.items()}
        weight = native.pop("")
        result |= value_and_gradients(subject, case, native, weight)
    for name, value in got.items():
        assert dtype_name(value) == dtype, name
        with np.errstate(over="ignore"):
            want = round_to(dtype, subject.framework.numpy(single[name]))
        assert np.array_equal(subject.framework.numpy(value), want, equal_nan=True), name
