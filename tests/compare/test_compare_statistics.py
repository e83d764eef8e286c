"""The interval of a ratio: what it must hold, and how often."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from suite.compare import statistics
from suite.compare.statistics import between_processes, median_noise, ratio_of
from suite.compare.verdict import verdict

LOGS = st.lists(st.floats(-12, 3), min_size=1, max_size=8)
NOISE = st.floats(0.01, 1)


@given(LOGS, LOGS, NOISE, st.integers(1, 300))
def test_sides_that_swap_invert_the_ratio_and_its_interval(a, b, noise, cells):
    there, back = ratio_of(a, b, noise, cells), ratio_of(b, a, noise, cells).inverse
    assert back.ratio == pytest.approx(there.ratio, rel=1e-9)
    assert back.low == pytest.approx(there.low, rel=1e-9)
    assert back.high == pytest.approx(there.high, rel=1e-9)


@given(LOGS, NOISE, st.integers(1, 300), st.floats(0.01, 0.5))
def test_equal_sides_are_neither_slower_nor_faster(logs, noise, cells, threshold):
    assert verdict(ratio_of(logs, list(logs), noise, cells), threshold) in ("same", "unclear")


@given(LOGS, LOGS, NOISE, st.floats(0.01, 0.5))
def test_what_is_slower_one_way_is_faster_the_other(a, b, noise, threshold):
    swapped = {"slower": "faster", "faster": "slower"}
    there = verdict(ratio_of(a, b, noise), threshold)
    assert verdict(ratio_of(a, b, noise).inverse, threshold) == swapped.get(there, there)


@given(LOGS, LOGS, NOISE, st.integers(2, 300))
def test_more_cells_make_every_interval_wider(a, b, noise, cells):
    one, many = ratio_of(a, b, noise), ratio_of(a, b, noise, cells)
    assert many.low < one.low <= one.ratio <= one.high < many.high


@pytest.mark.parametrize(("first", "second"), [(1, 1), (2, 2), (6, 6), (1, 6)])
def test_the_interval_holds_the_true_ratio_as_often_as_it_says(first, second):
    """19 of 20, or oftener, for any number of processes; 3000 trials have 0.4% to themselves."""
    rng = np.random.Generator(np.random.Philox(5))
    held = 0
    for _ in range(3000):
        a, b = rng.normal(0, 0.1, first), rng.normal(math.log(1.5), 0.1, second)
        found = ratio_of(a, b, 0.1)
        held += found.low <= 1.5 <= found.high
    assert held / 3000 >= 0.94


def test_many_processes_are_believed_whatever_was_assumed():
    rng = np.random.Generator(np.random.Philox(6))
    a, b = rng.normal(0, 0.05, 60), rng.normal(0, 0.05, 60)
    found = ratio_of(a, b, 0.4)
    assert found.high / found.low < 1.2


def test_the_noise_of_a_median_is_that_of_normal_samples():
    """Of n normal samples the median has sqrt(pi / 2n) of their deviation."""
    rng = np.random.Generator(np.random.Philox(7))
    found = [median_noise(np.exp(rng.normal(0, 0.1, 101))) for _ in range(400)]
    assert np.sqrt(np.mean(np.square(found))) == pytest.approx(
        0.1 * math.sqrt(math.pi / 202), rel=0.1
    )


@pytest.mark.parametrize("count", [1, 2])
def test_two_samples_say_nothing_of_their_median(count):
    assert median_noise([1.0] * count) == math.inf


@pytest.mark.parametrize("processes", [1, 2, 6])
def test_the_cells_themselves_say_how_much_processes_differ(processes):
    """Also where each side has one process, and a tenth of the cells did change."""
    rng = np.random.Generator(np.random.Philox(8))
    sides = [
        (rng.normal(0, 0.1, processes), rng.normal(0.5 * (cell % 10 == 0), 0.1, processes))
        for cell in range(400)
    ]
    assert between_processes(sides, "cpu") == pytest.approx(0.1, rel=0.25)


def test_of_few_cells_it_is_assumed_and_never_believed_to_be_nothing():
    few, equal = [([0.0], [0.0])], [([0.0], [0.0])] * 50
    assert between_processes(few, "cpu") == statistics.ASSUMED["cpu"]
    assert between_processes(equal, "cpu") == statistics.LEAST["cpu"]
    assert between_processes(equal, "cuda") == statistics.LEAST["cuda"]
