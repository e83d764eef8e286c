"""No kernel reads or writes beside its operands: the address sanitizer watches them on the host."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from cuda_host import faults, under_asan
from cuda_host.build import HOST, NEEDS, SHIPPED, compiler


def found(library):
    """A library of g++'s, or None."""
    if compiler() is None:
        return None
    command = [compiler(), f"-print-file-name={library}"]
    path = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    return path if Path(path).is_absolute() else None


PRELOADED = [found("libasan.so"), found("libstdc++.so.6")]
pytestmark = pytest.mark.skipif(None in PRELOADED, reason=f"{NEEDS}, with libasan")


def watched(sources, *operators):
    """``under_asan`` in a process of its own."""
    tests = HOST.parent
    environment = {
        **os.environ,
        "LD_PRELOAD": " ".join(PRELOADED),
        "ASAN_OPTIONS": "detect_leaks=0",
        "PYTHONPATH": os.pathsep.join(map(str, (tests.parent, tests))),
    }
    command = [sys.executable, under_asan.__file__, str(sources), *operators]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_every_kernel_stays_within_its_operands():
    done = watched(SHIPPED)
    assert done.returncode == 0, done.stderr[-4000:]
    every = under_asan.kernels(SHIPPED.glob("*.cu"))
    assert set(done.stdout.split()) == {"ran", *every}


BEYOND = {
    "a write": (
        "ecdf", "ecdf.cu", "place < samples; place += THREADS) {\n    store(positions",
        "place <= samples; place += THREADS) {\n    store(positions", "WRITE of size 4",
    ),
    "a read": (
        "occupancy_entropy", "occupancy_entropy.cu",
        "const double factor = static_cast<const T*>(call.factor)[row]",
        "const double factor = static_cast<const T*>(call.factor)[row + 1]", "READ of size 4",
    ),
    "a read of shared memory": (
        "ecdf", "ecdf.cu", "tile[j].cotangent);", "tile[j + THREADS].cotangent);",
        "use-after-poison",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", BEYOND)
def test_one_item_too_far_is_reported(what, tmp_path):
    operator, *fault, report = BEYOND[what]
    done = watched(faults.altered(tmp_path, *fault), operator)
    assert done.returncode != 0
    assert "AddressSanitizer" in done.stderr and report in done.stderr
