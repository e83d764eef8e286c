"""The interval of a ratio: what it must hold, and how often."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from suite.compare import statistics
from suite.compare.statistics import Prior, prior_of, ratio_of
from suite.compare.verdict import verdict
from suite.timing.metrics import median_noise

LOGS = st.lists(st.floats(-12, 3), min_size=1, max_size=8)
PRIORS = st.builds(Prior, st.floats(0.01, 1), st.floats(1, 4))


@given(LOGS, LOGS, PRIORS, st.integers(1, 300))
def test_sides_that_swap_invert_the_ratio_and_its_interval(a, b, prior, cells):
    there, back = ratio_of(a, b, prior, cells), ratio_of(b, a, prior, cells).inverse
    assert back.ratio == pytest.approx(there.ratio, rel=1e-9)
    assert back.low == pytest.approx(there.low, rel=1e-9)
    assert back.high == pytest.approx(there.high, rel=1e-9)


@given(LOGS, PRIORS, st.integers(1, 300), st.floats(0.01, 0.5))
def test_equal_sides_are_neither_slower_nor_faster(logs, prior, cells, threshold):
    assert verdict(ratio_of(logs, list(logs), prior, cells), threshold) in ("same", "unclear")


@given(LOGS, LOGS, PRIORS, st.floats(0.01, 0.5))
def test_what_is_slower_one_way_is_faster_the_other(a, b, prior, threshold):
    swapped = {"slower": "faster", "faster": "slower"}
    there = verdict(ratio_of(a, b, prior), threshold)
    assert verdict(ratio_of(a, b, prior).inverse, threshold) == swapped.get(there, there)


@given(LOGS, LOGS, PRIORS, st.integers(2, 300))
def test_more_cells_make_every_interval_wider(a, b, prior, cells):
    one, many = ratio_of(a, b, prior), ratio_of(a, b, prior, cells)
    assert many.low < one.low <= one.ratio <= one.high < many.high


@pytest.mark.parametrize(("first", "second"), [(1, 1), (2, 2), (6, 6), (1, 6)])
def test_the_interval_holds_the_true_ratio_as_often_as_it_says(first, second):
    """19 of 20, or oftener, for any number of processes; 3000 trials have 0.4% to themselves."""
    rng = np.random.Generator(np.random.Philox(5))
    held = 0
    for _ in range(3000):
        a, b = rng.normal(0, 0.1, first), rng.normal(math.log(1.5), 0.1, second)
        found = ratio_of(a, b, Prior(0.1))
        held += found.low <= 1.5 <= found.high
    assert held / 3000 >= 0.94


def test_many_processes_are_believed_whatever_was_assumed():
    rng = np.random.Generator(np.random.Philox(6))
    a, b = rng.normal(0, 0.05, 60), rng.normal(0, 0.05, 60)
    found = ratio_of(a, b, Prior(0.4))
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
    """Alike as they are, the prior is worth much, though a twentieth of the cells did change."""
    rng = np.random.Generator(np.random.Philox(8))
    sides = [
        (rng.normal(0, 0.1, processes), rng.normal(0.3 * (cell % 20 == 0), 0.1, processes))
        for cell in range(400)
    ]
    prior = prior_of(sides, "cpu")
    assert prior.noise == pytest.approx(0.1, rel=0.2)
    assert prior.freedom == statistics.FREEDOM[1]


def test_cells_that_are_unlike_make_a_prior_of_little_worth():
    rng = np.random.Generator(np.random.Philox(8))
    noises = 0.1 * np.sqrt(2 / rng.chisquare(2, 400))
    sides = [(rng.normal(0, s, 6), rng.normal(0, s, 6)) for s in noises]
    prior = prior_of(sides, "cpu")
    assert prior.noise == pytest.approx(0.1, rel=0.2)
    assert prior.freedom == pytest.approx(2, rel=0.35)


def test_of_few_cells_it_is_assumed_and_never_believed_to_be_nothing():
    few, equal = [([0.0], [0.0])], [([0.0], [0.0])] * 50
    assert prior_of(few, "cpu").noise == statistics.ASSUMED["cpu"]
    assert prior_of(equal, "cpu").noise >= statistics.LEAST["cpu"]
    assert prior_of(equal, "cuda").noise >= statistics.LEAST["cuda"]


@pytest.mark.parametrize("noise", [0.02, 0.1, 0.3])
@pytest.mark.parametrize("processes", [1, 2, 6])
def test_equal_sides_of_thirty_cells_differ_less_often_than_alpha_says(processes, noise):
    """Whatever the noise is, though it is nowhere told; a twentieth of 200 comparisons are 10."""
    rng = np.random.Generator(np.random.Philox(9))
    alarms = 0
    for _ in range(200):
        sides = list(rng.normal(0, noise, (30, 2, processes)))
        prior = prior_of(sides, "cpu")
        found = {verdict(ratio_of(a, b, prior, len(sides)), 0.25) for a, b in sides}
        alarms += bool(found & {"slower", "faster"})
    assert alarms <= 10


def test_cells_ten_times_as_noisy_as_most_raise_no_alarm_with_six_processes_a_side():
    """As small arrays on two threads are."""
    rng = np.random.Generator(np.random.Philox(10))
    scale = np.where(np.arange(30) % 6, 0.04, 0.4)[:, None, None]
    alarms = 0
    for _ in range(200):
        sides = list(rng.normal(0, 1, (30, 2, 6)) * scale)
        prior = prior_of(sides, "cpu")
        found = {verdict(ratio_of(a, b, prior, len(sides)), 0.25) for a, b in sides}
        alarms += bool(found & {"slower", "faster"})
    assert alarms <= 10


@pytest.mark.parametrize(("factor", "at_least"), [(1.5, 195), (1.1, 0)])
def test_six_processes_a_side_see_a_half_and_never_take_a_tenth_for_more(factor, at_least):
    rng = np.random.Generator(np.random.Philox(11))
    caught = 0
    for _ in range(200):
        sides = rng.normal(0, 0.08, (30, 2, 6))
        sides[7, 1] += math.log(factor)
        prior = prior_of(list(sides), "cpu")
        found = [verdict(ratio_of(a, b, prior, 30), 0.25) for a, b in sides]
        assert set(found[:7] + found[8:]) <= {"same", "unclear"} or factor == 1.1
        caught += found[7] == "slower"
    assert caught >= at_least if at_least else caught <= 2
