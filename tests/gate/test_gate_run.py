"""A gate from beginning to end, on trees whose ``bench`` gives made-up runs."""

import json
import shutil

import pytest
from made_runs import MACHINE, SLOW, Side

from suite import results
from suite.compare.revision import Unmeasurable
from suite.gate import page
from suite.gate.run import FILE, NO_ANSWERS, Asked, gate
from suite.gate.settings import Settings
from suite.machine import machine

MAIN = """
import os, shutil, sys
from pathlib import Path

where = Path(sys.argv[sys.argv.index("--results") + 1])
with open(os.environ["SAID"], "a") as said:
    print(where.parent.name, where.name, *sys.argv[2:], file=said)
if where.name == os.environ.get("FAILS"):
    sys.exit("no such module")
number = where.name[:2]
shutil.copytree(Path.cwd() / "made" / where.parent.name / number, where / "machine" / "run")
"""


class Quiet:
    """Nobody watches."""

    def total(self, cells, done): ...
    def job(self, title, done): ...
    def item(self, text): ...
    def advance(self): ...


@pytest.fixture
def said(tmp_path, monkeypatch):
    """What every process was asked for, in order."""
    monkeypatch.setenv("SAID", str(tmp_path / "said"))
    return lambda: [line.split() for line in (tmp_path / "said").read_text().splitlines()]


def tree(folder, seed, first, again=None):
    """A checkout that measures one side at first, and perhaps another when asked again."""
    (folder / "suite").mkdir(parents=True)
    (folder / "suite" / "__init__.py").touch()
    (folder / "suite" / "__main__.py").write_text(MAIN)
    (folder / "pyproject.toml").touch()
    for stage, side in (("first", first), ("again", again or first)):
        for number, run in enumerate(side.runs(6, seed), start=1):
            results.write(run, folder / "made" / stage / f"{number:02d}")
    return str(folder)


def gated(tmp_path, base, head, settings=None, **how):
    return gate(Asked(base, head, settings or Settings(), **how), tmp_path / "gates", Quiet())


def kept(answer):
    return json.loads((answer.folder / FILE).read_text())


def test_equal_sides_take_turns_and_hold_and_stay_in_a_folder_of_their_own(tmp_path, said):
    base, head = tree(tmp_path / "a", 1, Side()), tree(tmp_path / "b", 2, Side())
    answer = gated(tmp_path, base, head)
    order = [words[1] for words in said()]
    assert order[:4] == ["01-base", "01-head", "02-head", "02-base"] and len(order) == 12
    whole = [words[1] for words in said() if "--keep-answers" in words]
    assert whole == ["01-base", "01-head"]
    assert all("--if-there" in words for words in said())
    assert answer.outcome == "held" == kept(answer)["outcome"]
    assert len(list(answer.folder.glob("first/*/machine/run/run.json"))) == 12
    assert gated(tmp_path, base, head).folder != answer.folder and len(said()) == 24


def test_a_suspicious_cell_is_judged_by_what_is_measured_again(tmp_path, said):
    base = tree(tmp_path / "a", 1, Side())
    once = tree(tmp_path / "once", 2, Side(slowed={SLOW: 1.6}), Side())
    answer = gated(tmp_path, base, once)
    assert answer.outcome == "held" and answer.again == 1
    (row,) = (r for r in answer.comparison.rows if "at first" in r.remark)
    assert row.cell.case == SLOW[2] and row.ratio.ratio < 1.25
    asked = next(words for words in said() if words[0] == "again")
    assert asked[2:8] == ["-o", SLOW[0], "-i", SLOW[1], "-c", SLOW[2]]


def test_a_cell_that_is_slow_again_is_named_and_no_other(tmp_path, said):
    base = tree(tmp_path / "a", 1, Side())
    slow = tree(tmp_path / "slow", 2, Side(slowed={SLOW: 1.6}))
    answer = gated(tmp_path, base, slow)
    (named,) = (f for f in answer.findings if f.outcome == "regressed")
    assert answer.outcome == "regressed"
    assert (named.subject, named.where) == ("soft_cut/torch_eager", "medium, fwd+bwd")
    assert kept(answer)["findings"][0]["ratio"][0] == pytest.approx(1.6, rel=0.15)


def test_when_the_time_is_up_nothing_is_measured_again_and_nobody_fails(tmp_path, said):
    base = tree(tmp_path / "a", 1, Side(between=0.01, within=0.02))
    slow = tree(tmp_path / "slow", 2, Side(slowed={SLOW: 3.0}, between=0.01, within=0.02))
    answer = gated(tmp_path, base, slow, minutes=1e-9)
    assert answer.outcome == "unclear" and len(said()) == 4
    assert any("the time was up after 2 of 6" in note for note in answer.notes)
    assert any("no time was left" in note for note in answer.notes)


def test_what_was_measured_before_it_broke_off_is_not_measured_again(tmp_path, said, monkeypatch):
    base, head = tree(tmp_path / "a", 1, Side()), tree(tmp_path / "b", 2, Side())
    monkeypatch.setenv("FAILS", "03-head")
    with pytest.raises(Unmeasurable, match=r"head, .*\n.*no such module"):
        gated(tmp_path, base, head)
    assert len(said()) == 6
    monkeypatch.delenv("FAILS")
    assert gated(tmp_path, base, head).outcome == "held"
    assert [words[1] for words in said()][6] == "03-head" and len(said()) == 13


def test_a_base_that_cannot_be_built_says_why(tmp_path, said, monkeypatch):
    base, head = tree(tmp_path / "a", 1, Side()), tree(tmp_path / "b", 2, Side())
    monkeypatch.setenv("FAILS", "01-base")
    with pytest.raises(Unmeasurable, match="base, .*status 1.*\n.*no such module"):
        gated(tmp_path, base, head)
    with pytest.raises(Unmeasurable, match="no git revision"):
        gated(tmp_path, "no-such-revision", head)


def test_stored_runs_are_a_base_on_the_machine_that_made_them_alone(tmp_path, said):
    head = tree(tmp_path / "b", 2, Side())
    stored = tmp_path / "stored"
    for number, run in enumerate(Side().runs(6, 1)):
        results.write(run, stored / MACHINE / f"run-{number}")
    with pytest.raises(Unmeasurable, match=f"measured on {MACHINE}"):
        gated(tmp_path, str(stored), head)
    shutil.rmtree(stored)
    here = machine().fingerprint
    for number, run in enumerate(Side().runs(6, 1, machine=here)):
        results.write(run, stored / here / f"run-{number}")
    answer = gated(tmp_path, str(stored), head)
    assert answer.outcome == "held" and len(said()) == 6
    assert NO_ANSWERS in answer.notes


def test_a_head_that_breaks_where_the_base_does_not_has_regressed(tmp_path, said, monkeypatch):
    base, head = tree(tmp_path / "a", 1, Side()), tree(tmp_path / "b", 2, Side())
    for broken, regressed in (("01-head", True), ("01-base", False)):
        monkeypatch.setenv("FAILS", broken)
        with pytest.raises(Unmeasurable) as caught:
            gated(tmp_path / broken, base, head)
        assert caught.value.regressed is regressed


def test_cells_measured_too_roughly_are_counted_where_the_gate_holds(tmp_path, said):
    noisy = Side(between=0.4)
    base, head = tree(tmp_path / "a", 1, noisy), tree(tmp_path / "b", 1, noisy)
    answer = gated(tmp_path, base, head)
    assert answer.outcome == "held"
    assert "too roughly to exclude a change" in page.summary(answer)


REGISTRY = """
from types import SimpleNamespace


def discover():
    return [SimpleNamespace(name=name) for name in %r]
"""


def test_an_implementation_that_neither_side_has_is_refused_before_anything_is_measured(
    tmp_path, said
):
    base, head = tree(tmp_path / "a", 1, Side()), tree(tmp_path / "b", 2, Side())
    one_and_another = Settings(implementations=("torch_eager", "mine", "my/own.py"))
    # Trees that cannot be asked may have any.
    assert gated(tmp_path, base, head, one_and_another).outcome == "held"
    measured = len(said())
    for folder, names in ((base, ["torch_eager"]), (head, ["torch_eager", "new"])):
        (tmp_path / folder / "suite" / "registry.py").write_text(REGISTRY % names)
    with pytest.raises(ValueError, match=r"--implementation \['mine'\]: .* new, torch_eager"):
        gated(tmp_path, base, head, one_and_another)
    assert len(said()) == measured
    of_one_side = Settings(implementations=("torch_eager", "new"))
    assert gated(tmp_path, base, head, of_one_side).outcome == "held"


def test_an_exact_gate_says_nothing_of_times(tmp_path, said):
    base = tree(tmp_path / "a", 1, Side())
    slow = tree(tmp_path / "slow", 2, Side(slowed={SLOW: 3.0}))
    answer = gated(tmp_path, base, slow, Settings(exact=True))
    assert answer.outcome == "held" and len(said()) == 2
    assert all(row.ratio is None for row in answer.comparison.rows)
    assert not any("processes" in note for note in answer.notes)
