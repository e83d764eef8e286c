"""A day on a GPU: steps keep to their time, none stops another, what is left out has a reason."""

import csv
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from subprocess import PIPE

import pytest
from typer.testing import CliRunner

from suite import cli, gpu, operators, registry
from suite.gpu import Day, Step, programme, timetable
from suite.report.targets import HISTOGRAMS, SHAPING

ROOT = Path(__file__).resolve().parent.parent
SAYS = "import sys, time; print({words!r}, flush=True); time.sleep({seconds}); sys.exit({code})"


@pytest.fixture
def module(tmp_path, monkeypatch):
    """A module to run as a step: it says something, takes its time and exits as it is told."""

    def made(name, words="hello", seconds=0.0, code=0):
        (tmp_path / f"{name}.py").write_text(SAYS.format(words=words, seconds=seconds, code=code))
        monkeypatch.setenv("PYTHONPATH", str(tmp_path))
        return name

    return made


def endings(folder, steps, minutes=1.0, said=None):
    said = [] if said is None else said
    return {e.step: e for e in Day(tuple(steps), folder, said.append, minutes).run()}


def test_a_step_that_fails_or_is_late_stops_no_other_and_every_word_is_kept(
    tmp_path, module, monkeypatch
):
    monkeypatch.setattr(gpu, "ENDING", 0.0)
    monkeypatch.setattr(gpu, "PATIENCE", 1.0)
    steps = [
        Step("fails", "", (module("fails", "no luck", code=3),), 10),
        Step("hangs", "", (module("hangs", "still here", seconds=60),), 10),
        Step("works", "", (module("works"),), 10),
    ]
    folder, said = tmp_path / "day", []
    found = endings(folder, steps, 6 / 60, said)
    assert {name: each.status for name, each in found.items()} == {
        "fails": "failed", "hangs": "out of time", "works": "ok",
    }  # fmt: skip
    assert found["fails"].remark == "exit status 3" and found["hangs"].seconds < 7
    assert (folder / "fails.txt").read_text().splitlines()[1:] == ["no luck"]
    assert "still here" in (folder / "hangs.txt").read_text()
    assert "hello" in said and "no luck" in said
    rows = list(csv.DictReader((folder / "steps.csv").read_text().splitlines()))
    assert [row["status"] for row in rows] == ["failed", "out of time", "ok"]
    assert not (folder / gpu.STATE).exists()


def test_time_that_a_step_leaves_over_goes_to_the_next(tmp_path, module, monkeypatch):
    monkeypatch.setattr(gpu, "ENDING", 0.0)
    steps = [Step("quick", "", (module("quick"),), 50),
             Step("long", "", (module("long", seconds=3),), 1)]  # fmt: skip
    assert timetable(tuple(steps), 51 / 60)[1][1] == pytest.approx(1.0)
    assert endings(tmp_path / "day", steps, 51 / 60)["long"].status == "ok"


def test_what_goes_on_beside_is_waited_for_by_the_step_that_needs_it(tmp_path, module):
    steps = [
        Step("beside", "", (module("beside", seconds=1.5),), 20, beside="needs"),
        Step("first", "", (module("first"),), 10),
        Step("needs", "", (module("needs"),), 10),
    ]
    said = []
    found = endings(tmp_path / "day", steps, 1.0, said)
    order = [line.partition(":")[0] for line in said if ": ok after" in line]
    assert order == ["first", "beside", "needs"]
    assert found["beside"].seconds >= 1.5 and sum(s for _, s in timetable(tuple(steps), 1.0)) > 60


def test_an_interrupted_day_goes_on_where_it_stopped(tmp_path, module):
    code = f"""
from pathlib import Path
from suite.gpu import Day, Step
names = "{module("first")}", "{module("slow", seconds=20)}"
steps = tuple(Step(name, "", (name,), 10) for name in names)
Day(steps, Path("{tmp_path}/day"), lambda line: print(line, flush=True), 5).run()
"""
    line = [sys.executable, "-c", code]
    with subprocess.Popen(line, cwd=ROOT, stdout=PIPE, stderr=PIPE, text=True) as day:
        while not day.stdout.readline().startswith("== slow"):
            assert day.poll() is None
        time.sleep(0.5)
        os.kill(day.pid, signal.SIGINT)
        assert day.wait(10) != 0
    module("slow")
    steps = [Step("first", "", (module("first", code=1),), 10), Step("slow", "", ("slow",), 10)]
    said = []
    found = endings(tmp_path / "day", steps, 1.0, said)
    assert "first: done before, ok" in said
    assert {each.status for each in found.values()} == {"ok"}


def test_every_step_is_a_command_that_there_is_and_names_what_there_is(tmp_path):
    found = programme(tmp_path)
    assert len({step.name for step in found.steps}) == len(found.steps)
    declared = {d.name for d in registry.discover() if "cuda" in d.devices}
    cases = {case.name for name in operators.names() for case in operators.get(name).cases}
    seen = set()
    for step in found.steps:
        words = step.command(60.0)[2:]
        assert words[0] in ("suite", "pytest") and not any("{" in word for word in words)
        assert {v for o, v in zip(words, words[1:], strict=False) if o == "-i"} <= declared
        chosen = {v for o, v in zip(words, words[1:], strict=False) if o == "-c"}
        assert chosen <= cases
        seen |= chosen
        if words[0] == "suite":
            done = CliRunner().invoke(cli.app, [words[1], "--help"])
            assert done.exit_code == 0
            options = {word for word in words if word.startswith("--")}
            assert all(option in done.output for option in options), step.name
    assert {*SHAPING, *HISTOGRAMS} <= seen
    assert "numpy_scipy" in found.left_out and "cpu only" in found.left_out["numpy_scipy"]


def test_a_dry_run_shows_the_steps_and_the_command_refuses_where_there_is_no_gpu(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(cli, "machine", lambda: registry_machine())
    dry = CliRunner().invoke(cli.app, ["bench-gpu", "--dry-run", "--results", str(tmp_path)])
    assert dry.exit_code == 0 and "tests/gpu" in dry.output and "targets" in dry.output
    done = CliRunner().invoke(cli.app, ["bench-gpu", "--results", str(tmp_path)])
    assert done.exit_code == 2 and "no NVIDIA driver" in done.output
    assert not list(tmp_path.iterdir())


def registry_machine():
    """A machine without a GPU."""
    import dataclasses

    from suite.machine import machine

    return dataclasses.replace(machine(), gpus=(), driver="")
