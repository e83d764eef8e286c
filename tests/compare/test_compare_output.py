"""What readers see: a terminal of 100 columns, Markdown, GitHub's annotations."""

import io
import re

import pytest
from made_runs import CELLS, SLOW, Side
from rich.console import Console
from typer.testing import CliRunner

from suite import cli, results
from suite.compare import github
from suite.compare.cells import Cell
from suite.compare.comparison import Comparison, Comparisons, compare
from suite.compare.kernels import KernelChange
from suite.compare.rows import Row
from suite.compare.side import Side as RunSide
from suite.compare.side import of_path
from suite.compare.tables import markdown, print_comparison

GONE = tuple(cell for cell in CELLS if cell[1] == "jax_xla")
MOVED = ("soft_cut", "numpy_scipy", "wide", "forward")


@pytest.fixture(scope="module")
def found():
    b = Side(
        slowed={SLOW: 2.0, CELLS[0]: 0.4},
        metrics={MOVED: {"value_error": 9.0, "digest": 1.0}},
        cells=tuple(cell for cell in CELLS if cell not in GONE),
    )
    a, b = RunSide("results/a", Side().runs(6, 1)), RunSide("feature", b.runs(6, 2))
    made = compare(a, b)
    kernels = (KernelChange("cuda", "sm_90 ecdf.cu rows<float, 256>", "registers", 80, 96),)
    return Comparisons(made.labels, made.machines, kernels, ("other: alone",))


def printed(found):
    console = Console(width=100, record=True, file=io.StringIO())
    print_comparison(found, console)
    return console.export_text()


def test_what_matters_comes_first_and_fits_100_columns(found):
    text = printed(found)
    assert max(map(len, text.splitlines())) <= 100
    kinds = re.findall(r"^ (slower|changed|missing|faster|unclear) ", text, flags=re.M)
    order = ["slower", "changed", "missing", "unclear", "faster"]
    assert kinds == sorted(kinds, key=order.index)
    assert {"slower", "changed", "missing", "faster"} <= set(kinds)


def test_an_implementation_that_is_gone_is_one_line_and_the_same_are_a_count(found):
    text = printed(found)
    assert "10 cells of 5 cases" in text and text.count("missing  ") == 1
    same = found.machines[0].counts["same"]
    assert f"{same} same" in text and "soft_cut/numpy_scipy\n          small, fwd+bwd" not in text


def test_kernels_and_other_machines_are_told(found):
    text = printed(found)
    assert "rows<float, 256>" in text and "registers" in text and "96" in text
    assert "not compared: other: alone" in text


def test_markdown_tables_hold_and_hide_nothing(found):
    text = markdown(found)
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert {line.replace("\\|", "").count("|") for line in rows} <= {6, 5}
    assert any("slower" in line and "soft_cut/torch_eager medium, fwd+bwd" in line for line in rows)
    assert "rows&lt;float, 256>" in text


def test_annotations_grade_what_is_found_and_show_ten_of_a_level(found):
    lines = list(github.commands(found))
    slow = next(line for line in lines if "title=slower" in line)
    assert slow.startswith("::error ") and "soft_cut/torch_eager medium, fwd+bwd" in slow
    assert any(line.startswith("::warning title=kernel::cuda sm_90") for line in lines)
    assert any(line.startswith("::warning title=not compared::other: alone") for line in lines)
    assert all("\n" not in line for line in lines)
    many = tuple(
        Row(Cell("o", f"i{k}", "numpy", "c", "forward", "cpu", "float32", "wall"), "missing",
            ("ok", ""))
        for k in range(14)
    )  # fmt: skip
    lines = list(github.commands(Comparisons(("a", "b"), (Comparison("m", many),))))
    assert len(lines) == github.SHOWN
    assert lines[-1] == "::error title=more::5 more, in the comparison's table"


def test_what_means_something_to_github_is_escaped():
    assert github.command("error", "a:b,c", "50% of\r\nd::e") == (
        "::error title=a%3Ab%2Cc::50%25 of%0D%0Ad::e"
    )


def stored(folder, side, seed, count=2):
    for number, run in enumerate(side.runs(count, seed)):
        results.write(run, folder / "example-2c-000000" / f"run-{number}")
    return folder


def command(*arguments):
    return CliRunner().invoke(cli.app, ["compare", *map(str, arguments)])


def test_the_command_compares_folders_of_results_of_machines_and_runs(tmp_path):
    a = stored(tmp_path / "a", Side(between=0.01), 1)
    b = stored(tmp_path / "b", Side(between=0.01, slowed={SLOW: 3.0}), 2)
    page = tmp_path / "page.md"
    done = command(a, b, "--markdown", page, "--annotations")
    assert done.exit_code == 0, done.output
    assert "1 slower" in done.output and "::error title=slower::" in done.output
    assert "1 slower" in page.read_text()
    machine, run = b / "example-2c-000000", b / "example-2c-000000" / "run-0"
    assert len(of_path(machine).runs) == 2 and len(of_path(run).runs) == 1
    assert len(of_path(run / "cells.csv").runs) == 1


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("nowhere-at-all", "A"), "no folder of runs and no git revision"),
        (("EMPTY", "A"), "no timed run"),
        (("A", "OTHER"), "no machine has runs of both sides"),
        (("A", "A", "-c", "nowhere"), "no cell of either side"),
        (("--", "A", "--upload-pack=x"), "no revision"),
    ],
)
def test_what_cannot_be_compared_ends_with_2_and_the_reason(words, says, tmp_path):
    (tmp_path / "EMPTY").mkdir()
    stored(tmp_path / "A", Side(), 1, 1)
    results.write(Side().run(5, machine="another"), tmp_path / "OTHER" / "m" / "run")
    named = {name: tmp_path / name for name in ("A", "EMPTY", "OTHER")}
    done = command(*(named.get(word, word) for word in words))
    assert done.exit_code == 2, done.output
    assert says in done.output.replace("\n", " ") and "Traceback" not in done.output


def test_a_run_that_cannot_be_read_is_named_and_the_others_are_compared(tmp_path):
    a, b = stored(tmp_path / "a", Side(), 1), stored(tmp_path / "b", Side(), 2)
    (b / "example-2c-000000" / "run-1" / "cells.csv").write_text("operator\nsoft_cut\n")
    done = command(a, b)
    assert done.exit_code == 0
    assert "unreadable:" in done.output and "run-1" in done.output
    assert "2 and 1 processes" in done.output
