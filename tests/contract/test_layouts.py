"""Only values count: strides, expanded axes and whose memory it is change nothing, and nothing is
written to an input."""

import dataclasses

import numpy as np
import pytest

from suite.judge.correctness import expected, units
from suite.operators.base import cotangent, inputs


def transposed(array):
    """The same values, last axis first in memory."""
    return np.ascontiguousarray(array.T).T if hasattr(array, "flags") else array.t().clone().t()


def strided(array):
    """The same values, every other one of a buffer."""
    if hasattr(array, "flags"):
        return np.repeat(array, 2, axis=-1)[..., ::2]
    return array.repeat_interleave(2, dim=-1)[..., ::2]


def expanded(array):
    """The first row for all rows, stored once."""
    if hasattr(array, "flags"):
        return np.broadcast_to(array[:1], array.shape)
    return array[:1].expand(array.shape)


def with_equal_rows(operator):
    """The operator with samples that an expanded array can hold."""

    def draw(case, rng):
        drawn = operator.draw(case, rng).items()
        return {k: np.array(expanded(v)) if v.ndim == 2 else v for k, v in drawn}

    return dataclasses.replace(operator, draw=draw)


def frozen(array):
    """A NumPy array that raises when written to; torch's have to be compared."""
    if isinstance(array, np.ndarray):
        array.flags.writeable = False
    return array


def relaid(case, native, layout):
    """Every array of two dimensions in that layout, vectors strided where they can be."""
    changed = {}
    for name, array in native.items():
        if array.ndim == 2:
            changed[name] = layout(array)
        elif array.ndim == 1 and layout is strided:
            changed[name] = strided(array)
        else:
            changed[name] = array
    return changed


@pytest.mark.framework("numpy", "torch")
@pytest.mark.parametrize("layout", [transposed, strided, expanded])
def test_strided_and_expanded_inputs_give_what_contiguous_ones_give(small, layout):
    subject, case = small
    if subject.declaration.slow_compile:
        pytest.skip("another layout is another compilation")
    operator = subject.operator
    if layout is expanded:
        operator = with_equal_rows(operator)
    plain = {k: v.copy() for k, v in inputs(operator, case, 0).items()}
    weight = cotangent(operator, case, 0)
    want = subject.run(case, plain, weight)
    native = {name: subject.array(values, case.dtype) for name, values in plain.items()}
    views = relaid(case, native, layout)
    got = subject.run_native(case, views, subject.array(weight, case.dtype))
    allowed = expected(operator, case, 0).allowed
    for name, value in got.items():
        error = units(subject.framework.numpy(value), want[name], allowed[name])
        assert error.max() <= 1.0, f"{name}: {error.max():.3g} tolerances"


def test_no_input_is_modified(small):
    subject, case = small
    arrays = inputs(subject.operator, case, 0)
    weight = cotangent(subject.operator, case, 0)
    native = {name: frozen(subject.array(values, case.dtype)) for name, values in arrays.items()}
    last = frozen(subject.array(weight, case.dtype))
    subject.run_native(case, native, last)
    for name, values in {**arrays, "cotangent": weight}.items():
        after = subject.framework.numpy(last if name == "cotangent" else native[name])
        assert np.array_equal(after, values), name
