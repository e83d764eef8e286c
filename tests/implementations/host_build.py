"""CUDA sources as a host compiler runs them: shipped headers, unmodified, behind a C interface."""

import ctypes
import hashlib
import shutil
import subprocess
from pathlib import Path

import pytest

SHIPPED = Path(__file__).resolve().parents[2] / "implementations" / "cuda"
HOST = Path(__file__).with_name("cuda_host")
FLAGS = ("-std=c++17", "-O1", "-fPIC", "-shared", "-Wall", "-Werror", "-ffp-contract=off",
         "-fsanitize=undefined", "-fno-sanitize-recover=all")  # fmt: skip


def library(name, folder, *definitions):
    """Build cuda_host/<name>.cpp with the undefined-behaviour sanitizer on, and load it."""
    compiler = shutil.which("g++")
    if compiler is None:
        pytest.skip("needs g++, to run CUDA sources on the host")
    key = hashlib.sha256(" ".join(definitions).encode()).hexdigest()[:8]
    target = folder / f"{name}-{key}.so"
    command = [compiler, *FLAGS, *definitions, f"-I{HOST}", f"-I{SHIPPED}",
               str(HOST / f"{name}.cpp"), "-o", str(target)]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return ctypes.CDLL(str(target))
