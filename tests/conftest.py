"""What every test process needs before a framework is imported, and which tests share a process."""

import importlib.metadata
import math
import os
import time
from pathlib import Path

import pytest

END = pytest.StashKey[float]()
"""When the time of --seconds is up."""

# float64 cases; read by jax when it is imported.
os.environ.setdefault("JAX_ENABLE_X64", "1")
# Triton's own functions are interpreted, or compiled, as they were when it was imported.
if not Path("/dev/nvidiactl").exists():
    os.environ.setdefault("TRITON_INTERPRET", "1")
# Half of a GPU's memory for each of several processes is more than there is.
os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")

UNOPTIMISED = "--xla_backend_optimization_level=0 --xla_cpu_use_fusion_emitters=false"
"""Most of what tests of jax take is compilation, and this is a third of it."""

PROCESSES_FIRST = ("test_run.py", "test_cheats.py", "test_quality_run.py")
"""Files that mostly wait for processes of their own: they start first, beside another's work."""


def _jaxlib() -> str:
    try:
        return importlib.metadata.version("jaxlib")
    except importlib.metadata.PackageNotFoundError:
        return ""


# An XLA that does not know a flag ends the process: only where it was tried. Workers that tests
# start inherit it; what users get is compiled in `make check` and `make bench`.
if _jaxlib().startswith("0.10."):
    os.environ.setdefault("XLA_FLAGS", UNOPTIMISED)

# Where two processes share the tests, a thread of each for every core would wait for the other's.
# pytest-benchmark times nothing where it sees this name, not even in a process that a test starts.
if os.environ.pop("PYTEST_XDIST_WORKER", ""):
    os.environ.setdefault("OMP_NUM_THREADS", "1")


def pytest_addoption(parser):
    """The same contract tests run on a user's own implementations."""
    parser.addoption(
        "--implementation",
        action="append",
        default=[],
        metavar="FILE",
        help="also hold the implementations in this .py file to the contract",
    )
    parser.addoption(
        "--device",
        choices=("cpu", "cuda"),
        help="contract tests of what can run there, there; else on the CPU whatever can",
    )
    parser.addoption(
        "--seconds", type=float, default=math.inf, help="skip what has not begun after so long"
    )


def pytest_configure(config):
    config.stash[END] = time.monotonic() + config.getoption("--seconds")


def pytest_runtest_setup(item):
    if time.monotonic() > item.config.stash[END]:
        pytest.skip(f"the {item.config.getoption('--seconds'):g} s of --seconds were up")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config, items):
    """With pytest-xdist, a file's tests stay together, or an implementation's contract tests."""
    items.sort(key=lambda item: (item.path.name not in PROCESSES_FIRST, _runs_elsewhere(item)))
    if config.pluginmanager.hasplugin("xdist"):
        for item in items:
            item.add_marker(pytest.mark.xdist_group(_group(item)))


def _group(item) -> str:
    """What compiles or computes the same things."""
    subject = _subject(item)
    return item.path.stem if subject is None else subject.name


def _runs_elsewhere(item) -> bool:
    """On a GPU what runs there alone is tested first, should the time be short."""
    subject = _subject(item)
    return getattr(subject, "where", "") == "cuda" and "cpu" in subject.declaration.devices


def _subject(item):
    """What a test examines, mostly an implementation of an operator; or None."""
    given = getattr(item, "callspec", None)
    for name in ("subject", "judged", "small", "path"):
        if given and name in given.params:
            value = given.params[name]
            return value[0] if isinstance(value, tuple) else value
    return None
