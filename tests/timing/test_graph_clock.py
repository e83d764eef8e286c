"""Calls captured as graphs, on a stand-in for CUDA's that records torch's operations on a CPU."""

import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import recorded_graphs
import torch

from suite import frameworks, operators
from suite.frameworks.contract import Uncapturable
from suite.judge.conduct import evidence_flags
from suite.judge.correctness import Kept, expected, judge
from suite.operators.base import BASES, PASSES
from suite.registry import load
from suite.timing.cell import Cell
from suite.timing.clocks import Event, clocks, timer
from suite.timing.plan import BUDGETS, CellPlan, Plan

ROOT = Path(__file__).resolve().parents[2]
FAKE_SECONDS = recorded_graphs.Event().elapsed_time(None) / 1e3

TORCH = frameworks.get("torch")
CUT = operators.get("soft_cut")
CASE = CUT.case("below-parameters")
ROUNDS = 6


@pytest.fixture
def streams(monkeypatch):
    return recorded_graphs.install(monkeypatch)


def measured(function, pass_, case=CASE):
    """A cell of the clock "graph", its rounds run as pytest-benchmark runs them."""
    if pass_ == "forward":
        call = TORCH.forward(function, case.options)
    else:
        call = TORCH.forward_backward(function, case.options, case.wrt)
    cell = Cell(CUT, case, pass_, TORCH, "cpu", call, "graph")
    cell.schedule(ROUNDS, warm_ups=2)
    while cell.upcoming:
        arguments, _ = cell.setup()
        cell.target(*arguments)
        cell.teardown(*arguments)
    return cell


def verdict(cell):
    kept = []
    for key, values in cell.kept.items():
        number, name, *rest = key.split("/")
        assert not rest, "the case is small enough for every round to be kept whole"
        kept.append(Kept(int(number), name, values))
    by_base = {base: expected(CUT, cell.case, base) for base in range(BASES)}
    return judge(CUT, cell.case, kept, by_base)


@pytest.mark.parametrize("pass_", PASSES)
def test_a_replay_answers_every_rounds_fresh_input(pass_, streams):
    cell = measured(load("soft_cut", "torch_eager", check_values=False), pass_)
    names = CASE.wrt if pass_ == "forward+backward" else ()
    assert set(cell.kept) == {f"{k}/{n}" for k in range(ROUNDS) for n in ("output", *names)}
    assert verdict(cell).verdict == "ok"


def test_a_graph_that_holds_an_answer_of_before_is_wrong(streams):
    right = load("soft_cut", "torch_eager", check_values=False)
    kept = []

    def stale(x, *arguments, **options):
        kept.append(right(x, *arguments, **options).detach())
        return kept[0] + 0 * x

    assert verdict(measured(stale, "forward")).verdict == "wrong"


def test_what_reads_a_value_cannot_be_captured_and_says_so_in_torchs_words(streams):
    def reads(x, threshold, steepness, *, keep):
        return x * float(x.sum())

    with pytest.raises(Uncapturable, match="RuntimeError: operation not permitted when stream is"):
        measured(reads, "forward")
    assert torch.cuda.current_stream() is streams.first


def test_what_raises_before_any_capture_raises_as_it_is(streams):
    def refuses(*arguments, **options):
        raise ValueError("not today")

    with pytest.raises(ValueError, match="not today"):
        measured(refuses, "forward")


def test_memory_that_runs_out_in_a_capture_is_no_word_about_graphs(streams):
    calls = []

    def grows(x, *arguments, **options):
        calls.append(1)
        if len(calls) > 3:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return x

    with pytest.raises(torch.OutOfMemoryError, match="out of memory"):
        measured(grows, "forward")


def test_results_that_are_looked_at_again_later_are_not_the_graphs_own(streams):
    cell = measured(load("soft_cut", "torch_eager", check_values=False), "forward+backward")
    for name, array in cell.final.items():
        assert np.array_equal(TORCH.numpy(array), cell.kept[f"{ROUNDS - 1}/{name}"])
        assert array is not dict(zip(cell.names, cell.call.outputs, strict=True))[name]


def test_the_yardsticks_are_captured_as_the_calls_beside_them_are(streams):
    case = dataclasses.replace(CASE, dtype="float32")
    for yard in (TORCH.copy, TORCH.sort):
        cell = Cell(CUT, case, "forward", TORCH, "cpu", lambda a, w, y=yard: (y(a["x"]),), "graph")
        cell.schedule(rounds=0, warm_ups=2)
        for _ in range(2):
            arguments, _ = cell.setup()
            cell.target(*arguments)
            assert torch.equal(cell.last[0], yard(arguments[0]["x"]))


def test_a_graphs_clock_is_that_of_events_and_torchs_on_a_gpu_alone():
    assert timer("graph") is Event
    assert clocks("torch", "cuda") == ("wall", "event", "graph")
    assert {clocks(*where) for where in (("torch", "cpu"), ("jax", "cuda"))} == {("wall",)}
    with pytest.raises(ValueError, match="clock='sundial': expected one of wall, event, graph"):
        timer("sundial")


WORKER = """
import sys
import pytest, recorded_graphs
from suite import worker

with pytest.MonkeyPatch.context() as patch:
    recorded_graphs.install(patch)
    sys.exit(worker.main(sys.argv[1]))
"""


def test_a_worker_times_replays_and_says_of_what_it_cannot_capture_why(tmp_path):
    source = Path(recorded_graphs.__file__).parent
    mine = tmp_path / "reads.py"
    mine.write_text(READS)
    journals = {}
    for name, files in (("torch_eager", ()), ("reads", (str(mine),))):
        folder = tmp_path / name
        folder.mkdir()
        cells = tuple(CellPlan(CASE.name, pass_, "graph") for pass_ in PASSES)
        plan = Plan("soft_cut", name, "cpu", "time", BUDGETS["quick"], cells, str(folder),
                    "journal.jsonl", files)  # fmt: skip
        plan.write(folder / "plan.json")
        line = [sys.executable, "-c", WORKER, str(folder / "plan.json")]
        path = {**os.environ, "PYTHONPATH": str(source)}
        subprocess.run(line, cwd=ROOT, env=path, check=True, stdout=subprocess.DEVNULL)
        lines = (folder / "journal.jsonl").read_text().splitlines()
        journals[name] = [json.loads(line) for line in lines]
    yards = [r for r in journals["torch_eager"] if r["kind"] == "yardstick"]
    assert {(r["yardstick"], r["status"]) for r in yards} == {("copy", "measured"),
                                                              ("sort", "measured")}  # fmt: skip
    assert {record["clock"] for record in yards} == {"graph"}
    for record in (r for r in journals["torch_eager"] if r["kind"] == "cell"):
        assert set(record["samples"]) == {FAKE_SECONDS}
        assert record["status"] == "measured" and not evidence_flags(record["conduct"])
    for record in (r for r in journals["reads"] if r["kind"] == "cell"):
        assert record["status"] == "unsupported"
        assert "not permitted when stream is capturing" in record["reason"]


READS = """
from implementations.torch_eager.soft_cut import soft_cut as right
from suite.registry import implements

@implements("soft_cut", framework="torch")
def soft_cut(x, threshold, steepness, *, keep="above"):
    return right(x, threshold, steepness, keep=keep) * float(x.isfinite().all())
"""
