"""Targets on a GPU: met or not by numbers of right cells, the rival's own not among them."""

import dataclasses
from pathlib import Path

import pandas as pd
import pytest
from synthetic_run import cell_rows

from suite import results
from suite.report.targets import SHAPING, TARGETS, Target, reached, table, verdict, write_targets
from suite.results import Run

ROOT = Path(__file__).resolve().parents[2]
ABSOLUTE = Target("batch_shaping", SHAPING[0], "forward+backward", seconds=60e-6)
RELATIVE = dataclasses.replace(ABSOLUTE, seconds=0.0, rival="torch_eager", factor=4)


def run(*cells):
    """A run of (implementation, seconds, clock, status) on a GPU."""
    rows = []
    for name, seconds, clock, status in cells:
        rows += cell_rows("batch_shaping", name, SHAPING[0], "forward+backward", {"time": seconds},
                     device="cuda", clock=clock, status=status)  # fmt: skip
    return Run({}, pd.DataFrame(rows), pd.DataFrame())


def test_the_fastest_right_cell_counts_and_a_wrong_one_never():
    one = run(
        ("a", 70e-6, "event", "ok"), ("b", 50e-6, "event", "ok"), ("c", 1e-6, "event", "wrong")
    )
    found = reached(ABSOLUTE, [one], "event")
    assert (found.implementation, found.seconds, found.met) == ("b", 50e-6, True)
    assert reached(ABSOLUTE, [one], "graph") is None


def test_the_newest_run_counts_though_it_be_slower():
    old, new = (run(("a", seconds, "event", "ok")) for seconds in (50e-6, 61e-6))
    assert reached(ABSOLUTE, [old, new], "event").met is False


@pytest.mark.parametrize(("seconds", "met"), [(24e-6, True), (26e-6, False)])
def test_a_factor_is_over_the_rival_by_the_same_clock(seconds, met):
    one = run(("a", seconds, "event", "ok"), ("torch_eager", 100e-6, "event", "ok"),
              ("torch_eager", 1.0, "graph", "ok"))  # fmt: skip
    found = reached(RELATIVE, [one], "event")
    assert found.met is met and "(a)" in found.words


def test_a_rival_that_was_not_measured_leaves_it_open_and_alone_it_is_no_answer():
    alone = reached(RELATIVE, [run(("a", 1e-6, "event", "ok"))], "event")
    assert alone.met is None and "not measured" in alone.words
    assert reached(RELATIVE, [run(("torch_eager", 1e-6, "event", "ok"))], "event") is None


def test_a_verdict_says_by_which_clock():
    both = run(("a", 70e-6, "event", "ok"), ("a", 50e-6, "graph", "ok"))
    found = [reached(ABSOLUTE, [both], clock) for clock in ("event", "graph")]
    assert verdict(found) == "met by graph alone"
    assert verdict(found[:1]) == "not met" and verdict(found[1:]) == "met"
    assert verdict([None, None]) == "not measured"


def test_without_a_run_the_page_states_every_target_and_that_none_was_measured(tmp_path):
    text = write_targets(tmp_path).read_text()
    assert "Not yet run on a GPU" in text and text.count("not measured") == len(TARGETS)
    assert all(row[-1] == "not measured" for row in table([]))


def test_the_committed_page_says_what_the_committed_runs_do(tmp_path):
    runs = tmp_path / "results"
    for folder in (ROOT / "results").glob("*/*/run.json"):
        place = runs / folder.parent.relative_to(ROOT / "results")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.symlink_to(folder.parent)
    assert not results.read_all(runs)[1]
    committed = (ROOT / "results" / "gpu" / "README.md").read_text()
    assert write_targets(runs).read_text() == committed
