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
FLAGS = ("-std=c++17", "-O1", "-fPIC", "-Wall", "-Werror", "-Wno-unknown-pragmas",
         "-ffp-contract=off",
         "-fsanitize=undefined", "-fno-sanitize-recover=all")  # fmt: skip
FIBERS = (HOST / "fibers.cpp").read_text(encoding="utf-8")
NEEDS = "needs g++, to run CUDA sources on the host"


def compiler():
    """g++'s path, or None."""
    return shutil.which("g++")


def library(text, flags=(), sources=SHIPPED):
    """Build C++ and load it, with the undefined-behaviour sanitizer on: found again if unchanged.

    sources: the folder that shipped files are included from. What launches kernels is linked in.
    """
    every = (*FLAGS, *flags)
    fibers = _built("fibers.o", FIBERS, (*every, "-c"))
    shipped = sorted(sources.glob("*.cu*"))
    return ctypes.CDLL(
        str(_built("host.so", text, (*every, "-shared", f"-I{sources}"), shipped, fibers))
    )


def _built(name, text, flags, included=(), *objects):
    """What g++ makes of a text, of files that it includes and of objects to link, kept in a file
    under a hash of them."""
    read = sorted([*HOST.rglob("*.h"), *HOST.rglob("*.cuh"), *included])
    # An object's own hash is in its name.
    parts = [text, *flags, *(each.name for each in objects)]
    parts += [path.read_text(encoding="utf-8") for path in read]
    digest = hashlib.sha256("\0".join(parts).encode()).hexdigest()[:24]
    stem, _, kind = name.partition(".")
    target = cache.folder("kernels") / f"{stem}-{digest}.{kind}"
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent) as folder:
            source, built = Path(folder) / "source.cpp", Path(folder) / name
            source.write_text(text, encoding="utf-8")
            command = [compiler(), *flags, f"-I{HOST}", str(source), *objects, "-o", str(built)]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stderr
            built.replace(target)
    return target
