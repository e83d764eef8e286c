"""Only right cells of one case, device and clock are ranked."""

import pandas as pd
import pytest

from suite.report.ranking import representative, standings

CASE = "sweep-64x4096"
BOTH = ("forward", "forward+backward")


def ranks(run, device="cpu", clock="wall", case=CASE, operator="ecdf"):
    return {s.implementation: s.rank for s in standings(run, operator, case, device, clock)}


def test_ranked_by_the_time_of_both_passes(run):
    found = ranks(run)
    assert found["torch_compiled"] == "1" and found["numpy_scipy"] == "4"


def test_a_wrong_cell_has_no_rank_however_fast(run):
    cells = run.of("ecdf").query("case == @CASE and `pass` == 'forward'")
    fastest = cells.loc[cells["time"].idxmin(), "implementation"]
    assert fastest == "published_forum" and ranks(run)["published_forum"] == ""


FAILED = ["wrong", "nan", "flagged", "error", "oom", "timeout", "crashed"]


@pytest.mark.parametrize("status", FAILED)
@pytest.mark.parametrize("broken", BOTH)
def test_one_bad_pass_costs_the_rank(tidy, info, make_run, status, broken):
    hit = (tidy["implementation"] == "torch_compiled") & (tidy["pass"] == broken)
    tidy.loc[hit, "status"] = status
    found = ranks(make_run(tidy, info))
    assert found["torch_compiled"] == "" and found["jax_xla"] == "1"


def test_clocks_are_never_ranked_together(tidy, info, make_run):
    event = tidy[tidy["implementation"] == "jax_xla"].copy()
    event["clock"] = event["clock"].replace("wall", "event")
    event.loc[event["metric"] == "time", "value"] /= 1000
    run = make_run(pd.concat([tidy, event]), info)
    assert run.views("ecdf") == [("cpu", "event"), ("cpu", "wall")]
    assert ranks(run, clock="event") == {"jax_xla": "1"}
    wall = ranks(run, clock="wall")
    assert wall["torch_compiled"] == "1" and wall["jax_xla"] == "2"


def test_devices_are_never_ranked_together(tidy, info, make_run):
    gpu = tidy[tidy["implementation"] == "torch_eager"].assign(device="cuda")
    run = make_run(pd.concat([tidy, gpu]), info)
    assert ranks(run, device="cuda") == {"torch_eager": "1"}
    assert ranks(run)["torch_eager"] == "3"


def test_medians_within_their_spread_share_a_rank(tidy, info, make_run):
    wide_spread = (tidy["implementation"] == "jax_xla") & (tidy["metric"] == "time_iqr")
    tidy.loc[wide_spread, "value"] *= 20
    found = ranks(make_run(tidy, info))
    assert found["torch_compiled"] == found["jax_xla"] == "1="
    assert found["torch_eager"] == "3"


def test_without_any_backward_pass_the_forward_time_ranks(tidy, info, make_run):
    run = make_run(tidy[tidy["pass"] == "forward"], info)
    assert ranks(run)["torch_compiled"] == "1"


def test_declared_cases_represent_else_the_largest_that_most_timed(
    run, tidy, info, make_run
):  # fmt: skip
    assert representative(run, "ecdf") == [CASE]
    for said in info["cases"]["ecdf"].values():
        said["representative"] = False
    # numpy_scipy timed out at 512 x 16384, so 64 x 4096 is the largest that all of them timed.
    assert representative(make_run(tidy, info), "ecdf")[0] == CASE
