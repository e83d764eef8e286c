"""Targets on a CPU: ratios to a yardstick, of right cells on a CPU alone, the newest first."""

import pandas as pd
import pytest
from synthetic_run import cell_rows

from suite.report.cpu_targets import BACKWARD, TARGETS, Target, measured, table, write_page
from suite.results import Run

CASE = "n1e7-B50"
FORWARD = Target("soft_histogram", "torch_moments", CASE, "forward", "normalised_histogram", 1.0)


def run(value, *, name="torch_moments", pass_="forward", metric="normalised_histogram", **place):
    place = {"device": "cpu", "clock": "wall", "status": "ok", **place}
    rows = cell_rows("soft_histogram", name, CASE, pass_, {metric: value}, **place)
    return Run({"commit": "0123456789"}, pd.DataFrame(rows), pd.DataFrame())


def test_the_newest_right_cell_on_a_cpu_counts():
    assert measured(FORWARD, [run(0.7), run(1.2)]) == (1.2, "0123456")
    others = [run(0.1, device="cuda"), run(0.1, status="wrong"), run(0.1, name="jax_moments"),
              run(0.1, pass_=BACKWARD), run(0.1, metric="normalised_sort")]  # fmt: skip
    assert measured(FORWARD, others) is None
    assert measured(FORWARD, [run(0.7), *others])[0] == 0.7


@pytest.mark.parametrize(("value", "verdict"), [(0.99, "met"), (1.01, "not met")])
def test_a_verdict_is_by_the_number(value, verdict):
    rows = table([run(value)])
    assert rows[0][:4] == ("soft_histogram", "torch_moments", CASE, "forward")
    assert rows[0][4:] == (
        "at most 1.00 of np.histogram",
        f"{value} of np.histogram",
        verdict,
        "0123456",
    )
    assert {row[-2] for row in rows[1:]} == {"not measured"}


def test_limits_at_a_thousand_bins_are_1_3_times_those_at_fifty_and_three_times_in_jax():
    limits = {(t.implementation, t.case, t.pass_): t.at_most for t in TARGETS
              if t.metric == "normalised_histogram"}  # fmt: skip
    assert limits["torch_moments", "n1e7-B1000", BACKWARD] == pytest.approx(1.95)
    for (name, case, pass_), limit in limits.items():
        if name == "torch_moments":
            assert limits["jax_moments", case, pass_] == pytest.approx(3 * limit)


def test_every_target_is_of_a_case_that_there_is():
    from suite import operators

    for target in TARGETS:
        assert operators.get(target.operator).case(target.case)


def test_without_a_run_the_page_names_no_machine(tmp_path):
    assert "##" not in write_page(tmp_path).read_text().removeprefix("# ")
