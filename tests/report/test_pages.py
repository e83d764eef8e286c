"""Pages: whole for a good run, a failed one and an empty one; machines never share a table."""

import re
from pathlib import Path

import pandas as pd
import pytest

from suite import results
from suite.report import write_leaderboard, write_report
from suite.report.newest import by_machine, for_report, sweeps

EMPTY = pd.DataFrame(columns=list(results.SAMPLE_COLUMNS))


def store(folder, tidy, info):
    run = results.Run(info, tidy[list(results.CELL_COLUMNS)], EMPTY)
    return results.write(run, folder)


def test_a_report_shows_every_operator_figure_and_version(tidy, info, tmp_path):
    one = tidy[(tidy["operator"] == "ecdf") | (tidy["metric"] != "time")]
    page, *pictures = write_report(store(tmp_path / "run", one, info), tmp_path / "out")
    text = page.read_text()
    for needed in ("## batch_shaping", "## ecdf", "| versions.torch | 2.13.0 |", "Example CPU"):
        assert needed in text
    linked = re.findall(r"\]\((.*?)\)", text)
    assert sorted(linked) == sorted(str(p.relative_to(page.parent)) for p in pictures)
    assert {p.name for p in pictures} >= {"ecdf-cpu-wall-sweep-time.png", "batch_shaping-error.png"}
    for picture in pictures:
        assert picture.read_bytes()[:4] == b"\x89PNG" and 5e3 < picture.stat().st_size < 3e5


def test_an_empty_run_has_a_report(tidy, info, tmp_path):
    run = store(tmp_path / "run", tidy.iloc[:0], {**info, "cases": {}})
    (page,) = write_report(run, tmp_path / "out")
    assert "measured nothing" in page.read_text() and "Example CPU" in page.read_text()


def test_a_run_in_which_everything_died_has_a_report_with_the_reasons(make_cell, info, tmp_path):
    rows = []
    for status in results.STATUSES[1:]:
        rows += make_cell("ecdf", f"mine_{status}", "sweep-64x4096", "forward", {}, status=status,
                          reason=f"because {status}")  # fmt: skip
    run = store(tmp_path / "run", pd.DataFrame(rows), info)
    page, *pictures = write_report(run, tmp_path / "out")
    assert pictures == [] and "No cell of this operator was timed" in page.read_text()
    for status in results.STATUSES[1:]:
        assert f"| mine_{status} | {status} | forward | sweep-64x4096 | because {status} |" in (
            page.read_text()
        )


def test_a_folder_that_is_no_run_is_refused(tmp_path):
    with pytest.raises(results.UnreadableRun, match="run.json"):
        write_report(tmp_path, tmp_path / "out")


def test_the_leaderboard_takes_each_machines_newest_run_and_mixes_none(tidy, info, tmp_path):
    slow = tidy.copy()
    slow.loc[slow["metric"] == "time", "value"] *= 1000
    old = {**info, "finished": "2025-01-01T00:00:00Z"}
    store(tmp_path / "one" / "zzz-old", slow, old)
    store(tmp_path / "one" / "aaa-new", tidy, info)
    store(tmp_path / "two" / "run", slow, {**info, "commit": None})
    text = write_leaderboard(tmp_path).read_text()
    one, two = text.split("## one")[1].split("## two")
    assert "aaa-new" in one and "zzz-old" not in text
    assert "| 1 | torch_compiled | ok |" in one and "3.72 ms" in one and "3.72 s" not in one
    assert "3.72 s" in two and "3.72 ms" not in two and "no commit" in two


def test_a_later_run_of_one_case_hides_neither_other_operators_nor_the_whole_run(
    tidy, info, tmp_path
):
    store(tmp_path / "one" / "everything", tidy, info)
    few = tidy[tidy["operator"] == "ecdf"]
    cases = {"ecdf": info["cases"]["ecdf"], "soft_cut": info["cases"]["ecdf"]}
    later = {**info, "finished": "2100-01-01T00:00:00Z", "whole": False, "cases": cases}
    store(tmp_path / "one" / "one-case", few, later)
    text = write_leaderboard(tmp_path).read_text()
    ecdf = text.split("### ecdf")[1].split("### soft_cut")[0]
    assert "### batch_shaping" in text and "everything" in ecdf and "one-case" not in ecdf
    runs = by_machine(results.read_all(tmp_path)[0])["one"]
    assert for_report(runs).name == "everything"


def test_a_broken_run_is_named_and_the_others_are_there(tidy, info, tmp_path):
    store(tmp_path / "one" / "good", tidy, info)
    (tmp_path / "two" / "bad").mkdir(parents=True)
    (tmp_path / "two" / "bad" / "run.json").write_text("{")
    text = write_leaderboard(tmp_path).read_text()
    assert "## one" in text and "Not read: two/bad" in text and str(tmp_path) not in text


def test_no_results_at_all_still_give_a_leaderboard(tmp_path):
    assert "no run yet" in write_leaderboard(tmp_path / "results").read_text()


def test_of_each_machine_the_newest_run_of_all_sizes_is_found(tidy, info):
    def stored(name, **said):
        return results.Run({**info, **said}, tidy, EMPTY, Path(name))

    old, new = (stored(name, profile="full") for name in ("old", "new"))
    part, quick = stored("part", profile="full", whole=False), stored("quick", profile="quick")
    assert sweeps([old, new, part, quick]) == Path("new")
    assert sweeps([part, quick]) is None
