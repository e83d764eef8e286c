"""CUDA sources as a host compiler runs them: shipped files, unmodified, behind a C interface."""

import ctypes
import hashlib
import shutil
import subprocess
import tempfile
from pathlib import Path

from suite import cache

HOST = Path(__file__).parent
SHIPPED = HOST.parents[1] / "implementations" / "cuda"
FLAGS = ("-std=c++17", "-O1", "-fPIC", "-shared", "-Wall", "-Werror", "-Wno-unknown-pragmas",
         "-ffp-contract=off",
         "-fsanitize=undefined", "-fno-sanitize-recover=all")  # fmt: skip
NEEDS = "needs g++, to run CUDA sources on the host"


def compiler():
    """g++'s path, or None."""
    return shutil.which("g++")


def library(text, flags=(), sources=SHIPPED):
    """Build C++ and load it, with the undefined-behaviour sanitizer on: found again if unchanged.

    sources: the folder that shipped files are included from.
    """
    parts = [text, *FLAGS, *flags]
    included = sorted([*HOST.rglob("*.h"), *HOST.rglob("*.cuh"), *sources.glob("*.cu*")])
    parts += [path.read_text(encoding="utf-8") for path in included]
    digest = hashlib.sha256("\0".join(parts).encode()).hexdigest()[:24]
    target = cache.folder("kernels") / f"host-{digest}.so"
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent) as folder:
            source, built = Path(folder) / "host.cpp", Path(folder) / "host.so"
            source.write_text(text, encoding="utf-8")
            command = [compiler(), *FLAGS, *flags, f"-I{HOST}", f"-I{sources}", str(source),
                       "-o", str(built)]  # fmt: skip
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stderr
            built.replace(target)
    return ctypes.CDLL(str(target))
