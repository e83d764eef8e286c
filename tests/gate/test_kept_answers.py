"""Answers that stay with a run, and how far they have moved since."""

import dataclasses

import numpy as np
import pytest
from typer.testing import CliRunner

from suite import answers, cli, operators, results
from suite.compare.cells import Cell
from suite.gate.movements import kept_answers, movements
from suite.judge.references import References

CASE = "steep"
KEY = ("soft_cut", "numpy_scipy", CASE, "forward+backward", "cpu", "wall")
CELL = Cell("soft_cut", "numpy_scipy", "numpy", CASE, "forward+backward", "cpu", "float32", "wall")


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """A whole process's run with its answers, and one of times alone, of names partly not there."""
    folder = tmp_path_factory.mktemp("runs")
    words = ["bench", "-o", "soft_cut", "-i", "numpy_scipy", "-i", "no_such", "-c", CASE]
    for more in ("--keep-answers", "--times-only"):
        done = CliRunner().invoke(cli.app, [*words, "--if-there", more, "--results", str(folder)])
        assert done.exit_code == 0, done.output
    found, errors = results.read_all(folder)
    assert not errors
    return found


def test_answers_are_those_to_the_base_input_in_its_own_order(runs):
    operator = operators.get("soft_cut")
    expected = References().of(operator, operator.case(CASE))[0]
    kept = answers.read(runs[0].folder)[KEY]
    assert set(kept) == set(expected.reference)
    for name, array in kept.items():
        error = np.abs(array - expected.reference[name]) / expected.allowed[name]
        assert error.max() <= 1
    assert runs[0].info["inputs"]["soft_cut"][CASE]


def test_times_alone_keep_no_answers_and_no_memory_and_hold_no_place_of_whole_runs(runs):
    assert answers.read(runs[1].folder) == {}
    assert runs[1].metric("peak_memory").empty and not runs[1].info["whole"]
    assert set(runs[0].metric("time")["case"]) == set(runs[1].metric("time")["case"]) == {CASE}


def test_a_value_moved_by_two_tolerances_and_a_gradient_by_a_hundredth_are_measured(runs):
    kept = kept_answers([runs[0]])
    operator = operators.get("soft_cut")
    allowed = References().of(operator, operator.case(CASE))[0].allowed
    moved = {name: array.astype(np.float64) for name, array in kept[KEY].items()}
    moved["output"] = moved["output"] + 2 * allowed["output"]
    moved["x"] = 1.01 * moved["x"]
    found = movements(CELL, kept, {KEY: moved})
    assert found["value"].tolerances == pytest.approx(2)
    assert found["value"].where.startswith("value[")
    share = 0.01 * np.abs(kept[KEY]["x"]) / allowed["x"]
    assert found["gradient"].tolerances == pytest.approx(share.max(), rel=1e-6) and share.max() > 1
    assert all(each.tolerances == 0 for each in movements(CELL, kept, kept).values())


def test_nothing_is_said_where_a_side_kept_none_and_another_shape_is_told(runs):
    kept = kept_answers([runs[0]])
    assert movements(CELL, kept, {}) == {}
    assert movements(CELL._replace(case="no-such"), kept, kept) == {}
    cut = {KEY: {name: array[..., :1] for name, array in kept[KEY].items()}}
    assert "shape" in movements(CELL, kept, cut)["value"].where


def test_damaged_answers_are_a_clear_error(runs, tmp_path):
    whole = (runs[0].folder / answers.FILE).read_bytes()
    (tmp_path / answers.FILE).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(results.UnreadableRun, match="answers.npz"):
        kept_answers([dataclasses.replace(runs[0], folder=tmp_path)])


def test_the_largest_are_left_out_where_all_do_not_fit(monkeypatch):
    monkeypatch.setattr(answers, "LIMIT", 100)
    small, large = np.zeros(4), np.zeros(20)
    assert answers.largest_beyond({("a",): {"x": small}, ("b",): {"x": large}}) == [("b",)]


def test_a_choice_of_which_nothing_is_there_is_a_run_without_cells(tmp_path):
    words = ["bench", "-o", "soft_cut", "-i", "no_such", "--results", str(tmp_path)]
    assert CliRunner().invoke(cli.app, words).exit_code == 2
    assert CliRunner().invoke(cli.app, [*words, "--if-there"]).exit_code == 0
    (found,), errors = results.read_all(tmp_path)
    assert found.cells.empty and not errors
