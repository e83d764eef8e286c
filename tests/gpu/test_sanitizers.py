"""compute-sanitizer finds no access out of bounds, and no race in shared memory, in any kernel."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("sanitized.py")
FOUND = 9
SECONDS = 30


@pytest.mark.parametrize("tool", ["memcheck", "racecheck"])
def test_the_sanitizer_finds_nothing(tool, gpu):
    sanitizer = shutil.which("compute-sanitizer")
    if sanitizer is None:
        pytest.skip("compute-sanitizer is not on PATH")
    line = [sanitizer, "--tool", tool, "--error-exitcode", str(FOUND), sys.executable, str(SCRIPT)]
    # Every tensor an allocation of its own, so that its ends are known.
    apart = {**os.environ, "PYTORCH_NO_CUDA_MEMORY_CACHING": "1"}
    try:
        done = subprocess.run(line, env=apart, capture_output=True, text=True, timeout=SECONDS)
    except subprocess.TimeoutExpired:
        pytest.skip(f"{tool} took more than {SECONDS} s")
    said = done.stdout + done.stderr
    if "Device not supported" in said or "Failed to initialize" in said:
        pytest.skip(f"compute-sanitizer does not work here: {said.strip().splitlines()[-1]}")
    assert done.returncode == 0, said[-3000:]
