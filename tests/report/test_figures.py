"""Pictures: units on every axis, labels that do not overlap, lines of right cells only."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.text import Text
from synthetic_run import as_run, synthetic_info, synthetic_tidy

from suite.report.drawing import styles
from suite.report.figures import figures
from suite.report.labels import spread
from suite.report.measured import from_run
from suite.report.sweeps import sweeps


@pytest.fixture(scope="module")
def drawn():
    run = from_run(as_run(synthetic_tidy(["ecdf"]), synthetic_info(["ecdf"])))
    return dict(figures(run, "ecdf", styles(run)))


def test_every_axis_names_its_unit(drawn):
    assert len(drawn) == 5
    for figure in drawn.values():
        for ax in figure.axes:
            assert "(" in ax.get_xlabel()
            first_of_row = ax.get_subplotspec().colspan.start == 0
            assert "(" in ax.get_ylabel() or not first_of_row


def test_direct_labels_do_not_overlap_and_name_every_line(drawn):
    figure = drawn["cpu-wall-sweep-time"]
    figure.canvas.draw()
    for ax in figure.axes:
        # An annotation's own extent includes its leader.
        boxes = {t.get_text(): Text.get_window_extent(t) for t in ax.texts}
        assert {"jax_xla", "torch_eager", "torch_compiled", "sort (yardstick)"} <= set(boxes)
        assert "numpy_scipy (timeout)" in boxes
        for (_, one), (_, other) in itertools.combinations(boxes.items(), 2):
            assert min(one.y1, other.y1) - max(one.y0, other.y0) < 1.5  # pixels
        assert max(box.x1 for box in boxes.values()) <= figure.bbox.x1
        others = [a for a in figure.axes if a.get_window_extent().x0 > ax.get_window_extent().x1]
        for other in others:
            assert max(box.x1 for box in boxes.values()) < other.get_window_extent().x0


def test_no_line_goes_through_a_wrong_cell(drawn, run):
    wrong = run.of("ecdf").query("status == 'wrong'")["time"].to_numpy()
    for ax in drawn["cpu-wall-sweep-time"].axes:
        for line in ax.get_lines():
            if line.get_linestyle() != "None" and len(line.get_xdata()) > 1:
                assert not np.isin(line.get_ydata(), wrong).any()


def test_implementations_differ_without_colour(run):
    looks = [(s["marker"], str(s["linestyle"])) for s in styles(run).values()]
    assert len(set(looks)) == len(looks) == 5


def test_a_sweep_holds_one_dtype_one_setting_and_one_clock(run):
    (sweep,) = sweeps(run, "ecdf")
    assert set(sweep.cells["dtype"]) == {"float32"} and set(sweep.cells["clock"]) <= {"wall", ""}
    assert sweep.cells["elements"].nunique() == 4


def test_cases_that_differ_in_more_than_size_share_no_line(make_cell, make_run):
    names = ["normal-1x500", "normal-16x1024", "normal-tied-16x1024", "n1e3-B50", "n1e4-B1000"]
    rows = []
    for number, name in enumerate(names, start=1):
        metrics = {"time": 1e-3, "throughput": 1e5 * number}
        rows += make_cell("ecdf", "torch_eager", name, "forward", metrics)
    found = sweeps(make_run(rows, {}), "ecdf")
    assert [set(s.cells["case"]) for s in found] == [{"normal-1x500", "normal-16x1024"}]


@settings(deadline=None, derandomize=True, max_examples=60)
@given(
    heights=st.lists(st.floats(0, 500), min_size=1, max_size=12),
    gap=st.floats(1, 30),
)
def test_spread_labels_keep_their_order_gap_and_mean(heights, gap):
    heights = np.array(heights)
    placed = spread(heights, gap)
    order = np.argsort(heights, kind="stable")
    assert (np.diff(placed[order]) >= gap - 1e-9).all()
    assert placed.mean() == pytest.approx(heights.mean(), abs=1e-9)
    apart = np.diff(np.sort(heights)) >= gap
    if apart.all():
        np.testing.assert_allclose(placed, heights, atol=1e-9)


def test_labels_above_the_cases_do_not_overlap_and_name_every_mark(drawn):
    figure = drawn["cpu-wall-cases-time"]
    figure.canvas.draw()
    (ax,) = figure.axes
    boxes = {t.get_text(): Text.get_window_extent(t) for t in ax.texts}
    assert {"jax_xla", "torch_eager", "torch_compiled", "sort (yardstick)"} <= set(boxes)
    for one, other in itertools.combinations(boxes.values(), 2):
        assert min(one.y1, other.y1) - max(one.y0, other.y0) < 1.5  # pixels
    for text in ax.texts:
        box, tip = boxes[text.get_text()], ax.transData.transform(text.xy)
        assert box.y0 > ax.get_window_extent().y1 - 5 and box.x1 <= figure.bbox.x1
        assert box.x0 - 10 < tip[0] < box.x0 + 10
