"""With value checks off, an invalid value gives NaN for its row: never a plausible number."""

import numpy as np
import pytest

from suite.operators.base import cotangent, gathered, inputs

CANDIDATES = (-1.0, 0.0, 2.0, np.inf)


def invalid(operator, case):
    """(array, value, position) whose check raises."""
    for name in case.arrays:
        for value in CANDIDATES:
            arrays = inputs(operator, case, 0)
            at = tuple(extent // 2 for extent in case.shape(name))
            arrays[name][at] = value
            try:
                operator.check_values(**gathered(arrays), **case.options)
            except ValueError:
                yield name, value, arrays, at[0] if case.dims[name][:1] == ("R",) else None


def test_an_invalid_value_gives_nan_in_its_row_and_touches_no_other(small):
    subject, case = small
    weight = cotangent(subject.operator, case, 0)
    clean = subject.run(case, inputs(subject.operator, case, 0), weight)
    tried = list(invalid(subject.operator, case))
    if not tried:
        pytest.skip("no value of its arrays is invalid")
    for array, value, arrays, row in tried:
        with np.errstate(all="ignore"):  # NumPy warns of what it finds invalid
            got = subject.run(case, arrays, weight)
        for name, values in got.items():
            what = f"{name} for {array} with {value}: {values}"
            by_row = row is not None and case.dims[name][:1] == ("R",)
            assert np.isnan(values[row] if by_row else values).all(), what
            if by_row:
                others = np.arange(len(values)) != row
                assert np.isfinite(values[others]).all(), what
                assert np.array_equal(values[others], clean[name][others]), what
