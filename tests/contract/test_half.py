"""float16 and bfloat16 are computed in float32 and returned in the dtype that came in."""

import dataclasses

import numpy as np
import pytest

from suite.operators.arguments import dtype_name
from suite.operators.base import cotangent, inputs, round_to


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_types_are_float32_rounded(small, dtype):
    subject, case = small
    if subject.declaration.framework == "numpy" and dtype == "bfloat16":
        pytest.skip("numpy has no bfloat16")
    half = dataclasses.replace(case, dtype=dtype)
    arrays = inputs(subject.operator, half, 0)
    weight = cotangent(subject.operator, half, 0)
    single = subject.run(case, arrays, weight)
    native = {name: subject.array(values, dtype) for name, values in arrays.items()}
    got = subject.run_native(case, native, subject.array(weight, dtype))
    for name, value in got.items():
        assert dtype_name(value) == dtype, name
        values = subject.framework.numpy(value)
        with np.errstate(over="ignore"):
            want = round_to(dtype, single[name])
        assert np.array_equal(values, want, equal_nan=True), name
