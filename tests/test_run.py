"""A run survives whatever an implementation does: a death is a row, nothing is lost or redone."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from suite import results

ROOT = Path(__file__).resolve().parent.parent
CASE = "below-parameters"

HEAD = """
import ctypes, os, sys, time
import numpy as np
from implementations.numpy_scipy.soft_cut import _vjp, soft_cut as right
from suite.registry import implements

@implements("soft_cut", framework="numpy", vjp=_vjp)
def soft_cut(x, threshold, steepness, *, keep="above"):
    y = right(x, threshold, steepness, keep=keep)
"""

BODIES = {
    "zeros": ("return np.zeros_like(y)", "wrong", "expected"),
    "constant": ("return np.full_like(y, y.mean())", "wrong", "expected"),
    "double": ("return y.astype(np.float64)", "wrong", "dtype"),
    "short": ("return y[:, 1:]", "wrong", "shape"),
    "nan": ("y[0, 0] = np.nan; return y", "nan", "nan"),
    "raises": ("raise ArithmeticError('no luck')", "error", "no luck"),
    "leaves": ("sys.exit(5)", "crashed", "exited with"),
    "vanishes": ("os._exit(7)", "crashed", "exited with 7"),
    "half": (
        "half = os.environ['TORCHINDUCTOR_CACHE_DIR'] + '/half.so'\n"
        "    if os.path.exists(half): return y * 0\n"
        "    os.makedirs(os.path.dirname(half), exist_ok=True)\n"
        "    open(half, 'w').close(); os._exit(7)",
        "crashed",
        "exited with 7",
    ),
    "segfaults": ("ctypes.string_at(0)", "crashed", "SIGSEGV"),
    "hangs": ("time.sleep(600)", "timeout", "no result within 3 s, the limit of one item"),
    "hoards": ("hoard = np.ones(1 << 27); time.sleep(600)", "oom", "memory"),
    "babbles": ("print('x' * (16 << 20)); time.sleep(2); return y", "error", "printed"),
}


def command(results_folder, *arguments):
    return [sys.executable, "-m", "suite", "bench", "-o", "soft_cut", "-c", CASE,
            "--results", str(results_folder), *map(str, arguments)]  # fmt: skip


def bench(results_folder, *arguments):
    return subprocess.run(
        command(results_folder, *arguments), cwd=ROOT, capture_output=True, text=True, check=False
    )


def only_run(folder):
    (run,), errors = results.read_all(folder)
    assert not errors
    return run


def file(folder, name, body, head=HEAD):
    path = folder / f"{name}.py"
    path.write_text(head + "    " + body + "\n")
    return path


@pytest.fixture(scope="module")
def failing_run(tmp_path_factory):
    """One run of everything that fails, and of one implementation that does not."""
    folder = tmp_path_factory.mktemp("failing")
    files = [file(folder, name, body) for name, (body, _, _) in BODIES.items()]
    named = [word for path in files for word in ("-i", path)]
    limits = ("--time-limit", 3, "--memory-limit", 0.4)
    done = bench(folder / "r", *named, "-i", "numpy_scipy", *limits)
    return done, only_run(folder / "r")


@pytest.mark.parametrize("name", BODIES)
def test_each_failure_is_a_row_with_its_reason(name, failing_run):
    _, run = failing_run
    _, status, words = BODIES[name]
    cells = run.statuses.set_index(["implementation", "pass"])
    for pass_ in ("forward", "forward+backward"):
        assert cells.loc[(name, pass_), "status"] == status
        assert words in cells.loc[(name, pass_), "reason"]


def test_failures_cost_nobody_else_their_rows_and_fail_the_command(failing_run):
    done, run = failing_run
    mine = run.statuses[run.statuses["implementation"] == "numpy_scipy"]
    assert list(mine["status"]) == ["ok", "ok"]
    assert done.returncode == 1
    assert len(run.statuses) == 2 * (len(BODIES) + 1)


def test_a_killed_run_is_finished_by_the_same_command_and_nothing_is_measured_twice(tmp_path):
    slow = file(tmp_path, "a_slow", "time.sleep(0.02); return y")  # sorts before numpy_scipy
    arguments = ("-i", slow, "-i", "numpy_scipy")
    first = subprocess.Popen(
        command(tmp_path / "r", *arguments), cwd=ROOT, stdout=subprocess.DEVNULL
    )
    unfinished = tmp_path / "r"
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:  # until the slow implementation has one cell of two
        journals = [p.read_text() for p in unfinished.glob("*/.unfinished-*/worker/journal.jsonl")]
        if any('"kind": "cell"' in text for text in journals):
            break
        time.sleep(0.02)
    first.send_signal(signal.SIGKILL)
    first.wait()
    (folder,) = unfinished.glob("*/.unfinished-*")
    journal = (folder / "worker" / "journal.jsonl").read_text().splitlines()
    measured = [json.loads(line) for line in journal if '"kind": "cell"' in line]
    assert len(measured) == 1
    second = bench(tmp_path / "r", *arguments)
    assert second.returncode == 0, second.stdout + second.stderr
    run = only_run(tmp_path / "r")
    assert set(run.statuses["status"]) == {"ok"}
    samples = run.samples[(run.samples["implementation"] == "a_slow")]
    kept = samples[samples["pass"] == measured[0]["pass"]]["seconds"]
    assert list(kept) == pytest.approx(measured[0]["samples"], rel=1e-12)
    assert not list(unfinished.glob("*/.unfinished-*"))


def test_ctrl_c_says_how_to_go_on_and_keeps_what_is_done(tmp_path):
    slow = file(tmp_path, "slow", "time.sleep(0.02); return y")
    arguments = ("-i", slow, "-i", "numpy_scipy")
    process = subprocess.Popen(
        command(tmp_path / "r", *arguments), cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        done = [p.read_text() for p in (tmp_path / "r").glob("*/.unfinished-*/judged.jsonl")]
        if any(text.count("\n") >= 2 for text in done):
            break
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "goes on from here" in output
    assert bench(tmp_path / "r", *arguments).returncode == 0
    assert set(only_run(tmp_path / "r").statuses["status"]) == {"ok"}


def test_the_way_that_an_implementation_took_is_in_the_record(tmp_path):
    route = "route=lambda x, threshold, **a: f'{x.shape} {threshold.ndim} {a}', "
    head = HEAD.replace('framework="numpy", ', 'framework="numpy", ' + route)
    done = bench(
        tmp_path / "r", "-i", file(tmp_path, "ways", "return y", head), "-i", "numpy_scipy"
    )
    assert done.returncode == 0, done.stdout
    said = only_run(tmp_path / "r").info["routes"]["soft_cut"]["ways"][CASE]
    assert said.startswith("(8, 512) 1 {'steepness'") and len(said) == 100


def test_two_runs_on_one_machine_give_identical_values(tmp_path):
    for _ in range(2):
        assert bench(tmp_path / "r", "-i", "numpy_scipy", "-i", "torch_eager").returncode == 0
    runs, _ = results.read_all(tmp_path / "r")
    first, second = (run.metric("digest").set_index(["implementation", "pass"]) for run in runs)
    assert list(first["value"]) == list(second["value"])
    assert first["value"].nunique() > 1


def test_a_known_error_does_not_fail_the_run_and_one_that_has_vanished_does(tmp_path):
    declared = HEAD.replace("vjp=_vjp", "vjp=_vjp, known_error='E1'")
    wrong = file(tmp_path, "wrong_one", "return 1.01 * y", declared)
    right = file(tmp_path, "right_one", "return y", declared)
    assert bench(tmp_path / "a", "-i", wrong, "-i", "numpy_scipy").returncode == 0
    assert "known error E1" in only_run(tmp_path / "a").statuses["reason"].str.cat()
    done = bench(tmp_path / "b", "-i", right, "-i", "numpy_scipy")
    assert done.returncode == 1
    assert "does not show in any case" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("-o", "soft_cat"), "soft_cat"),
        (("-i", "torch_eagre"), "torch_eagre"),
        (("-i", "nowhere.py"), "no such file"),
        (("-c", "no-such-case"), "nothing to run"),
        (("--device", "tpu"), "tpu"),
    ],
)
def test_a_bad_selection_is_refused_before_work_starts(arguments, words, tmp_path):
    line = [sys.executable, "-m", "suite", "bench", "--results", str(tmp_path), *arguments]
    done = subprocess.run(line, cwd=ROOT, capture_output=True, text=True, check=False,
                          env={**os.environ, "COLUMNS": "200"})  # fmt: skip
    assert done.returncode == 2
    assert words in done.stdout
    assert not list(tmp_path.iterdir())


ELSEWHERE = """
from suite.registry import implements

raise SystemExit("loaded")

@implements("soft_cut", framework="torch", devices=("cuda",), requires=("cuda.core",))
def soft_cut(x, threshold, steepness, *, keep="above"):
    return x
"""


def test_what_needs_a_gpu_and_is_named_without_one_has_rows_that_say_so(tmp_path):
    path = tmp_path / "elsewhere.py"
    path.write_text(ELSEWHERE)
    done = bench(tmp_path / "r", "-i", path, "-i", "numpy_scipy", "--device", "cpu")
    assert done.returncode == 0, done.stdout + done.stderr
    cells = only_run(tmp_path / "r").statuses.set_index("implementation")
    assert set(cells.loc["elsewhere", "status"]) == {"unsupported"}
    assert set(cells.loc["elsewhere", "reason"]) == {"runs on cuda only; this run is on the cpu"}
    assert set(cells.loc["numpy_scipy", "status"]) == {"ok"}


def test_a_run_that_is_out_of_time_stores_what_is_done_and_the_same_command_goes_on(tmp_path):
    slow = file(tmp_path, "z_slow", "time.sleep(1.2 * (x.shape == (8, 512))); return y")
    arguments = ("-i", "numpy_scipy", "-i", slow)
    done = bench(tmp_path / "r", *arguments, "--minutes", 0.15)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "left out, the time was up" in done.stdout and "soft_cut / z_slow" in done.stdout
    first = only_run(tmp_path / "r")
    assert set(first.statuses["implementation"]) == {"numpy_scipy"}
    assert first.info["whole"] is False
    done = bench(tmp_path / "r", *arguments)
    assert done.returncode == 0 and "left out" not in done.stdout
    (_, last), _ = results.read_all(tmp_path / "r")
    assert set(last.statuses["implementation"]) == {"numpy_scipy", "z_slow"}
    same = ["implementation", "metric", "value"]
    mine = [run.cells.query("implementation == 'numpy_scipy'")[same] for run in (first, last)]
    assert mine[0].equals(mine[1].reset_index(drop=True)), "nothing is measured twice"
    assert not list((tmp_path / "r").glob("*/.unfinished-*"))


def test_a_clock_that_is_not_there_or_times_nothing_here_is_refused(
    tmp_path,
):
    for clock, words in (("sundial", "expected one of wall"), ("event", "nothing to run")):
        done = bench(tmp_path, "-i", "numpy_scipy", "--clock", clock)
        assert done.returncode == 2 and words in done.stdout
