"""compute-sanitizer finds no access out of bounds, and no race in shared memory, in any kernel."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("sanitized.py")
FOUND = 9
SECONDS = 30


def watched(sanitizer, tool, seconds=SECONDS, script=SCRIPT):
    """Exit status and what was said; fails where time runs out, as what was not run is not right.

    Kernels are in the cache if ``test_every_kernel.py`` ran before.
    """
    line = [sanitizer, "--tool", tool, "--error-exitcode", str(FOUND), sys.executable, str(script)]
    # Every tensor an allocation of its own, so that its ends are known.
    apart = {**os.environ, "PYTORCH_NO_CUDA_MEMORY_CACHING": "1"}
    done = subprocess.Popen(
        line, env=apart, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True
    )
    try:
        said, _ = done.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        os.killpg(done.pid, signal.SIGKILL)
        said, _ = done.communicate()
        last = said.decode(errors="replace")[-2000:] or "nothing"
        pytest.fail(f"{tool} was not through after {seconds} s, and had said: {last}")
    return done.returncode, said.decode(errors="replace")


@pytest.mark.parametrize("tool", ["memcheck", "racecheck"])
def test_the_sanitizer_finds_nothing(tool, gpu):
    sanitizer = shutil.which("compute-sanitizer")
    if sanitizer is None:
        pytest.skip("compute-sanitizer is not on PATH")
    status, said = watched(sanitizer, tool)
    if "Device not supported" in said or "Failed to initialize" in said:
        pytest.skip(f"compute-sanitizer does not work here: {said.strip().splitlines()[-1]}")
    assert status == 0, said[-3000:]


def stand_in(folder, ends):
    """A sanitizer that only runs the script, which says where it is and then does as told."""
    script, sanitizer = folder / "script.py", folder / "sanitizer"
    script.write_text(f"print('first kernel', flush=True)\n{ends}\n", encoding="utf-8")
    # A child of its own, as the true one has: it must not outlive the time either.
    sanitizer.write_text('#!/bin/sh\nshift 4\n"$@"\nexit $?\n', encoding="utf-8")
    sanitizer.chmod(0o755)
    return str(sanitizer), script


def test_a_sanitizer_without_an_end_fails_and_tells_how_far_it_came(tmp_path):
    sanitizer, script = stand_in(tmp_path, "import time; time.sleep(60)")
    with pytest.raises(pytest.fail.Exception, match="(?s)memcheck was not through.*first kernel"):
        watched(sanitizer, "memcheck", 2, script)


def test_a_sanitizers_status_and_words_are_told(tmp_path):
    sanitizer, script = stand_in(tmp_path, "raise SystemExit(9)")
    assert watched(sanitizer, "racecheck", 60, script) == (FOUND, "first kernel\n")
