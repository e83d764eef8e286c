"""The README's figures come from a run and from nowhere else."""

import pandas as pd

from suite import results
from suite.report import write_front_page, write_report
from suite.report.front_page import BEGIN, END

EMPTY = pd.DataFrame(columns=list(results.SAMPLE_COLUMNS))


def test_what_stands_between_the_marks_is_replaced_and_nothing_else(tidy, info, tmp_path):
    run = results.Run(info, tidy[list(results.CELL_COLUMNS)], EMPTY)
    folder = results.write(run, tmp_path / "results" / "machine" / "run")
    report = tmp_path / "results" / "report" / "machine"
    write_report(folder, report)
    readme = tmp_path / "README.md"
    readme.write_text(f"# before\n{BEGIN}\n12.3 ms, typed by hand\n{END}\nafter\n")
    assert write_front_page(readme, folder, report)
    text = readme.read_text()
    assert text.startswith(f"# before\n{BEGIN}\n") and text.endswith(f"\n{END}\nafter\n")
    assert "typed by hand" not in text
    assert "(results/report/machine/report.md)" in text
    assert "(results/report/machine/figures/batch_shaping-" in text
    assert "torch_eager" in text
    again = text
    assert write_front_page(readme, folder, report)
    assert readme.read_text() == again


def test_a_readme_without_marks_is_left_alone(tidy, info, tmp_path):
    readme = tmp_path / "README.md"
    readme.write_text("# mine\n")
    run = results.Run(info, tidy[list(results.CELL_COLUMNS)], EMPTY)
    folder = results.write(run, tmp_path / "m" / "run")
    assert not write_front_page(readme, folder, tmp_path / "report")
    assert readme.read_text() == "# mine\n"
