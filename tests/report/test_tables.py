"""Tables fit, name every failure with its reason, and print no time of a cell that is not ok."""

import dataclasses
import io

import pandas as pd
import pytest
from rich.console import Console

from suite.report.contents import (
    NEVER,
    NOT_RUN,
    coverage,
    leaderboard,
    leaderboards,
    problems,
    routes,
    summary,
)
from suite.report.tables import markdown, print_leaderboard

CASE = "sweep-64x4096"


def printed(stored, width=80):
    stream = io.StringIO()
    print_leaderboard(stored, Console(file=stream, width=width))
    return stream.getvalue()


def test_the_terminal_table_fits_100_columns_and_cuts_nothing(stored):
    lines = printed(stored).splitlines()
    assert max(map(len, lines)) <= 100
    text = "\n".join(lines)
    assert "…" not in text
    for word in ("torch_compiled", "numpy_scipy", "published_forum", "value err", "compile"):
        assert word in text


def test_long_names_and_times_fit_too(tidy, info):
    from suite import results

    tidy["implementation"] = tidy["implementation"].replace("jax_xla", "published_batch_shaping")
    tidy.loc[tidy["metric"] == "peak_memory", "value"] = 123.4e9
    tidy.loc[tidy["metric"] == "value_error", "value"] = 1.234e-05
    run = results.Run(info, tidy[list(results.CELL_COLUMNS)], pd.DataFrame())
    lines = printed(run).splitlines()
    assert max(map(len, lines)) <= 100 and any("published_batch_shaping" in line for line in lines)


def test_a_wrong_cell_shows_its_error_and_no_time(run):
    row = {r[1]: r for r in leaderboard(run, "ecdf", CASE, "cpu", "wall").rows}["published_forum"]
    assert row[2:5] == ("wrong", "4e+04", "-") and set(row[5:]) == {"-"}


def test_a_right_row_shows_its_measured_numbers(run):
    row = {r[1]: r for r in leaderboard(run, "ecdf", CASE, "cpu", "wall").rows}["torch_compiled"]
    elements = 64 * 4096
    forward = 5e-5 + 1.4e-8 * elements
    assert row[5] == f"{forward * 1e3:.2f} ms" and row[6] == f"{2.4 * forward * 1e3:.2f} ms"
    assert row[7] == f"{2.4 * forward / (2e-6 + 1.1e-8 * elements):.2f}"
    assert row[9] == "21.5 s"


def test_clocks_have_tables_of_their_own(tidy, info, make_run):
    event = tidy[tidy["implementation"] == "jax_xla"].copy()
    event["clock"] = event["clock"].replace("wall", "event")
    tables = leaderboards(make_run(pd.concat([tidy, event]), info), "ecdf")
    assert [(t.title, len(t.rows)) for t in tables] == [
        (f"ecdf: {CASE} (cpu, event clock)", 1),
        (f"ecdf: {CASE} (cpu, wall clock)", 5),
    ]


def test_every_cell_that_is_not_ok_is_listed_with_its_reason(run):
    rows = problems(run, "ecdf").rows
    assert ("numpy_scipy", "timeout", "both", "sweep-512x16384", "no result after 60 s") in rows
    listed = {(row[0], row[1]) for row in rows}
    cells = run.of("ecdf")
    bad = cells[cells["status"] != "ok"]
    assert listed == set(zip(bad["implementation"], bad["status"], strict=True))


def test_a_cell_that_beat_a_copy_is_flagged(tidy, info, make_run, make_cell):
    extra = [
        {**row, "metric": "too_fast", "value": 1.0}
        for row in make_cell("ecdf", "jax_xla", CASE, "forward", {"time": 1.0}, framework="jax")
    ]
    run = make_run(pd.concat([tidy, pd.DataFrame(extra)]), info)
    row = {r[1]: r for r in leaderboard(run, "ecdf", CASE, "cpu", "wall").rows}["jax_xla"]
    assert row[2] == "ok (!)"
    assert any("faster than a copy" in r[4] for r in problems(run, "ecdf").rows)


def test_coverage_tells_never_ok_from_not_run(make_run, make_cell):
    options = {"a": {"ties": "mid"}, "b": {"ties": "max"}}
    info = {"cases": {"made_up": {c: {"options": o} for c, o in options.items()}}}
    rows = make_cell("made_up", "torch_eager", "a", "forward", {"time": 1.0})
    assert coverage(make_run(rows, info), "made_up").rows == (
        ("ties", "mid", "torch_eager"), ("ties", "max", NOT_RUN),
    )  # fmt: skip
    rows += make_cell("made_up", "torch_eager", "b", "forward", {}, status="crashed")
    assert coverage(make_run(rows, info), "made_up").rows[1] == ("ties", "max", NEVER)


def test_coverage_counts_defaults_and_values_that_json_turned_into_lists(make_run, make_cell):
    info = {"cases": {"batch_shaping": {
        "plain": {"options": {"prior": "normal"}},
        "clip": {"options": {"prior": "beta", "clip": [0.05, 0.9]}},
    }}}  # fmt: skip
    rows = make_cell("batch_shaping", "torch_eager", "plain", "forward", {"time": 1.0})
    rows += make_cell("batch_shaping", "jax_xla", "clip", "forward", {"time": 1.0})
    found = {row[:2]: row[2] for row in coverage(make_run(rows, info), "batch_shaping").rows}
    assert found["prior", "normal"] == "torch_eager" and found["prior", "beta"] == "jax_xla"
    assert found["ties", "mid"] == "jax_xla, torch_eager"  # nobody passes the default
    assert found["clip", "(0.05, 0.9)"] == "jax_xla"
    assert found["prior", "symbeta"] == NOT_RUN


def test_the_summary_counts_every_cell_once(run):
    table = summary(run)
    for row in table.rows:
        assert sum(map(int, row[2:])) == int(row[1]) == 40


def test_markdown_has_one_line_per_row_and_escapes_bars(make_run, make_cell):
    rows = make_cell("ecdf", "mine", "a", "forward", {}, status="error", reason="a | b\nc")
    lines = markdown(problems(make_run(rows, {}), "ecdf")).strip().splitlines()
    assert lines[-1] == "| mine | error | forward | a | a \\| b c |"
    assert len({line.replace("\\|", "").count("|") for line in lines[2:]}) == 1


def test_a_run_without_cells_says_so(info, tidy):
    from suite import results

    assert "measured nothing" in printed(results.Run(info, tidy.iloc[:0], pd.DataFrame()))


@pytest.mark.parametrize("operator", ["batch_shaping", "ecdf"])
def test_no_leaderboard_mixes_operators(run, operator):
    assert all(t.title.startswith(operator + ":") for t in leaderboards(run, operator))


def test_the_ways_that_implementations_took_are_told_with_their_cases(make_run, make_cell, info):
    cases = {"a": "moments", "c": "direct", "b": "moments"}
    run = make_run(make_cell("ecdf", "mine", "a", "forward", {}), info)
    said = {"routes": {"ecdf": {"mine": cases, "another": {"a": "x | y"}}}}
    run = dataclasses.replace(run, info={**run.info, **said})
    assert routes(run, "ecdf").rows == (
        ("another", "x | y", "a"),
        ("mine", "direct", "c"),
        ("mine", "moments", "a, b"),
    )
    assert routes(run, "soft_cut").rows == ()
