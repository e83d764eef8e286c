"""A journal is a worker's own only as long as everything in it could have happened."""

import pytest

from suite.judge.journal import journal_faults, measurement_fault, rounds_flags

CELLS = {("small", "forward", "wall"), ("small", "forward+backward", "wall")}
VERSIONS = {"kind": "versions", "versions": {}}


def cell(kind="cell", pass_="forward", case="small", clock="wall", **changes):
    record = {"kind": kind, "case": case, "pass": pass_, "clock": clock}
    if kind != "start":
        record |= {"status": "measured", "samples": [1e-3] * 3, "outputs": "journal-1.npz"}
    return {**record, **changes}


def yardstick(kind="yardstick", which="copy", **changes):
    return cell(kind, pass_="", yardstick=which, **changes)


def faults(*records):
    return journal_faults(records, CELLS)


def test_a_worker_that_does_as_asked_has_no_fault():
    assert faults(
        VERSIONS,
        yardstick("start"), yardstick(),
        yardstick("start", "sort"), yardstick(which="sort"),
        cell("start"), cell(),
        cell("start", "forward+backward"),
        cell(pass_="forward+backward", status="error", reason="ValueError"),
        {"kind": "start", "case": "probes"}, {"kind": "probe"}, {"kind": "memory"},
    ) == []  # fmt: skip


def test_an_implementation_that_cannot_be_loaded_starts_no_cell():
    assert faults(VERSIONS, cell(status="error", reason="ImportError")) == []


def only(*records):
    (fault,) = faults(*records)
    assert fault.startswith("forges the journal: ")
    return fault.removeprefix("forges the journal: ")


def test_records_of_other_kinds_are_forged():
    assert only({"kind": "unreadable"}) == "a record of kind 'unreadable'"
    assert only({}) == "a record of kind None"


@pytest.mark.parametrize("other", [{"case": "large"}, {"pass_": "backward"}, {"clock": "event"}])
def test_a_cell_that_nobody_asked_for_is_forged(other):
    assert only(cell("start", **other), cell(**other)).startswith("a cell that nobody asked for (")


def test_the_place_of_a_fault_is_named():
    found = only(cell("start", case="large"), cell(case="large"))
    assert found == "a cell that nobody asked for (large, forward, wall)"
    found = only(yardstick("start", case="large"), yardstick(case="large"))
    assert found == "a yardstick that nobody asked for (large, wall, copy)"


@pytest.mark.parametrize("other", [{"case": "large"}, {"clock": "event"}])
def test_a_yardstick_of_another_case_or_clock_is_forged(other):
    found = only(yardstick("start", **other), yardstick(**other))
    assert found.startswith("a yardstick that nobody asked for (")


def test_a_second_record_is_forged():
    assert only(cell("start"), cell(), cell("start"), cell()).startswith("a second record (")
    found = only(yardstick("start"), yardstick(), yardstick("start"), yardstick())
    assert found.startswith("a second record (")


def test_a_measurement_follows_its_own_start():
    assert only(cell()) == "a record without a start (small, forward, wall)"
    found = only(cell("start", "forward+backward"), cell())
    assert found == "a record without a start (small, forward, wall)"
    assert only(yardstick("start", "sort"), yardstick()).startswith("a record without a start (")


def test_every_fault_is_told():
    assert len(faults({"kind": "x"}, cell(), cell(case="large"))) == 3


def test_impossible_measurements_are_faults():
    assert only(cell("start"), cell(samples=[0.0] * 3)) == (
        "times that are no positive numbers (small, forward, wall)"
    )


@pytest.mark.parametrize("status", ["measured", "unsupported", "error", "oom"])
def test_the_statuses_of_a_worker(status):
    assert measurement_fault(cell(status=status, reason="so")) == ""


@pytest.mark.parametrize("status", ["ok", "wrong", "crashed", None])
def test_a_verdict_is_not_the_workers_to_give(status):
    assert measurement_fault(cell(status=status)) == f"status {status!r}"


def test_what_was_not_measured_says_why():
    assert measurement_fault(cell(status="error")) == "no reason"
    assert measurement_fault(cell(status="error", reason=7)) == "no reason"


@pytest.mark.parametrize("samples", [None, [], [1e-3] * 2, "123"])
def test_there_is_a_time_for_every_base_input(samples):
    assert measurement_fault(cell(samples=samples)) == "fewer than 3 times"


@pytest.mark.parametrize("time", [0.0, -1.0, float("nan"), float("inf"), "1", 1, True])
def test_times_are_positive_numbers(time):
    found = measurement_fault(cell(samples=[1e-3, 1e-3, time]))
    assert found == "times that are no positive numbers"


@pytest.mark.parametrize("name", ["../x-1.npz", "/etc/x-1.npz", "journal.npz", "a-1.npz.py", 3])
def test_outputs_are_a_file_of_the_workers_folder(name):
    assert measurement_fault(cell(outputs=name)) == f"outputs in {name!r}"
    assert measurement_fault(cell(outputs="journal-12.npz")) == ""


def test_a_yardstick_leaves_no_outputs_and_a_cell_must():
    record = yardstick()
    del record["outputs"]
    assert measurement_fault(record) == ""
    assert measurement_fault({**record, "kind": "cell"}) == "outputs in ''"


def test_every_round_leaves_every_array():
    names = ("output", "x")
    kept = {(number, name) for number in range(3) for name in names}
    assert rounds_flags(kept, 3, names) == []
    assert rounds_flags(kept | {(3, "output")}, 3, names) == []
    assert rounds_flags(kept - {(1, "x")}, 3, names) == ["left no output of 1 rounds"]
    assert rounds_flags(kept, 4, names) == ["left no output of 2 rounds"]


def test_waits_are_of_every_round_or_of_none_and_no_less_than_zero():
    rounds = len(cell()["samples"])
    assert measurement_fault(cell(waited=[])) == ""
    assert measurement_fault(cell(waited=[0.0] * rounds)) == ""
    assert "other rounds" in measurement_fault(cell(waited=[0.0] * (rounds + 1)))
    assert "negative" in measurement_fault(cell(waited=[-1.0] * rounds))
    assert "no numbers" in measurement_fault(cell(waited=[float("nan")] * rounds))
