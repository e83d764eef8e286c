"""Throughput, roofline share and a compiler's counts stand beside the times, of ok cells alone."""

import pandas as pd

from suite.report.details import details
from suite.report.measured import from_run
from suite.results import CELL_COLUMNS, Run


def test_an_ok_cell_shows_its_share_and_its_graphs_and_a_wrong_one_nothing(make_cell, info):
    found = {"time": 2e-3, "throughput": 1.31e8, "bandwidth": 2.1e9, "roofline_share": 0.034}
    counts = {"graphs": 1.0, "graph_breaks": 0.0, "kernels": 7.0}
    rows = make_cell("ecdf", "torch_compiled", "sweep-64x4096", "forward", found | counts)
    rows += make_cell("ecdf", "mine", "sweep-64x4096", "forward", found, status="wrong")
    run = Run(info, pd.DataFrame(rows)[list(CELL_COLUMNS)], pd.DataFrame())
    table = details(from_run(run), "ecdf")
    assert table.rows == (
        ("torch_compiled", "sweep-64x4096", "forward", "cpu wall", "131 M/s", "2.10 GB/s", "3.40%",
         "1", "0", "7"),
    )  # fmt: skip
