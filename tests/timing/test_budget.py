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
    budget = Budget(seconds=0.1, warm_up=0.1, low=30, high=300, cap=3.0)
    assert budget.rounds(1e-6) == 300
    assert budget.rounds(0.05) == 30
    assert budget.rounds(0.2) == 15
    assert budget.rounds(10.0) == 3


def test_warm_up_fills_its_time_with_the_pilot_and_a_gpu_gets_more():
    budget = Budget(seconds=0.1, warm_up=0.15, low=30, high=300, cap=3.0)
    assert budget.warm_ups(0.01) == 14
    assert budget.warm_ups(10.0) == 0
    quick = Budget(seconds=0.1, warm_up=0.05, low=30, high=300, cap=3.0)
    assert quick.warm_ups(0.01) == 4
    assert quick.warm_ups(0.01, "cuda") == 14
