"""Runs over commits: one frame, changes where they are, pictures and files of it."""

import gzip

import matplotlib.image
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_history import CELLS, SLOW, histories, made_runs
from typer.testing import CliRunner

from suite import cli, results
from suite.history import figure
from suite.history.change_points import FEWEST, LEVEL, SIDE, change_points
from suite.history.frame import RUN, SERIES, history, tidy
from suite.history.table import short_commit, stories


def rng(seed=0):
    return np.random.Generator(np.random.Philox(seed))


def stepped(count, at, factor, seed, noise=0.02):
    series = np.exp(rng(seed).normal(0, noise, count))
    series[at:] *= factor
    return series


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("at", [5, 10, 14])
def test_a_step_is_found_where_it_is(seed, at):
    (change,) = change_points(stepped(20, at, 1.5, seed), rng())
    assert abs(change.index - at) <= 1
    assert change.factor == pytest.approx(1.5, rel=0.05) and change.p <= LEVEL


def test_two_steps_are_two():
    series = np.concatenate([stepped(30, 15, 2.0, 1), 0.7 * stepped(15, 15, 1, 2)])
    assert [change.index for change in change_points(series, rng())] == [15, 30]


def test_without_a_step_as_many_are_marked_as_the_level_says():
    marked = sum(
        bool(change_points(stepped(20, 20, 1, seed, 0.3), rng(seed))) for seed in range(400)
    )
    assert marked <= 12  # 4 are expected; 13 or more have a chance of 3 in 10,000


def test_a_clear_step_too_small_to_matter_is_none():
    assert not change_points(stepped(40, 20, 1.03, 3, noise=0.002), rng())
    assert change_points(stepped(40, 20, 1.03, 3, noise=0.002), rng(), least=0.02)


@given(st.lists(st.floats(0.1, 10), max_size=FEWEST - 1))
def test_few_runs_show_nothing(series):
    assert change_points(series, rng()) == []


@given(st.lists(st.floats(0.1, 10), min_size=FEWEST, max_size=25), st.floats(0.01, 100))
def test_a_unit_changes_no_change(series, unit):
    there, scaled = (change_points(np.array(series) * k, rng()) for k in (1.0, 2.0 ** round(unit)))
    assert [(c.index, c.p) for c in there] == [(c.index, c.p) for c in scaled]
    assert all(SIDE <= c.index <= len(series) - SIDE for c in there)


@pytest.fixture(scope="module")
def over_runs():
    return history(made_runs(16, slow_from=8))


def test_every_cell_of_every_run_is_a_row_that_says_which(over_runs):
    assert len(over_runs) == 16 * len(CELLS)
    assert not over_runs.duplicated([*RUN, *SERIES]).any()
    row = over_runs.iloc[0]
    assert row["normalised"] == pytest.approx(row["time"] / row["yardstick_sort"])


def test_a_yardstick_that_one_run_lacks_serves_none_of_them():
    runs = made_runs(3)
    cells = runs[1].cells
    sort = cells["metric"].isin(["yardstick_sort", "normalised_sort"])
    runs[1] = results.Run(runs[1].info, cells[~sort], runs[1].samples)
    frame = history(runs)
    assert frame["normalised"].isna().all()  # no other yardstick
    assert frame["time"].notna().all()


def test_the_cell_that_changed_comes_first_with_its_commit(over_runs):
    first, *others = stories(over_runs, rng())
    assert (first.cell[1], first.cell[2], *first.cell[4:6]) == SLOW
    (change,) = first.changes
    assert change.factor == pytest.approx(2.0, rel=0.15)
    assert f"at {8:07x}" in first.told
    assert not any(story.changes for story in others)


def test_few_runs_are_said_to_be_too_few():
    assert {story.told for story in stories(history(made_runs(4)), rng())} == {"too few (4)"}


def test_wrong_answers_have_no_time_in_it():
    frame = history(made_runs(2, wrong=SLOW))
    mine = frame[(frame["implementation"] == SLOW[1]) & (frame["case"] == SLOW[2])]
    mine = mine[mine["pass"] == SLOW[3]]
    assert mine["normalised"].isna().all() and (mine["status"] == "wrong").all()


def test_a_picture_shows_a_case_and_its_change(over_runs, tmp_path):
    found = stories(over_runs, rng())
    pictures = figure.groups(found)
    assert len(pictures) == 5  # cases
    drawn = figure.draw(*next(iter(pictures.items())))
    forward, both, error, _ = drawn.axes
    texts = [text.get_text() for text in both.texts]
    assert any(abs(float(text.removeprefix("x ")) - 2.0) < 0.3 for text in texts)
    assert len(forward.lines) >= 3 and error.get_yscale() == "log"
    labels = [label.get_text() for label in error.get_xticklabels()]
    assert len(labels) == 16 and labels[0] == f"{0:07x}"
    (path,) = figure.write_figures(found, tmp_path, 1)
    assert matplotlib.image.imread(path).std() > 0.05


def test_commits_are_short_and_tell_of_changes():
    assert short_commit("a" * 40) == "aaaaaaa"
    assert short_commit("a" * 40 + "+changes") == "aaaaaaa+"
    assert short_commit("") == "none"


def command(*arguments):
    return CliRunner().invoke(cli.app, list(map(str, arguments)))


def test_the_command_prints_a_table_and_writes_pictures(tmp_path):
    histories(tmp_path, made_runs(12, slow_from=6))
    done = command("history", "--results", tmp_path, "-i", "torch_eager", "--figures", 1)
    assert done.exit_code == 0, done.output
    assert max(map(len, done.output.splitlines()[:-2])) <= 100
    assert "numpy_scipy" not in done.output and f"at {6:07x}" in done.output
    assert len(list(tmp_path.glob("report/history/*/*.png"))) == 1
    assert "4 more pictures" in done.output


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("history", "-o", "ecdf"), "has such a cell"),
        (("export", "runs.json"), ".parquet"),
        (("history", "--results", "nowhere"), "no runs below"),
        (("export", "runs.csv", "--results", "nowhere"), "no runs below"),
    ],
)
def test_what_cannot_be_shown_ends_with_2_and_the_reason(words, says, tmp_path):
    histories(tmp_path, made_runs(1))
    places = [] if "--results" in words else ["--results", tmp_path]
    done = command(*words, *places)
    assert done.exit_code == 2, done.output
    assert says in done.output.replace("\n", " ") and "Traceback" not in done.output


@pytest.mark.parametrize("name", ["out/runs.csv", "runs.csv.gz", "runs.parquet"])
def test_an_export_gives_back_every_row_exactly(name, tmp_path):
    if name.endswith(".parquet"):
        pytest.importorskip("pyarrow", reason="pip install 'cdfbench[parquet]'")
    runs = made_runs(2)
    histories(tmp_path / "r", runs)
    done = command("export", tmp_path / name, "--results", tmp_path / "r")
    assert done.exit_code == 0, done.output
    path, wanted = tmp_path / name, tidy(results.read_all(tmp_path / "r")[0])
    read = pd.read_parquet(path) if name.endswith(".parquet") else pd.read_csv(path)
    assert list(read.columns) == list(wanted.columns)
    assert list(read["value"]) == list(wanted["value"])
    assert f"{len(wanted)} rows" in done.output
    if name.endswith(".gz"):
        assert gzip.decompress(path.read_bytes()).startswith(b"machine,run,finished,commit,")


def test_parquet_without_its_writer_says_what_to_install(tmp_path, monkeypatch):
    histories(tmp_path / "r", made_runs(1))
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    done = command("export", tmp_path / "runs.parquet", "--results", tmp_path / "r")
    assert done.exit_code == 2 and "cdfbench[parquet]" in done.output
    assert not (tmp_path / "runs.parquet").exists()


def test_a_run_that_cannot_be_read_is_named_and_the_others_are_shown(tmp_path):
    histories(tmp_path, made_runs(3))
    (broken,) = tmp_path.glob("*/run-01/samples.csv.gz")
    broken.write_bytes(broken.read_bytes()[:100])
    done = command("history", "--results", tmp_path, "--figures", 0)
    assert done.exit_code == 0 and "unreadable:" in done.output and "run-01" in done.output
    assert "too few (2)" in done.output
