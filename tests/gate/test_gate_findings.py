"""Made-up sides with a planted change: the gate's outcome, its one line, its status and its XML."""

import xml.etree.ElementTree as ET

import pytest
from made_runs import CELLS, MACHINE, SLOW, Side

from suite.compare.comparison import of_machine
from suite.compare.kernels import changes_between
from suite.compare.values import Moved
from suite.gate import junit
from suite.gate.finding import STATUS, findings, is_suspicious, outcome_of
from suite.gate.kernels import kernel_findings
from suite.gate.settings import of_table

SETTINGS = of_table({})
NAME = "soft_cut/torch_eager medium, fwd+bwd"


def planted(slowed=1.0, **metrics):
    """A side whose cell SLOW has these metrics."""
    usual = {"peak_memory": 10e6, "flops": 100.0}
    return Side(slowed={SLOW: slowed}, metrics={SLOW: {**usual, **metrics}})


def gated(a, b, settings=SETTINGS, **how):
    return findings(of_machine(MACHINE, a.runs(6, 1), b.runs(6, 101), budgets=settings, **how),
                    settings)  # fmt: skip


def lines(found, outcome="regressed"):
    return [str(finding) for finding in found if finding.outcome == outcome]


def test_equal_sides_hold():
    found = gated(Side(), Side())
    assert outcome_of(found) == "held" and len(found) == len(CELLS)


@pytest.mark.parametrize(
    ("b", "says"),
    [
        (planted(slowed=1.5), ("x the time [", "allowed 1.25")),
        (planted(value_error=2.1, digest=6.0), ("value error 0.1 -> 2.1",)),
        (planted(gradient_error=9.0, digest=6.0), ("gradient error 0.2 -> 9",)),
        (planted(peak_memory=13e6), ("peak memory 10.0 MB -> 13.0 MB",)),
        (planted(flops=101.0), ("flops 100 -> 101",)),
        (Side(cells=tuple(c for c in CELLS if c != SLOW)), ("ok in A, not there in B",)),
        (Side(outcomes={SLOW: {"status": "crashed", "reason": "SIGSEGV"}}), ("ok -> crashed",)),
    ],
)
def test_a_planted_fault_fails_with_one_line_that_says_where_and_by_how_much(b, says):
    found = gated(planted(), b)
    (line,) = lines(found)
    assert line.startswith(NAME) and all(words in line for words in says)
    assert "; " not in line, "one fault, one reason"
    assert STATUS[outcome_of(found)] == 1


def test_a_tenth_names_nobody():
    found = gated(Side(), Side(slowed={SLOW: 1.1}))
    assert not lines(found)


def test_kept_answers_are_compared_themselves():
    """Two right answers, one on either side of the reference."""
    a = Side(metrics={SLOW: {"value_error": 0.9}})
    b = Side(metrics={SLOW: {"value_error": 0.9, "digest": 6.0}})
    assert not lines(gated(a, b))
    moved = {"value": Moved(1.8, "value[3, 1] 0.5 -> 0.6")}
    (line,) = lines(gated(a, b, movements=lambda cell: moved))
    assert "value[3, 1] 0.5 -> 0.6, moved by 1.8 tol" in line and "allowed 1 tol" in line


def test_a_new_cell_that_fails_is_a_failure_and_one_that_works_is_none():
    few = Side(cells=tuple(c for c in CELLS if c != SLOW))
    assert outcome_of(gated(few, Side())) == "held"
    bad = Side(outcomes={SLOW: {"status": "wrong", "reason": "expected 1"}})
    (line,) = lines(gated(few, bad))
    assert "wrong in B, expected 1" in line
    known = Side(outcomes={SLOW: {"status": "wrong", "reason": "known error x: expected 1"}})
    assert outcome_of(gated(few, known)) == "held"


def test_what_cannot_be_compared_is_never_silence():
    assert outcome_of([]) == "unmeasured" and STATUS["unmeasured"] == 2
    cases = {"soft_cut": {"medium": {"sizes": {"N": 1}}}}
    found = gated(Side(info={"cases": cases}), Side())
    assert outcome_of(found) == "unmeasured" and "the case was" in lines(found, "unmeasured")[0]
    other = Side(metrics={SLOW: {"threads": 2.0}})
    found = gated(Side(metrics={SLOW: {"threads": 1.0}}), other)
    assert "threads 1 -> 2" in lines(found, "unmeasured")[0]


def test_suspected_are_cells_beyond_their_budget_however_unsure_that_is():
    rows = of_machine(MACHINE, Side().runs(2, 1), Side(slowed={SLOW: 1.6}).runs(2, 101)).rows
    suspected = [row.cell for row in rows if is_suspicious(row, SETTINGS)]
    assert [(c.operator, c.implementation, c.case, c.pass_) for c in suspected] == [SLOW]
    generous = of_table({"budget": [{"implementation": "torch_eager", "time": 2.0}]})
    assert not any(is_suspicious(row, generous) for row in rows)


def test_what_there_was_no_time_to_measure_again_fails_nobody_and_is_told():
    compared = of_machine(MACHINE, planted().runs(6, 1), planted(peak_memory=13e6).runs(6, 101))
    (suspect,) = (row.cell for row in compared.rows if is_suspicious(row, SETTINGS))
    found = findings(compared, SETTINGS, {suspect})
    assert outcome_of(found) == "unclear"
    assert "not measured again" in lines(found, "unclear")[0]
    compared = of_machine(MACHINE, planted().runs(6, 1), planted(flops=101.0).runs(6, 101))
    assert outcome_of(findings(compared, SETTINGS, {suspect})) == "regressed"


def test_a_kernel_that_takes_more_registers_fails():
    head = "architecture,source,kernel,registers,spills\n"
    before, after = (f"{head}sm_90,ecdf.cu,rows,{n},0\n" for n in (80, 96))
    (line,) = map(str, kernel_findings(changes_between("cuda", before, after), SETTINGS))
    assert line == "cuda sm_90 ecdf.cu rows: registers 80 -> 96"
    assert not kernel_findings(changes_between("cuda", after, before), SETTINGS)
    allowed = of_table({"budget": [{"implementation": "cuda", "registers": 0.25}]})
    assert not kernel_findings(changes_between("cuda", before, after), allowed)


def test_junit_has_a_case_for_every_cell_and_is_xml_whatever_is_said():
    bad = Side(outcomes={SLOW: {"status": "crashed", "reason": "<&\x00\x1b[31m\"'"}})
    found = gated(Side(), bad)
    suite = ET.fromstring(junit.document(found, 12.0, ["a < b"]))
    assert int(suite.get("tests")) == len(list(suite.iter("testcase"))) == len(CELLS)
    (failed,) = (case for case in suite.iter("testcase") if case.find("failure") is not None)
    assert failed.get("classname") == "soft_cut.torch_eager"
    assert failed.get("name") == "medium, fwd+bwd"
    assert "ok -> crashed" in failed.find("failure").get("message")
    assert suite.get("failures") == "1" and suite.get("errors") == "0"
