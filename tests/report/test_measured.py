"""The wide frame keeps every cell, its status, and numbers only where they belong."""

import numpy as np
import pandas as pd
import pytest

from suite import results
from suite.report.measured import from_folder, from_run, quantity, wide


def test_every_cell_of_the_tidy_frame_is_one_row(tidy):
    cells = wide(tidy)
    key = ["operator", "implementation", "case", "pass"]
    assert len(cells) == len(tidy.drop_duplicates(key)) == len(cells.drop_duplicates(key))


def test_a_cell_that_died_without_a_number_stays(run):
    died = run.cells[run.cells["status"] == "timeout"]
    assert set(died["implementation"]) == {"numpy_scipy"} and len(died) == 4
    assert died["time"].isna().all() and (died["reason"] == "no result after 60 s").all()


def test_the_status_nan_survives_the_store(make_cell, info, tmp_path):
    rows = make_cell("ecdf", "torch_eager", "sweep-64x4096", "forward", {}, status="nan")
    frame = pd.DataFrame(rows)[list(results.CELL_COLUMNS)]
    empty = pd.DataFrame(columns=list(results.SAMPLE_COLUMNS))
    results.write(results.Run(info, frame, empty), tmp_path / "run")
    assert list(from_folder(tmp_path / "run").cells["status"]) == ["nan"]


def test_memory_measured_without_a_clock_belongs_to_every_clock(make_cell):
    where = ("ecdf", "torch_eager", "a", "forward")
    rows = make_cell(*where, {"time": 1.0, "peak_memory": 8.0}, clock="wall")
    rows += make_cell(*where, {"time": 0.5}, clock="event")
    cells = wide(pd.DataFrame(rows)).set_index("clock")
    assert cells["peak_memory"].to_dict() == {"wall": 8.0, "event": 8.0}
    assert cells["time"].to_dict() == {"wall": 1.0, "event": 0.5}


def test_a_failed_memory_measurement_is_a_remark_and_leaves_the_timing_ok(make_cell):
    where = ("ecdf", "torch_eager", "a", "forward")
    rows = make_cell(*where, {"time": 1.0}) + make_cell(*where, {}, status="oom", reason="64 GB")
    (cell,) = wide(pd.DataFrame(rows)).to_dict("records")
    assert cell["status"] == "ok" and cell["reason"] == "peak memory: oom, 64 GB"


def test_sizes_leave_out_bins_and_agree_with_the_throughput(run, make_run, make_cell, info):
    sizes = run.cells.set_index("case")["elements"].groupby("case").first()
    assert sizes["sweep-64x4096"] == 64 * 4096
    assert sizes["bfloat16"] == 8 * 512  # never timed: from the case's sizes
    info["cases"]["h"] = {"c": {"sizes": {"R": 2, "N": 50, "B": 7, "E": 8}}}
    rows = make_cell("h", "torch_eager", "c", "forward", {}, status="oom")
    assert make_run(rows, info).cells["elements"].tolist() == [100]


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.00123456, "s", "1.23 ms"),
        (0.9996, "s", "1.00 s"),
        (9.996e-4, "s", "1.00 ms"),
        (123.4, "B", "123 B"),
        (12.34e6, "B", "12.3 MB"),
        (4e-8, "s", "40.0 ns"),
        (1e-13, "s", "0.10 ps"),
        (0.0, "B", "0 B"),
        (np.nan, "s", "-"),
        (np.inf, "s", "inf"),
    ],
)
def test_quantities_have_three_digits_and_a_prefix(value, unit, text):
    assert quantity(value, unit) == text


def test_a_run_without_cells_is_readable(info, tidy):
    empty = results.Run(info, tidy.iloc[:0], pd.DataFrame())
    assert from_run(empty).operators == []
