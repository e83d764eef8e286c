"""Bad input raises the operator's error, word for word, before the implementation is reached."""

import dataclasses

import numpy as np
import pytest

from suite import registry
from suite.operators.base import first


def given(subject, error_case):
    """The arguments of an error case in the framework's arrays."""

    def native(value):
        if isinstance(value, list):
            return [native(each) for each in value]
        return subject.array(value) if isinstance(value, np.ndarray) else value

    return {name: native(value) for name, value in error_case.arguments.items()}


def unreachable(*args, **kwargs):
    pytest.fail("the implementation ran on bad input")


def told(function, error_case, arguments):
    """The message of the error that a call raises."""
    with pytest.raises(error_case.raises) as caught:
        function(**arguments)
    assert type(caught.value) is error_case.raises
    return str(caught.value)


@pytest.mark.parametrize("check_values", [True, False])
def test_every_error_case_raises_the_operators_words_before_anything_runs(subject, check_values):
    if reason := subject.missing():
        pytest.skip(reason)
    trapped = dataclasses.replace(subject.implementation, function=unreachable)
    function = registry.checked(trapped, check_values=check_values)
    operator = subject.operator
    for case in operator.error_cases:
        if case.by_value and not check_values:
            continue
        words = told(function, case, given(subject, case))
        assert all(word in words for word in case.match), f"{case.name}: {words}"
        check = operator.check_values if case.by_value else operator.check
        assert words == told(check, case, case.arguments), case.name


@pytest.fixture
def unchecked(subject):
    """The function without value checks, where a call costs no compilation."""
    if reason := subject.missing():
        pytest.skip(reason)
    if subject.declaration.slow_compile:
        pytest.skip("test_invalid_values.py tries them on a graph that is compiled already")
    return subject.function(check_values=False)


def test_values_that_were_not_checked_give_nan_in_their_rows(subject, unchecked):
    cases = [case for case in subject.operator.error_cases if case.by_value]
    if not cases:
        pytest.skip(f"no value is invalid for {subject.operator.name}")
    if subject.declaration.framework == "jax":
        cases = one_for_each_formula(cases)
    for case in cases:
        output = first(unchecked(**given(subject, case)))
        values = subject.framework.numpy(output)
        invalid = invalid_rows(subject.operator, case)
        assert invalid.any()
        affected = values[invalid] if values.shape[:1] == invalid.shape else values
        assert np.isnan(affected).all(), f"{case.name}: {values}"
        if values.shape[:1] == invalid.shape:
            assert np.isfinite(values[~invalid]).all(), f"{case.name}: {values}"


def one_for_each_formula(cases):
    """The first of those with the same words among their arguments: jax compiles each."""
    found = {}
    for case in cases:
        words = [value for value in case.arguments.values() if isinstance(value, str)]
        found.setdefault(tuple(words), case)
    return found.values()


def invalid_rows(operator, case):
    """Which rows raise when they are checked one by one."""
    arguments = case.arguments
    rows = next(iter(arguments.values())).shape[0]

    def row(value, r):
        by_row = isinstance(value, np.ndarray) and value.shape[:1] == (rows,)
        return value[r : r + 1] if by_row else value

    def raises(r):
        try:
            operator.check_values(**{name: row(value, r) for name, value in arguments.items()})
        except case.raises:
            return True
        return False

    return np.array([raises(r) for r in range(rows)])
