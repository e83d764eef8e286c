"""Differences of two numbers over starts: when they are clear."""

import numpy as np
import pytest

from suite.reproduce.claims import Evidence, Found, Record
from suite.reproduce.paired import Difference, mean
from suite.reproduce.published import Published

STATED = Published("a source", "a claim", "a place", "a loss", "smaller", 0, "")


def evidence(*pairs):
    names = ["exact", *(f"seed {k}" for k in range(1, len(pairs)))]
    records = {
        ("e", "i", start): Record({"first": one, "other": two})
        for start, (one, two) in zip(names, pairs, strict=True)
    }
    return Evidence(
        STATED, "e", "i", Found(records | {("e", "i", "ulp 1"): Record({"first": 9.0})})
    )


def test_a_difference_is_that_of_the_same_start():
    found = Difference.of(evidence((1.0, 0.9), (5.0, 4.8), (3.0, 2.7)), "first", "other")
    assert np.allclose(found.values, [0.1, 0.2, 0.3])
    assert found.mean == pytest.approx(0.2)
    assert found.error == pytest.approx(0.1 / 3**0.5)
    assert found.clearly_positive and not found.clearly_negative
    assert str(found) == "+0.2 +- 0.058 over 3 starts"
    assert mean(evidence((1.0, 0.0), (2.0, 0.0)), "first") == 1.5


def test_a_difference_within_two_errors_is_unclear():
    found = Difference(np.array([1.0, -0.5, 0.3]))
    assert not found.clearly_positive and not found.clearly_negative
    assert Difference(-np.array([1.0, 1.1])).clearly_negative


def test_of_a_single_start_the_sign_is_all_there_is():
    found = Difference.of(evidence((1.0, 1.5)), "first", "other")
    assert found.clearly_negative and not found.clearly_positive and str(found) == "-0.5"
    assert not Difference(np.zeros(1)).clearly_positive
