"""Metrics are arithmetic on samples, and the roofline is a copy of the same bytes."""

import pytest

from suite.operators import get
from suite.operators.base import Cost
from suite.timing.metrics import UNITS, metrics

CASE = get("soft_cut").case("above-64x4096")
COPY = 2 * 64 * 4096 * 4


def found(samples, copy=2e-3, bytes_=COPY):
    sticks = {"copy": [copy] * 3, "sort": [1e-2, 2e-2, 9e-2]}
    return metrics(samples, Cost(bytes_, 1, 1000), CASE, sticks, first_call=0.5)


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
    assert metrics([1e-3], cost, CASE, {"copy": [1e-3, 2e-3, 2e-3]}, None)["too_fast"] == 0
    small = get("soft_cut").case("below-parameters")
    assert metrics([1e-9], cost, small, {"copy": [2e-3]}, None)["too_fast"] == 0


def test_what_compiled_nothing_has_no_compile_time():
    assert "compile_time" not in metrics([1e-3], Cost(COPY, 1, 1000), CASE, {}, None)
