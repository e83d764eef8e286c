"""Faults planted in a copy of this tree, and the command that people run: what it says of them.

It is interrupted once, and goes on.
"""

import json
import re
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from suite import operators
from suite.gate.trees import copy_to
from suite.judge.references import References
from suite.sources import ROOT

# A process may have inherited that Ctrl-C is ignored.
SUITE = """
import runpy, signal
signal.signal(signal.SIGINT, signal.default_int_handler)
runpy.run_module("suite", run_name="__main__", alter_sys=True)
"""
CASES = {
    "soft_cut": "below-parameters",
    "occupancy_entropy": "digits-sigmoid",
    "batch_shaping": "normal-64x4096",
    "ecdf": "narrow-scale",
}
WRAPPED = """

def _planted(function):
    import functools

    @functools.wraps(function)
    def call(*arguments, **options):
        {before}
        found = function(*arguments, **options)
        return {after}

    return call


"""
FUNCTION, VJP = "{0} = _planted({0})\n", "{0}.__cdfbench__['vjp'] = _planted(_vjp)\n"


def two_tolerances(operator, case):
    """A relative change that moves the case's most sensitive value by two tolerances."""
    operator = operators.get(operator)
    expected = References().of(operator, operator.case(case))[0]
    share = expected.allowed["output"] / np.abs(expected.reference["output"])
    return 2 * float(share.min())


def plant(tree, operator, where, before="pass", after="found"):
    path = tree / "implementations" / "numpy_scipy" / f"{operator}.py"
    text = WRAPPED.format(before=before, after=after) + where.format(operator)
    path.write_text(path.read_text() + text)


@pytest.fixture(scope="module")
def trees(tmp_path_factory):
    folder = tmp_path_factory.mktemp("trees")
    base, head = copy_to(folder / "base"), copy_to(folder / "head")
    moved = two_tolerances("soft_cut", CASES["soft_cut"])
    plant(head, "soft_cut", FUNCTION, after=f"found * found.dtype.type(1 + {moved!r})")
    plant(head, "occupancy_entropy", VJP, after="tuple(g * g.dtype.type(1.01) for g in found)")
    more = "import numpy; held = numpy.ones(int(5.5 * numpy.size(options['x'])), 'float32')"
    plant(head, "batch_shaping", VJP, before=more)
    (head / "implementations" / "numpy_scipy" / "ecdf.py").unlink()
    return base, head, folder / "gates"


def command(trees, *more):
    base, head, results = trees
    words = [sys.executable, "-c", SUITE, "gate", "--exact", "--results", str(results)]
    words += [word for name in CASES for word in ("-o", name)]
    words += [word for case in CASES.values() for word in ("-c", case)]
    return [*words, "-i", "numpy_scipy", "--base", str(base), "--head", str(head), *more]


@pytest.fixture(scope="module")
def gate(trees):
    """The interrupted command, the one after it, and the run that the first had finished."""
    first = subprocess.Popen(command(trees), cwd=ROOT, stdout=subprocess.PIPE, text=True)
    base = next(_appearing(trees[2], "01-base/*/*/run.json", first))
    written = base.stat().st_mtime_ns
    first.send_signal(signal.SIGINT)
    said, _ = first.communicate(timeout=60)
    again = subprocess.run(command(trees), cwd=ROOT, capture_output=True, text=True)
    (kept,) = trees[2].glob("*-gate-*")
    (run,) = kept.glob("first/01-base/*/*/run.json")
    same = run.stat().st_mtime_ns == written
    return (first.returncode, said), again, json.loads((kept / "gate.json").read_text()), same


def _appearing(folder, pattern, process):
    while process.poll() is None:
        found = folder.glob(f".unfinished-gate-*/first/{pattern}")
        yield from (path for path in found if not path.parent.name.startswith("."))
        time.sleep(0.05)
    raise AssertionError(f"it ended with {process.returncode}")


def test_ctrl_c_keeps_what_is_measured_and_the_same_command_goes_on(gate):
    (status, said), again, _, same = gate
    assert status == 130 and "the same command goes on from here" in said
    assert same, "the base's run is the first command's"
    assert again.returncode == 1, again.stdout + again.stderr


@pytest.mark.parametrize(
    ("operator", "why"),
    [
        (
            "soft_cut",
            r"ok -> wrong: value\[.*expected \S+ \((1\.[5-9]|2|2\.[0-5])\d* x tolerance\)",
        ),
        (
            "occupancy_entropy",
            r"gradient to z\[.* x tolerance\)|z is off by \S+ x tolerance",
        ),
        ("batch_shaping", r"peak memory (\S+) MB -> (\S+) MB"),
        ("ecdf", "ok in A, not there in B"),
    ],
)
def test_a_fault_fails_the_gate_with_a_line_that_says_where_and_by_how_much(gate, operator, why):
    _, again, answer, _ = gate
    found = [f for f in answer["findings"] if f["subject"] == f"{operator}/numpy_scipy"]
    failed = [f for f in found if f["outcome"] == "regressed"]
    assert failed and all(CASES[operator] in f["where"] for f in failed)
    assert all(re.search(why, f["why"]) for f in failed), failed
    lines = [line for line in again.stdout.splitlines() if line.startswith("regressed")]
    for finding in failed:
        (line,) = (each for each in lines if f"{operator}/numpy_scipy {finding['where']}: " in each)
        assert finding["why"] in line


def test_only_what_a_fault_touches_fails(gate):
    """Memory is measured in one pass; a forward pass is flagged whose function's gradients are
    wrong."""
    failed = [f["subject"] for f in gate[2]["findings"] if f["outcome"] == "regressed"]
    counts = {name: failed.count(f"{name}/numpy_scipy") for name in CASES}
    assert counts == {"soft_cut": 2, "occupancy_entropy": 2, "batch_shaping": 1, "ecdf": 2}
    assert len(failed) == 7


def test_memory_that_grew_by_three_tenths_is_told_as_much(gate):
    failed = [f for f in gate[2]["findings"] if f["outcome"] == "regressed"]
    (told,) = (f["why"] for f in failed if f["subject"] == "batch_shaping/numpy_scipy")
    before, after = map(float, re.search(r"peak memory (\S+) MB -> (\S+) MB", told).groups())
    assert 1.2 < after / before < 1.4
