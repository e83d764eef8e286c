"""Verdicts follow from numbers: which numbers give which."""

import numpy as np
import pytest

from suite.reproduce.claims import Evidence, Found, Record, Trial
from suite.reproduce.published import Published
from suite.reproduce.verdicts import Control, printed_number, statement


def printed(value, digits=3):
    return Published("a source", "a claim", "a place", "a loss", value, digits, "")


def evidence(exact, seeds=(), ulps=(), value="1.29e-03"):
    starts = {"exact": exact}
    starts |= {f"seed {k}": v for k, v in enumerate(seeds, 1)}
    starts |= {f"ulp {k}": v for k, v in enumerate(ulps, 1)}
    records = {("e", "i", start): Record({"loss": number}) for start, number in starts.items()}
    return Evidence(printed(value), "e", "i", Found(records))


def verdict(*args, controls=lambda evidence: (), **kwargs):
    return printed_number("loss", controls)(evidence(*args, **kwargs)).verdict


def test_a_number_is_reproduced_when_it_is_printed_alike():
    assert verdict(1.2949e-3) == "reproduced"
    assert verdict(1.2951e-3) == "not reproduced"
    assert verdict(0.0) == "not reproduced"
    assert verdict(float("nan")) == "not reproduced"


def test_a_number_is_within_spread_when_seeds_or_ulps_enclose_the_printed_one():
    assert verdict(1.4e-3, seeds=(1.1e-3, 1.5e-3)) == "within spread"
    assert verdict(1.4e-3, seeds=(1.35e-3, 1.5e-3)) == "not reproduced"
    # The exact rerun is one of the starts that rounding can lead away from, so it counts as one.
    assert verdict(1.31e-3, ulps=(1.27e-3,)) == "within spread"
    assert verdict(1.31e-3, seeds=(1.27e-3,)) == "not reproduced"


def test_starts_that_change_nothing_are_told_too():
    def why(**starts):
        return printed_number("loss")(evidence(1.4e-3, **starts)).why

    assert "4 one-ulp moves of the start the same" in why(ulps=(1.4e-3,) * 4)
    assert "1 other seed 0.0013" in why(seeds=(1.3e-3,))
    assert "2 other seeds 0.0011 to 0.0013" in why(seeds=(1.3e-3, 1.1e-3))


def test_a_control_that_refutes_takes_a_number_its_meaning_but_not_its_failure():
    def refuting(evidence):
        return (Control("no training gives 1.28e-03", True),)

    judged = printed_number("loss", refuting)(evidence(1.29e-3))
    assert judged.verdict == "does not mean what it says"
    assert "no training gives 1.28e-03" in judged.why
    assert verdict(5.0, controls=refuting) == "not reproduced"


def test_mean_and_spread_are_those_of_the_other_seeds():
    judged = printed_number("loss")(evidence(1.29e-3, seeds=(1.0, 2.0, 3.0), ulps=(9.0,)))
    assert (judged.exact, judged.mean, judged.sd) == (1.29e-3, 2.0, 1.0)
    assert np.isnan(printed_number("loss")(evidence(1.29e-3, seeds=(1.0,))).sd)


def test_a_statement_is_refuted_by_its_control_alone():
    def slower(evidence):
        return Control("half as fast", evidence.exact.numbers["loss"] > 1)

    assert statement(slower)(evidence(2.0)).verdict == "not reproduced"
    assert statement(slower)(evidence(0.5)).verdict == "reproduced"


def test_half_a_digit_is_that_of_the_printed_number():
    assert printed("2.38e-02").half_digit == pytest.approx(5e-5)
    assert printed("113").half_digit == pytest.approx(0.5)


def test_a_start_moved_by_one_ulp_has_every_number_moved_and_no_further():
    drawn = np.linspace(-1, 1, 50, dtype=np.float32)
    moved = Trial("i", "ulp 1").moved(drawn)
    assert (moved != drawn).all() and moved.dtype == drawn.dtype
    assert (np.abs(moved - drawn) <= np.spacing(np.abs(drawn)) * 1.01 + 1e-45).all()
    assert not np.array_equal(moved, Trial("i", "ulp 2").moved(drawn))
    assert np.array_equal(Trial("i", "seed 4").moved(drawn), drawn)
