"""A flag is words and a status; without evidence against it, an implementation has neither."""

import pytest

from suite.judge.conduct import (
    CLOCK_SLACK,
    EVIDENCE,
    FEW_SLACK,
    MANY,
    cell_flags,
    clock_flags,
    evidence_flags,
    folder_flags,
    import_flags,
    outcome_with,
)

OK = {"status": "ok", "reason": ""}
CLEAN = {kind: [] for kind in EVIDENCE}


def test_without_flags_an_outcome_stays_what_it_is():
    outcome = {"status": "wrong", "reason": "value[0]", "metrics": {"time": 1.0}}
    assert outcome_with(outcome, []) == outcome
    assert outcome_with(OK, []) is not OK


def test_a_right_answer_with_flags_has_a_status_of_its_own():
    assert outcome_with({**OK, "metrics": {"time": 1.0}}, ["imports suite.judge", "prints"]) == {
        "status": "flagged",
        "reason": "flagged: imports suite.judge; prints",
        "metrics": {"time": 1.0},
    }


@pytest.mark.parametrize("status", ["wrong", "nan", "error", "oom", "timeout", "crashed"])
def test_another_status_keeps_its_name_and_gains_the_words(status):
    found = outcome_with({"status": status, "reason": "so it is"}, ["prints"])
    assert found == {"status": status, "reason": "so it is; flagged: prints"}


def test_what_an_implementation_cannot_do_is_no_offence():
    outcome = {"status": "unsupported", "reason": "no bfloat16"}
    assert outcome_with(outcome, ["prints"]) == outcome


def test_a_flag_is_said_once():
    once = outcome_with(OK, ["prints", "prints"])
    assert once["reason"] == "flagged: prints"
    assert outcome_with(once, ["prints"]) == once
    assert outcome_with(once, ["prints", "sleeps"])["reason"] == "flagged: prints; sleeps"
    assert outcome_with(once, ["sleeps"])["status"] == "flagged"


@pytest.mark.parametrize(
    ("modules", "words"),
    [
        (["numpy", "suite.registry", "suite.registry.implements"], []),
        (["implementations.torch_eager.ecdf", "suitecase.operators"], []),
        (["suite.registry_of_mine"], ["imports suite.registry_of_mine"]),
        (["suite.operators.ecdf", "suite.judge", "suite.registry"],
         ["imports suite.judge, suite.operators.ecdf"]),
        (["suite"], ["imports suite"]),
    ],
)  # fmt: skip
def test_of_the_suite_an_implementation_imports_the_registry_alone(modules, words):
    assert import_flags(modules) == words


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("mutated", "changes its input a, b"),
        ("overwritten", "changes a, b after it was returned"),
        ("differs", "gives other bits for the same input: a, b"),
        ("not_plain", "returns what is no array of its framework: a, b"),
        ("replaced", "replaces a, b"),
        ("threads", "has a thread at work when the clock stops: a, b"),
    ],
)
def test_each_kind_of_evidence_makes_its_own_flag(kind, words):
    assert evidence_flags(CLEAN) == []
    assert evidence_flags({**CLEAN, kind: ["a", "b"]}) == [words]


def measured(samples, spans=None, late=None, **conduct):
    spans = [t + 1e-5 for t in samples] if spans is None else spans
    late = [1e-6] * len(samples) if late is None else late
    return {"samples": samples, "clock": "wall",
            "conduct": {**CLEAN, "spans": spans, "late": late, **conduct}}  # fmt: skip


def test_an_honest_cell_has_no_flag():
    assert cell_flags(measured([1e-5] * 30)) == []
    assert cell_flags(measured([0.2, 0.3, 0.25])) == []


def test_a_cell_has_the_flags_of_its_evidence_and_of_its_clock():
    record = measured([1.0] * 30, spans=[3.0] * 30, mutated=["x"])
    assert cell_flags(record) == [
        "changes its input x", "its clock says 1 s where 3 s went by"
    ]  # fmt: skip


@pytest.mark.parametrize("gone", [*EVIDENCE, "spans", "late"])
def test_evidence_that_is_missing_is_a_flag(gone):
    record = measured([1.0] * 30)
    del record["conduct"][gone]
    assert cell_flags(record) == ["leaves no evidence of its conduct"]
    assert cell_flags({**record, "conduct": "none"}) == ["leaves no evidence of its conduct"]


def clocks(times, spans, late=None, clock="wall"):
    evidence = {"spans": spans, "late": late or [0.0] * len(times)}
    return clock_flags(times, evidence, clock)


@pytest.mark.parametrize("clock", ["wall", "event"])
def test_no_clock_may_say_more_than_went_by(clock):
    assert clocks([1.04] * 20, [1.0] * 20, clock=clock) == []
    assert clocks([1.06] * 20, [1.0] * 20, clock=clock) == [
        "its clock says 1.06 s where 1 s went by"
    ]
    assert clocks([0.9 * CLOCK_SLACK] * 20, [0.0] * 20, clock=clock) == []
    assert clocks([1.1 * CLOCK_SLACK] * 20, [0.0] * 20, clock=clock) != []


def test_the_wall_clock_may_not_say_less_either_beyond_the_calls_in_between():
    assert clocks([1.0] * 20, [1.49] * 20) == []
    assert clocks([1.0] * 20, [1.51] * 20) == ["its clock says 1 s where 1.51 s went by"]
    assert clocks([1e-6] * 20, [0.9 * CLOCK_SLACK] * 20) == []
    assert clocks([1e-6] * 20, [1.1 * CLOCK_SLACK] * 20) != []
    # Device events leave out the host.
    assert clocks([1.0] * 20, [1.51] * 20, clock="event") == []


def test_the_extremes_are_quoted():
    times, spans = [1.0, 2.0] * 10, [4.0, 5.0] * 10
    assert clocks(times, spans) == ["its clock says 1 s where 4 s went by"]


def test_an_interruption_of_one_round_in_two_is_no_offence():
    assert clocks([1.0] * 20, [9.0, 1.0] * 10) == []
    assert clocks([1.0] * 20, [9.0] * 15 + [1.0] * 5) == ["its clock says 1 s where 1 s went by"]
    assert clocks([1.0] * 20, [9.0] * 14 + [1.0] * 6) == []
    assert clocks([1.0] * 20, [1.0] * 20, late=[9.0, 0.0] * 10) == []


def test_few_rounds_get_more_slack():
    few, many = MANY - 1, MANY
    span = (CLOCK_SLACK + FEW_SLACK) / 2
    assert clocks([1e-6] * few, [span] * few) == []
    assert clocks([1e-6] * many, [span] * many) != []
    assert clocks([1e-6] * few, [1.1 * FEW_SLACK] * few) != []


def test_work_after_the_clock_has_stopped_is_a_flag():
    for clock in ("wall", "event"):
        assert clocks([1.0] * 20, [1.0] * 20, late=[0.24] * 20, clock=clock) == []
        assert clocks([1.0] * 20, [1.0] * 20, late=[0.26] * 20, clock=clock) == [
            "is at work for 0.26 s more when its clock has stopped"
        ]
    tiny = [1e-6] * 20
    assert clocks(tiny, tiny, late=[0.9 * CLOCK_SLACK] * 20) == []
    assert clocks(tiny, tiny, late=[1.1 * CLOCK_SLACK] * 20) != []


def test_every_round_has_its_evidence():
    assert clocks([1.0] * 20, [1.0] * 19, [0.0] * 20) == ["timed 20 rounds where 19 were run"]
    assert clocks([1.0] * 20, [1.0] * 20, [0.0] * 19) == ["timed 20 rounds where 20 were run"]


def test_the_results_stay_what_they_were():
    before = {"a/run.json": (1, 10), "a/cells.csv": (2, 20)}
    assert folder_flags(before, dict(before)) == []
    assert folder_flags(before, {**before, "a/cells.csv": (2, 21)}) == [
        "writes into the results: a/cells.csv"
    ]
    gone = {"a/run.json": (1, 10)}
    assert folder_flags(before, gone) == ["writes into the results: a/cells.csv"]


def test_a_new_run_is_another_commands_where_there_is_one():
    before = {"a/run.json": (1, 10)}
    after = {**before, "b/run.json": (3, 30)}
    assert folder_flags(before, after) == ["writes into the results: b/run.json"]
    assert folder_flags(before, after, others=True) == []
    assert folder_flags(before, {"b/run.json": (3, 30)}, others=True) == [
        "writes into the results: a/run.json"
    ]


def test_many_files_are_counted():
    after = {name: (0,) for name in "edcba"}
    assert folder_flags({}, after) == ["writes into the results: a, b, c and 2 more"]
    assert folder_flags({}, {name: (0,) for name in "cba"}) == ["writes into the results: a, b, c"]
