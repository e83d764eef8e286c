"""Metrics are arithmetic on samples, and the roofline is a copy of the same bytes."""

import pytest

from suite.operators import get
from suite.operators.base import Cost
from suite.timing.metrics import UNITS, Rounds, metrics, undisturbed

CASE = get("soft_cut").case("above-64x4096")
COPY = 2 * 64 * 4096 * 4


def found(samples, copy=2e-3, bytes_=COPY):
    sticks = {"copy": Rounds([copy] * 3), "sort": Rounds([1e-2, 2e-2, 9e-2])}
    return metrics(Rounds(samples), Cost(bytes_, 1, 1000), CASE, sticks, first_call=0.5)


def test_medians_and_ratios():
    got = found([1e-3, 2e-3, 50e-3])
    assert got["time"] == 2e-3
    assert got["throughput"] == pytest.approx(500_000)
    assert got["normalised_sort"] == pytest.approx(0.1)
    assert got["compile_time"] == pytest.approx(0.498)
    assert set(got) <= set(UNITS)


def test_as_fast_as_a_copy_of_its_bytes_is_the_whole_roofline_and_faster_is_flagged():
    assert found([2e-3])["roofline_share"] == pytest.approx(1.0)
    assert found([2e-3])["too_fast"] == 0
    assert found([1e-3])["too_fast"] == 1
    assert found([1e-3], bytes_=COPY // 2)["too_fast"] == 0


def test_a_copy_that_was_once_as_fast_or_is_too_small_to_be_bound_by_bandwidth_flags_nothing():
    cost = Cost(COPY, 1, 1000)
    copies = {"copy": Rounds([1e-3, 2e-3, 2e-3])}
    assert metrics(Rounds([1e-3]), cost, CASE, copies, None)["too_fast"] == 0
    small = get("soft_cut").case("below-parameters")
    assert metrics(Rounds([1e-9]), cost, small, {"copy": Rounds([2e-3])}, None)["too_fast"] == 0


def test_what_compiled_nothing_has_no_compile_time():
    assert "compile_time" not in metrics(Rounds([1e-3]), Cost(COPY, 1, 1000), CASE, {}, None)


def test_a_round_is_taken_without_what_it_waited_and_so_are_the_yardsticks():
    rounds = Rounds([2e-3, 6e-3, 3e-3, 9e-3], [0.0, 4e-3, 1e-3, 7e-3])
    sticks = {"copy": Rounds([1e-3, 5e-3, 1e-3], [0.0, 4e-3, 0.0]), "sort": Rounds([1e-3])}
    got = undisturbed(rounds, sticks)
    assert got["undisturbed"] == pytest.approx(2e-3)
    assert got["undisturbed_noise"] == pytest.approx(0, abs=1e-12)
    assert got["undisturbed_copy"] == pytest.approx(1e-3)
    assert "undisturbed_sort" not in got and set(got) <= set(UNITS)


def test_a_wait_longer_than_its_round_was_outside_it():
    assert Rounds([2e-3], [5e-3]).undisturbed.tolist() == [2e-3]


def test_nothing_is_undisturbed_where_waits_are_not_known():
    assert undisturbed(Rounds([1e-3] * 3), {}) == {}
