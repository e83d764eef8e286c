"""Verdicts follow from evidence, a vanished fault is an error, and the table is readable."""

import dataclasses
import io
import json
import math

import pytest
from rich.console import Console
from typer.testing import CliRunner

from suite import cli, errata
from suite.errata import Erratum, Evidence
from suite.errata.proving import Proved, prove, record, verdict_of, with_recorded
from suite.errata.report import run
from suite.errata.table import print_table

AGREES = Evidence("half of one", 0.5, 0.5, 0.0)
DIFFERS = Evidence("half of two", 0.5, 1.0, 0.25, "m")


def entry(*evidence, fault="bias", needs=(), name="an-entry"):
    return Erratum(name, "A source [1]", "It is half | so", "1/2", "1", fault, "why", needs,
                   lambda: evidence)  # fmt: skip


@pytest.fixture
def only(monkeypatch):
    """The registry with the given entries alone."""

    def replace(*entries):
        monkeypatch.setattr(errata, "entries", lambda: entries)

    return replace


def printed(found, **options):
    stream = io.StringIO()
    print_table(found, Console(file=stream, width=100), **options)
    return stream.getvalue()


def test_evidence_agrees_within_its_tolerance_and_nan_never_does():
    assert AGREES.agrees and not DIFFERS.agrees
    assert Evidence("at the tolerance", 1.0, 1.25, 0.25).agrees
    assert not Evidence("nan", math.nan, math.nan, math.inf).agrees


@pytest.mark.parametrize(
    ("fault", "evidence", "verdict", "as_declared"),
    [
        ("bias", (AGREES, DIFFERS), "wrong", True),
        ("bias", (AGREES,), "holds", False),
        ("none", (AGREES,), "holds", True),
        ("none", (AGREES, DIFFERS), "wrong", False),
        ("none", (), "wrong", False),
    ],
)
def test_the_verdict_is_the_evidences_not_the_authors(fault, evidence, verdict, as_declared):
    found = prove(entry(*evidence, fault=fault))
    assert (found.verdict, found.as_declared) == (verdict, as_declared)
    assert verdict_of(evidence) == verdict


def test_a_proof_that_raises_has_failed_whatever_was_declared():
    def proof():
        raise RuntimeError("no such tensor")

    for fault in ("none", "crash"):
        found = prove(dataclasses.replace(entry(fault=fault), proof=proof))
        assert (found.verdict, found.as_declared) == ("failed", False)
        assert "no such tensor" in found.reason


def test_without_its_package_an_entry_keeps_the_evidence_and_versions_of_an_earlier_run(tmp_path):
    file = tmp_path / "errata.json"
    nothing = Evidence("nothing", math.nan, 1.0, 0.0)
    earlier = Proved(entry(DIFFERS, nothing), "wrong", (DIFFERS, nothing), {"gone": "1.2"})
    record([earlier], file)
    json.loads(file.read_text(encoding="utf-8"), parse_constant=pytest.fail)  # plain JSON
    now = prove(entry(DIFFERS, needs=("no_such_package",)))
    assert (now.verdict, now.evidence) == ("not run", ())
    (kept,) = with_recorded([now], file)
    assert kept.verdict == "wrong" and kept.recorded and kept.as_declared
    assert kept.versions == {"gone": "1.2"}
    assert kept.evidence[0] == DIFFERS and math.isnan(kept.evidence[1].published)
    record([kept], file)
    assert with_recorded([now], file)[0].evidence[0] == DIFFERS


def test_a_vanished_fault_makes_the_command_fail(only, tmp_path):
    only(entry(AGREES, name="gone"), entry(DIFFERS, name="there"))
    command = ["errata", "--results", str(tmp_path)]
    done = CliRunner().invoke(cli.app, command)
    assert done.exit_code == 1
    assert "not as declared gone" in done.output and "declared there" not in done.output
    only(entry(DIFFERS, name="there"))
    assert CliRunner().invoke(cli.app, command).exit_code == 0


def test_an_unknown_entry_is_named_with_those_there_are(only):
    only(entry(DIFFERS, name="there"))
    done = CliRunner().invoke(cli.app, ["errata", "--entry", "absent"])
    assert done.exit_code == 2 and "absent" in done.output and "there" in done.output


def test_one_entry_alone_shows_all_its_evidence_and_leaves_the_page(only, tmp_path):
    only(entry(DIFFERS, AGREES))
    stream = io.StringIO()
    assert not run(["an-entry"], tmp_path, Console(file=stream, width=100))
    assert "half of one" in stream.getvalue() and "corrected  1" in stream.getvalue()
    assert not list(tmp_path.iterdir())


def test_the_page_escapes_what_would_break_its_tables(only, tmp_path):
    only(entry(DIFFERS))
    run([], tmp_path, Console(file=io.StringIO()))
    page = (tmp_path / "errata.md").read_text(encoding="utf-8")
    assert "It is half \\| so" in page and "| half of two | 0.5 m | 1 m | **differs** |" in page


def test_the_table_fits_100_columns_and_cuts_no_word():
    found = [
        Proved(e, "wrong", (Evidence("a quantity " * 6, math.nan, 1e-300, 0.0, "nat"),))
        for e in errata.entries()
    ]
    text = printed(found, all_evidence=True)
    assert max(map(len, text.splitlines())) == 100
    assert "…" not in text
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in text.splitlines()]
    first_column = "".join(row[0] for row in rows if len(row) == 4)
    assert all(e.name in first_column for e in errata.entries())


def test_what_agreed_before_its_record_was_rounded_still_does(tmp_path):
    """Half a unit in the sixth digit, with a tolerance a tenth of that."""
    close = Evidence("close", 0.37988449, 0.37988451, 1e-7)
    far = Evidence("far", 0.3798, 0.3799, 1e-7)
    for evidence, verdict in ((close, "holds"), (far, "wrong")):
        record([Proved(entry(evidence), verdict, (evidence,))], tmp_path / "errata.json")
        now = prove(entry(evidence, needs=("no_such_package",)))
        assert with_recorded([now], tmp_path / "errata.json")[0].verdict == verdict


def test_numbers_that_differ_never_print_alike(only, tmp_path):
    only(entry(Evidence("one", 1.0000004, 1.0, 1e-9)))
    run([], tmp_path, Console(file=io.StringIO(), width=100))
    assert "1 | 1 |" not in (tmp_path / "errata.md").read_text(encoding="utf-8")
