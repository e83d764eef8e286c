"""A NaN makes its own row NaN, in value and gradient, and touches no other row."""

import numpy as np
from small_cases import wanted

from suite.judge.correctness import units
from suite.operators.base import cotangent, gathered, inputs


def test_a_nan_spoils_its_row_and_no_other(judged):
    subject, case = judged
    operator = subject.operator
    # Copies, since a memory layout of its own may change the last bit.
    clean = {name: values.copy() for name, values in inputs(operator, case, 0).items()}
    weight = cotangent(operator, case, 0)
    before = subject.run(case, clean, weight)
    for name in case.arrays:
        if case.dims[name][:1] != (case.row_axis,):
            continue
        at = tuple(extent // 2 for extent in case.shape(name))
        dirty = {**clean, name: clean[name].copy()}
        dirty[name][at] = np.nan
        after = subject.run(case, dirty, weight)
        expect_nan_in_row(operator, case, dirty, weight, at[0], after)
        expect_others_untouched(operator, case, at[0], before, after)


def expect_nan_in_row(operator, case, dirty, weight, row, got):
    """NaN wherever the reference has it: the row, or of an elementwise operator the sample."""
    wide = {name: values.astype(np.float64) for name, values in dirty.items()}
    with np.errstate(all="ignore"):
        arguments = {**gathered(wide), **case.options}
        want = {"output": operator.reference(**arguments)}
        want |= operator.reference_gradient(weight, case.wrt, **arguments)
    for name, values in want.items():
        mine = values[row] if case.dims[name][:1] == (case.row_axis,) else values
        # A draw need not be in every gradient: that of a chain's start, which is held constant.
        every = name == "output" or case.row_axis == "R"
        assert np.isnan(mine).any() or not every, f"the reference's {name} ignores a NaN"
        assert np.isnan(got[name][np.isnan(values)]).all(), f"{name} ignores a NaN"


def expect_others_untouched(operator, case, row, before, after):
    """Bit for bit; where the reduction over rows is NaN, gradients of other rows still agree."""
    others = np.arange(case.sizes[case.row_axis]) != row
    for name, values in after.items():
        if case.dims[name][:1] != (case.row_axis,):
            continue
        same = units(values[others], before[name][others], 1e-300)
        if case.dims["output"][:1] == (case.row_axis,):
            assert not same.any(), f"{name} of other rows has changed"
        allowed = wanted(operator, case).allowed[name][others]
        assert (units(values[others], before[name][others], allowed) <= 1.0).all(), name
