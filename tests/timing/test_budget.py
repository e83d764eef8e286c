"""How many rounds a cell is given."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from suite.timing.plan import BUDGETS, Budget


@pytest.mark.parametrize("profile", BUDGETS)
@given(pilot=st.floats(1e-7, 100))
@settings(deadline=None, derandomize=True)
def test_rounds_stay_within_bounds_and_within_the_cap(profile, pilot):
    budget = BUDGETS[profile]
    rounds = budget.rounds(pilot)
    assert budget.least <= rounds <= budget.high
    assert rounds * pilot <= max(budget.cap, budget.least * pilot, budget.seconds) * 1.001


def test_a_fast_cell_has_at_least_thirty_rounds_and_a_slow_one_what_the_cap_affords():
    budget = Budget(seconds=0.1, warm_up=0.1, low=30, high=300, cap=3.0, patience=9.0)
    assert budget.rounds(1e-6) == 300
    assert budget.rounds(0.05) == 30
    assert budget.rounds(0.2) == 15
    assert budget.rounds(10.0) == 3


def test_warm_up_fills_its_time_with_the_pilot_and_a_gpu_gets_more():
    budget = Budget(seconds=0.1, warm_up=0.15, low=30, high=300, cap=3.0, patience=9.0)
    assert budget.warm_ups(0.01) == 14
    assert budget.warm_ups(10.0) == 0
    quick = Budget(seconds=0.1, warm_up=0.05, low=30, high=300, cap=3.0, patience=9.0)
    assert quick.warm_ups(0.01) == 4
    assert quick.warm_ups(0.01, "cuda") == 14


def test_inputs_that_take_long_to_make_cost_rounds_but_leave_enough_for_a_median():
    budget = BUDGETS["quick"]
    assert budget.rounds(1e-4, whole=1e-3) == budget.high
    assert budget.rounds(1e-4, whole=0.05) == 40
    assert budget.rounds(1e-4, whole=0.5) == budget.few
    assert budget.rounds(1.0, whole=1.5) == budget.least


def test_a_gpu_is_warm_when_its_time_has_gone_by_whatever_it_did_in_it():
    budget = BUDGETS["quick"]
    assert budget.warm_ups(5e-5, "cuda", whole=1.5e-3) == 99
    assert budget.warm_ups(5e-5, "cuda", whole=0.2) == 0
