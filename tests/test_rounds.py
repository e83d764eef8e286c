"""Rounds: fresh orders of three base inputs, the same in every process, never twice the same."""

import dataclasses

import numpy as np
import pytest

from suite.operators.base import BASES, Case
from suite.rounds import POSITIONS, WARM_UP, kept_whole, positions, reorder, round_of

CASE = Case("a", {"R": 6, "N": 40, "E": 5}, {"x": ("R", "N"), "edges": ("E",), "output": ("R",)})


def test_a_round_is_a_permutation_of_every_axis_that_may_be_permuted():
    where = round_of(CASE, 4)
    assert where.base == 4 % BASES
    assert set(where.orders) == {"R", "N"}
    for label, order in where.orders.items():
        assert np.array_equal(np.sort(order), np.arange(CASE.sizes[label]))


def test_rounds_repeat_for_a_seed_and_differ_from_each_other_and_between_seeds():
    def orders(case, index):
        return tuple(round_of(case, index).orders["N"])

    assert orders(CASE, 7) == orders(CASE, 7)
    drawn = {orders(CASE, index) for index in [*range(50), WARM_UP, WARM_UP + 1]}
    assert len(drawn) == 52
    assert orders(dataclasses.replace(CASE, seed=1), 7) != orders(CASE, 7)


def test_axes_that_matter_or_have_one_element_are_left_alone():
    fixed = dataclasses.replace(CASE, permute=("R",), sizes={**CASE.sizes, "R": 1})
    assert round_of(fixed, 0).orders == {}


@pytest.mark.parametrize("size", [65_537, 70_001, 1 << 17])
def test_long_axes_are_permuted_too(size):
    long = dataclasses.replace(CASE, sizes={**CASE.sizes, "N": size})
    first, second = (round_of(long, index).orders["N"] for index in (0, 3))
    assert np.array_equal(np.sort(first), np.arange(size))
    assert not np.array_equal(first, second)
    assert (first == np.arange(size)).mean() < 0.02


def test_reordering_moves_rows_and_samples_together_and_leaves_other_axes():
    where = round_of(CASE, 2)
    x = np.arange(240.0).reshape(6, 40)
    moved = reorder(x, ("R", "N"), where.orders)
    assert np.array_equal(moved, x[where.orders["R"]][:, where.orders["N"]])
    assert np.array_equal(reorder(x.sum(1), ("R",), where.orders), x.sum(1)[where.orders["R"]])
    assert np.array_equal(reorder(np.arange(5), ("E",), where.orders), np.arange(5))
    assert reorder(np.float64(3), (), where.orders) == 3
    assert np.allclose(np.sort(moved, axis=None), np.sort(x, axis=None))


@pytest.mark.parametrize("rounds", [1, 2, 3, 100])
def test_the_first_the_last_and_one_more_round_are_kept_whole(rounds):
    kept = kept_whole(CASE, rounds)
    assert {0, rounds - 1} <= kept <= set(range(rounds))
    assert len(kept) <= 3


def test_nothing_is_kept_of_no_rounds():
    assert kept_whole(CASE, 0) == frozenset()


def test_positions_are_within_the_array_and_change_from_round_to_round():
    first, second = positions(CASE, 0, 10_000), positions(CASE, 1, 10_000)
    assert first.shape == (POSITIONS,)
    assert first.min() >= 0
    assert first.max() < 10_000
    assert not np.array_equal(first, second)
    assert np.array_equal(first, positions(CASE, 0, 10_000))
