"""The study of the gate: what it plants, that it goes on, what its table says."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from suite import results as timed
from suite.gate import study, study_page, study_store
from suite.gate.study import Asked, Trial
from suite.results import UnreadableRun

ROOT = Path(__file__).resolve().parents[2]

GATE = """#!{python}
import json, os, sys
from pathlib import Path
place = Path(sys.argv[sys.argv.index("--results") + 1])
with open({said!r}, "a") as said:
    print(place.name, sys.argv[sys.argv.index("--head") + 1], file=said)
if place.name == os.environ.get("BREAKS"):
    sys.exit("it broke")
factor, _, slowed = place.name[3:].partition("-")
slow = float(factor) >= 1.25
cell = ["soft_cut", slowed or "torch_eager", "numpy", "c", "forward", "cpu", "float32", "wall"]
outcome = "regressed" if slow else "held"
finding = dict(outcome=outcome, subject="s", where="w", why="1.5 x" if slow else "", cell=cell,
               verdict="slower" if slow else "same", ratio=[float(factor), 0.9, 1.7])
answer = dict(outcome=outcome, seconds=60.0, measured_again=int(slow), findings=[finding])
(place / "1-gate-1" / "first").mkdir(parents=True)
(place / "1-gate-1" / "gate.json").write_text(json.dumps(answer))
sys.exit(int(slow))
"""


class Watch:
    """What a study told."""

    def __init__(self):
        self.done = 0

    def total(self, cells, done):
        self.done = done

    def job(self, title, done): ...
    def advance(self): ...


@pytest.fixture
def gates(tmp_path, monkeypatch):
    """Gates that answer at once; returns the lines that they left."""
    said, stub = tmp_path / "said", tmp_path / "python"
    stub.write_text(GATE.format(python=sys.executable, said=str(said)))
    stub.chmod(0o755)
    monkeypatch.setattr(study.sys, "executable", str(stub))
    return lambda: said.read_text().splitlines() if said.exists() else []


def studied(tmp_path, **asked):
    watch = Watch()
    return study.study(Asked(**asked), tmp_path / "cache", tmp_path / "results", watch), watch


def test_a_study_has_as_many_gates_of_every_factor_and_slows_by_turns():
    planned = Asked(trials=20).planned()
    assert [trial.factor for trial in planned[:3]] == [1.0, 1.5, 1.1] and len(planned) == 60
    slowed = [trial.slowed for trial in planned if trial.factor == 1.5]
    assert slowed.count("torch_eager") == slowed.count("numpy_scipy") == 10
    assert len({trial.name for trial in planned}) == 60


def test_a_planted_implementation_is_found_and_is_not_flagged(tmp_path):
    tree = study.copy_to(tmp_path / "tree")
    study.plant(tree, "soft_cut", "numpy_scipy", 1.5)
    words = ["-o", "soft_cut", "-i", "numpy_scipy", "-c", "steep", "--results", "r"]
    done = subprocess.run([sys.executable, "-m", "suite", "check", *words], cwd=tree, text=True,
                          capture_output=True)  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert (
        "_slowed(soft_cut, 1.5)" in (tree / "implementations/numpy_scipy/soft_cut.py").read_text()
    )
    with pytest.raises(ValueError, match="jax_xla: what XLA compiles"):
        study.plant(tree, "soft_cut", "jax_xla", 1.5)


def test_a_study_is_stored_counted_and_shown(tmp_path, gates):
    found, _ = studied(tmp_path, trials=2, at_once=2)
    assert len(gates()) == 6 and found.info["complete"]
    counted = {c.factor: c for c in study_page.counts(found)}
    assert counted[1.0].ended == (2, 0, 0) and counted[1.1].ended == (2, 0, 0)
    assert counted[1.5].ended == (0, 2, 0)
    assert (counted[1.5].right, counted[1.5].wrong) == (2, 0)
    assert counted[1.5].cells == {"slower": 2} and counted[1.0].cells == {"same": 2}
    assert counted[1.1].ratio == pytest.approx(1.1) and counted[1.1].minutes == 1
    assert not list((tmp_path / "cache").glob(".unfinished*")), "all is done"
    assert timed.read_all(tmp_path / "results") == ([], []), "it is no run of times"
    heads = {line.split()[1].rpartition("/")[2] for line in gates()}
    assert heads == {"equal"} | {
        f"slowed-{f}-{name}" for f in ("1.5", "1.1") for name in ("torch_eager", "numpy_scipy")
    }


def test_a_cell_of_another_implementation_is_a_wrong_one(tmp_path, gates):
    found, _ = studied(tmp_path, trials=1)
    found.gates.loc[found.gates["factor"] == 1.5, "slowed"] = "numpy_scipy"
    (count,) = (c for c in study_page.counts(found) if c.factor == 1.5)
    assert (count.right, count.wrong) == (0, 1)


def test_what_is_done_is_not_done_again(tmp_path, gates, monkeypatch):
    monkeypatch.setenv("BREAKS", "01-1.1-torch_eager")
    with pytest.raises(RuntimeError, match=r"torch_eager 1.1 x ended with 1:\nit broke"):
        studied(tmp_path, trials=1)
    monkeypatch.delenv("BREAKS")
    found, watch = studied(tmp_path, trials=1)
    assert watch.done == 2 and len(gates()) == 4 and len(found.gates) == 3


def test_when_the_time_is_up_what_is_done_is_stored_and_the_rest_done_later(tmp_path, gates):
    with pytest.raises(RuntimeError, match="no gate was done"):
        studied(tmp_path, trials=1, minutes=1e-9)
    place = next((tmp_path / "cache").glob(".unfinished*")) / "01-1" / "1-gate-1"
    place.mkdir(parents=True)
    answer = {"outcome": "held", "seconds": 1.0, "measured_again": 0, "findings": []}
    (place / "gate.json").write_text(json.dumps(answer))
    part, _ = studied(tmp_path, trials=1, minutes=1e-9)
    assert not part.info["complete"] and part.info["gates"] == 1
    whole, watch = studied(tmp_path, trials=1)
    assert whole.info["complete"] and watch.done == 1
    readme = tmp_path / "README.md"
    readme.write_text(f"a\n{study_page.BEGIN}\nold\n{study_page.END}\nb\n")
    assert study_page.write_page(tmp_path / "results", readme)
    text = readme.read_text()
    assert whole.folder.name in text and "old" not in text and text.startswith("a\n")


def test_a_damaged_study_is_a_clear_error_and_the_others_are_read(tmp_path, gates):
    found, _ = studied(tmp_path, trials=1)
    path = found.folder / study_store.GATES
    path.write_text(path.read_text().replace("verdict", "opinion"))
    with pytest.raises(UnreadableRun, match="columns"):
        study_store.read(found.folder)
    assert study_store.read_all(tmp_path / "results")[0] == []


def test_a_page_without_marks_or_a_study_stays_as_it_is(tmp_path):
    readme = tmp_path / "README.md"
    readme.write_text("nothing")
    assert not study_page.write_page(tmp_path / "results", readme)
    assert readme.read_text() == "nothing"


def test_the_readme_shows_the_committed_study(tmp_path):
    readme = tmp_path / "README.md"
    readme.write_bytes((ROOT / "README.md").read_bytes())
    assert study_page.write_page(ROOT / "results", readme)
    assert readme.read_text() == (ROOT / "README.md").read_text()


def test_names_of_trials_say_what_they_plant():
    assert Trial(1.5, 3, "torch_eager").title == "gate 3, torch_eager 1.5 x"
    assert Trial(1.0, 3).title == "gate 3, A/A"
