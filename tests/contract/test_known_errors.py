"""A declared error is there: the judge finds it in a quick case; one that has vanished fails."""

import numpy as np
import pytest
from small_cases import quick, wanted

from suite.judge.correctness import units
from suite.operators.base import cotangent, inputs


def verdict(subject, case):
    """Right, wrong, or the error it raised, which is no answer to judge."""
    arrays = inputs(subject.operator, case, 0)
    with np.errstate(all="ignore"):
        try:
            got = subject.run(case, arrays, cotangent(subject.operator, case, 0))
        except Exception as error:  # any failure of a published formula
            return f"{type(error).__name__}: {error}"
    want = wanted(subject.operator, case)
    for name, values in got.items():
        if values.shape != case.shape(name):
            return "wrong"
        if units(values, want.reference[name], want.allowed[name]).max() > 1.0:
            return "wrong"
    return "right"


def test_a_known_error_is_wrong_in_a_quick_case(known_error):
    if reason := known_error.missing():
        pytest.skip(reason)
    found = {}
    for case in quick(known_error.operator):
        if not known_error.unsupported(case):
            found[case.name] = verdict(known_error, case)
            if found[case.name] == "wrong":
                return
    pytest.fail(f"its error does not show: {found or 'it can do no quick case'}")
