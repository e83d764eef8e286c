"""What every operator says about itself: cases, options, costs, inputs and checks agree."""

import inspect
import math

import numpy as np
import pytest

from suite import operators
from suite.operators.base import ITEM_BYTES, PASSES, Case, cotangent, gathered, inputs

OPERATORS = [operators.get(name) for name in operators.names()]
QUICK_BUDGET = 2_000_000
"""Elements of all quick cases of an operator together."""

every_operator = pytest.mark.parametrize("operator", OPERATORS, ids=lambda o: o.name)
every_case = pytest.mark.parametrize(
    ("operator", "case"),
    [pytest.param(o, case, id=f"{o.name}-{case.name}") for o in OPERATORS for case in o.cases],
)


def quick(operator):
    return [case for case in operator.cases if case.profile == "quick"]


def said(operator, case, option):
    """The value a case gives to an option, or the default of the operator's signature."""
    default = inspect.signature(operator.check).parameters[option].default
    return case.options.get(option, default)


@every_operator
def test_every_advertised_value_of_every_option_is_in_a_quick_case(operator):
    for option, values in operator.options.items():
        tried = [said(operator, case, option) for case in quick(operator)]
        missing = [value for value in values if value not in tried]
        assert not missing, f"no quick case has {option} in {missing}"


@every_operator
def test_every_differentiable_array_is_differentiated_in_a_quick_case(operator):
    wrt = {name for case in operator.cases for name in case.wrt}
    assert wrt == {name for case in quick(operator) for name in case.wrt}


@every_operator
def test_one_or_two_quick_cases_stand_for_the_operator(operator):
    representative = [case for case in operator.cases if case.representative]
    assert 1 <= len(representative) <= 2
    assert all(case.profile == "quick" for case in representative)


@every_operator
def test_quick_cases_are_small(operator):
    sizes = [math.prod(case.shape(case.arrays[0])) for case in quick(operator)]
    assert sum(sizes) <= QUICK_BUDGET


@every_operator
def test_half_types_have_quick_cases(operator):
    dtypes = {case.dtype for case in operator.cases}
    assert dtypes == set(ITEM_BYTES)
    assert {case.dtype for case in quick(operator)} >= {"float32", "float64", "float16"}


@every_operator
def test_errors_of_type_and_of_value_are_stated_under_names_of_their_own(operator):
    assert {TypeError, ValueError} <= {case.raises for case in operator.error_cases}
    names = [case.name for case in operator.error_cases]
    assert len(set(names)) == len(names)


@every_case
def test_costs_are_at_least_reading_the_input_and_grow_with_the_backward_pass(operator, case):
    forward, both = (operator.cost(case, pass_) for pass_ in PASSES)
    read = sum(math.prod(case.shape(name)) for name in case.arrays if len(case.dims[name]) == 2)
    assert forward.bytes >= read * ITEM_BYTES[case.dtype]
    assert both.bytes > forward.bytes
    assert both.operations >= forward.operations >= forward.elements > 0
    assert forward.elements == math.prod(case.shape(case.arrays[0]))


def small(operator):
    return [case for case in operator.cases if math.prod(case.shape(case.arrays[0])) <= 300_000]


@every_operator
def test_drawn_inputs_are_repeatable_rounded_and_pass_the_checks(operator):
    for case in small(operator):
        arrays, again = inputs(operator, case, 0), inputs(operator, case, 0)
        other = inputs(operator, case, 1)
        assert tuple(sorted(arrays)) == tuple(sorted(case.arrays)), case.name
        held = np.float64 if case.dtype == "float64" else np.float32
        for name, values in arrays.items():
            assert values.dtype == held, (case.name, name)
            assert np.array_equal(values, again[name]), (case.name, name)
        main = case.arrays[0]
        assert not np.array_equal(arrays[main], other[main]), f"{case.name}: bases are equal"
        operator.check(**gathered(arrays), **case.options)
        operator.check_values(**gathered(arrays), **case.options)


@every_operator
def test_the_reference_has_the_shape_and_type_that_the_case_says(operator):
    for case in small(operator):
        if math.prod(case.shape(case.arrays[0])) > 5000:
            continue
        arrays = {k: v.astype(np.float64) for k, v in inputs(operator, case, 0).items()}
        arguments = {**gathered(arrays), **case.options}
        output = operator.reference(**arguments)
        assert np.shape(output) == case.shape("output"), case.name
        assert np.asarray(output).dtype == np.float64, case.name
        weight = cotangent(operator, case, 0).astype(np.float64)
        with np.errstate(all="ignore"):
            condition = operator.condition(weight, case.wrt, **arguments)
        assert set(condition) == {"output", *case.wrt}
        for name, allowed in condition.items():
            assert np.shape(allowed) == case.shape(name), (case.name, name)
            assert (np.asarray(allowed) >= 0).all(), (case.name, name)


def test_an_unknown_operator_is_answered_with_the_names_there_are():
    with pytest.raises(KeyError, match=r"'sorting'.*batch_shaping.*soft_cut"):
        operators.get("sorting")


def test_a_case_refuses_what_it_cannot_mean():
    with pytest.raises(ValueError, match=r"dtype='int8'"):
        Case("a", {"R": 1}, {"x": ("R",)}, dtype="int8")
    with pytest.raises(ValueError, match="'N'.*no size"):
        Case("a", {"R": 1}, {"x": ("R", "N")})
    with pytest.raises(ValueError, match="'y'.*no array"):
        Case("a", {"R": 1}, {"x": ("R",)}, wrt=("y",))
