"""Every planted cheat is caught by name and never ranked, and costs an honest neighbour nothing."""

import subprocess
import sys
from pathlib import Path

import pytest
from planted import CHEATS

from suite import results
from suite.report.measured import from_run
from suite.report.ranking import standings

ROOT = Path(__file__).resolve().parents[2]
CASE = "below-parameters"
HALVES = {"numpy_scipy": list(CHEATS)[::2], "torch_eager": list(CHEATS)[1::2]}
"""Two commands at once, an honest implementation in each."""


def bench(folder, names):
    """Start a run of the named implementations of the soft cut on one case."""
    words = [word for name in names for word in ("-i", str(name))]
    line = [sys.executable, "-m", "suite", "bench", "-o", "soft_cut", "-c", CASE, *words]
    line += ["--results", str(folder)]
    return subprocess.Popen(line, cwd=ROOT, stdout=subprocess.PIPE, text=True)


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """By the honest implementation's name: (run, exit status, what the command printed)."""
    processes, found = {}, {}
    for honest, names in HALVES.items():
        folder = tmp_path_factory.mktemp(honest)
        old = folder / "r" / "a-machine" / "an-old-run"
        old.mkdir(parents=True)
        (old / "run.json").write_text("{}")
        for name in names:
            source = CHEATS[name].source({"A_RUN": str(old)})
            (folder / f"{name}.py").write_text(source)
        files = [folder / f"{name}.py" for name in names]
        processes[honest] = folder / "r", bench(folder / "r", [*files, honest])
    for honest, (folder, process) in processes.items():
        printed, _ = process.communicate()
        (run,), _ = results.read_all(folder)
        found[honest] = run, process.returncode, printed
    return found


@pytest.mark.parametrize(("honest", "name"), [(h, n) for h, names in HALVES.items() for n in names])
def test_a_cheat_is_caught_by_name(honest, name, done):
    run, _, printed = done[honest]
    cell = run.statuses.set_index(["implementation", "pass"]).loc[name, "forward+backward"]
    assert CHEATS[name].words in cell["reason"]
    assert cell["status"] == CHEATS[name].status
    assert f"soft_cut/{name} {CASE} forward+backward: {cell['status']}" in printed


@pytest.mark.parametrize("honest", HALVES)
def test_no_cheat_is_ranked_and_the_honest_are(honest, done):
    run, status, printed = done[honest]
    found = standings(from_run(run), "soft_cut", CASE, "cpu", "wall")
    assert {s.implementation: s.rank for s in found if s.rank} == {honest: "1"}
    assert len(found) == len(HALVES[honest]) + 1
    assert status == 1
    assert honest not in printed.partition("failed")[2]
