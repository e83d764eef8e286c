"""Whatever replaces a part of the measurement is seen, however it is done, and nothing else is."""

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import pytest_benchmark.fixture
import pytest_benchmark.stats

from suite import frameworks
from suite.timing import cell, clocks
from suite.timing.evidence import Evidence, changed, not_plain
from suite.timing.watch import Watch

NUMPY = frameworks.get("numpy")
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def watch():
    return Watch(NUMPY, Path(__file__))


def test_nothing_is_replaced_by_measuring(watch):
    NUMPY.synchronize(NUMPY.sort(np.ones((2, 3))))
    assert watch.replaced() == []


@pytest.mark.parametrize(
    ("owner", "name"),
    [
        (time, "perf_counter"),
        (time, "process_time"),
        (os, "fsync"),
        (np, "array_equal"),
        (clocks, "WALL"),
        (clocks, "timer"),
        (clocks.Event, "__sub__"),
        (cell.Cell, "teardown"),
        (pytest_benchmark.stats.Stats, "update"),
        (pytest_benchmark.fixture.BenchmarkFixture, "_make_runner"),
        (type(NUMPY), "synchronize"),
    ],
)
def test_a_replaced_function_is_named(owner, name, watch, monkeypatch):
    monkeypatch.setattr(owner, name, lambda *_: 0.0)
    found = watch.replaced()
    monkeypatch.undo()
    place = (
        f"{owner.__module__}.{owner.__qualname__}" if isinstance(owner, type) else owner.__name__
    )
    assert found == [f"{place}.{name}"]


def test_new_code_in_an_old_function_is_seen(watch, monkeypatch):
    monkeypatch.setattr(clocks.timer, "__code__", (lambda clock: clock).__code__)
    assert watch.replaced() == ["suite.timing.clocks.timer"]


def test_a_method_of_the_adaptor_hidden_by_an_attribute_is_seen(watch, monkeypatch):
    monkeypatch.setitem(vars(NUMPY), "synchronize", lambda value: None)
    assert watch.replaced() == ["Numpy().synchronize"]


def test_a_trace_function_is_seen(watch):
    before = sys.getprofile()
    sys.setprofile(lambda *_: None)
    found = watch.replaced()
    sys.setprofile(before)
    assert found == ["sys.settrace"]


def run_thread(target):
    thread = threading.Thread(target=target, daemon=True)
    thread.start()
    time.sleep(0.05)
    return thread


def test_a_thread_of_the_implementation_is_at_work_until_it_waits(watch):
    assert watch.at_work() == set()
    go_on, gone = threading.Event(), threading.Event()
    waiting = run_thread(go_on.wait)
    assert watch.at_work() == set()
    working = run_thread(lambda: time.sleep(0.3) or gone.set())
    assert len(watch.at_work()) == 1
    gone.wait()
    go_on.set()
    working.join(), waiting.join()
    assert watch.at_work() == set()


def test_evidence_names_what_changed_and_what_is_no_array(watch):
    given, returned = {"x": np.ones(3)}, {"output": np.zeros(3)}
    evidence = Evidence(NUMPY, "cpu", watch)
    evidence.before(given)
    answer = evidence.after(returned)
    assert evidence.found() == {kind: [] for kind in evidence.words}
    evidence.before(given)
    given["x"][1] = 2.0
    returned["output"][2] = np.nan
    evidence.after({"output": np.zeros(3).view(np.memmap)})
    evidence.same(answer, {"output": np.array([0.0, 1e-300, 0.0])})
    assert evidence.found() == {
        "mutated": ["x"],
        "overwritten": ["output"],
        "differs": ["output"],
        "not_plain": ["output is a memmap"],
        "replaced": [],
        "threads": [],
    }


def test_nan_is_equal_to_nan_where_nothing_changed():
    assert changed(NUMPY, {"x": np.array([np.nan])}, {"x": np.array([np.nan])}) == set()
    assert changed(NUMPY, {"x": np.array([np.nan])}, {"x": np.array([1.0])}) == {"x"}


@pytest.mark.parametrize("name", ["torch", "jax"])
def test_an_array_is_of_the_frameworks_own_type_on_the_device(name):
    framework = frameworks.get(name)
    array = framework.array(np.ones((2, 3)), "float32", "cpu")
    assert not_plain(framework, {"x": array}, "cpu") == set()
    assert not_plain(framework, {"x": np.ones(3)}, "cpu") == {"x is a ndarray"}
    if name == "torch":
        assert not_plain(framework, {"x": array.to("meta")}, "cpu") == {"x is a Tensor"}


@pytest.mark.parametrize("name", ["numpy", "torch", "jax"])
@pytest.mark.parametrize("layout", ["strided", "transposed", "expanded"])
def test_a_layout_changes_no_value(name, layout):
    framework = frameworks.get(name)
    for shape in ((3, 4), (4,), ()):
        values = np.arange(float(np.prod(shape))).reshape(shape)
        array = framework.relaid(framework.array(values, "float64", "cpu"), layout)
        expanded = layout == "expanded" and len(shape) == 2 and name != "jax"
        want = np.broadcast_to(values[:1], shape) if expanded else values
        np.testing.assert_array_equal(framework.numpy(array), want)
        if len(shape) == 2 and name == "numpy":
            assert not array.flags.c_contiguous


@pytest.mark.parametrize("name", ["numpy", "torch", "jax"])
def test_values_are_written_into_the_arrays_own_memory_where_it_has_some(name):
    framework = frameworks.get(name)
    array = framework.array(np.zeros((2, 3)), "float32", "cpu")
    found = framework.write(array, np.full((2, 3), 0.5, np.float32))
    assert (framework.numpy(found) == 0.5).all()
    assert (found is array) == (name != "jax")


def test_in_a_worker_the_reference_is_out_of_reach():
    code = (
        "import sys\n"
        "from suite import operators\n"
        "from suite.timing.watch import withhold\n"
        "withhold('ecdf')\n"
        "module, operator = sys.modules['suite.operators.ecdf'], operators.get('ecdf')\n"
        "from suite.plotting_positions import plotting_positions\n"
        "places = [module.reference, module.reference_gradient, operator.reference,\n"
        "          operator.reference_gradient, operator.condition, plotting_positions]\n"
        "for place in places:\n"
        "    try:\n"
        "        place()\n"
        "    except PermissionError as error:\n"
        "        print(error)\n"
        "from suite.operators.base import inputs\n"
        "print(inputs(operator, operator.cases[0], 0)['x'].shape)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True,
                          check=False)  # fmt: skip
    lines = done.stdout.splitlines()
    assert len(lines) == 7, done.stderr
    assert all("may not use the reference" in line for line in lines[:6])
    assert lines[6] == "(64, 4096)"
