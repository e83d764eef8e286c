"""CUDA sources to cubins by NVRTC, at first use: no nvcc, no host compiler, no driver.

A cubin is kept on disk under a name made of everything it depends on, and found there again.
"""

import functools
import hashlib
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

SOURCES = Path(__file__).parent
FLAGS = ("c++17", "-v")


@dataclass(frozen=True)
class Kernels:
    """Compiled instances of a source's templates. report: what ptxas said of each, as text."""

    cubin: Path
    symbols: dict[str, str]
    report: str


def cache_folder():
    """$CDFBENCH_CACHE, or the user's cache, of kernels."""
    chosen = os.environ.get("CDFBENCH_CACHE")
    home = Path(chosen) if chosen else Path.home() / ".cache" / "cdfbench"
    return home / "kernels"


@functools.cache
def headers():
    """The folder of CUB's headers, from the cccl wheel or an installed toolkit.

    Raises RuntimeError where there is neither.
    """
    from cuda.pathfinder import find_nvidia_header_directory

    found = find_nvidia_header_directory("cccl")
    for folder in () if found else _toolkits():
        for place in (folder / "include" / "cccl", folder / "include"):
            if (place / "cub" / "cub.cuh").is_file():
                return str(place)
    if found is None:
        raise RuntimeError(
            "CUB's headers are not installed: pip install 'cdfbench[cuda]', or a CUDA toolkit"
        )
    return found


def _toolkits():
    """Where a CUDA toolkit may be that no variable names."""
    compiler = shutil.which("nvcc")
    if compiler:
        yield Path(compiler).resolve().parents[1]
    yield Path("/usr/local/cuda")


def nvrtc_version():
    """(major, minor)."""
    from cuda.bindings import nvrtc

    return tuple(nvrtc.nvrtcVersion()[1:])


def kernel(source, name, beside, architecture, folder=None):
    """(cubin, symbol) of one of a source's kernels.

    One that is not kept yet is compiled together with those of ``beside`` that are not, as reading
    CUB's headers is most of the work. folder, raises: as ``compiled``.
    """
    folder = cache_folder() if folder is None else folder
    notes = {n: folder / f"{_key(source, (n,), architecture)}.kernel" for n in (name, *beside)}
    if not notes[name].exists():
        new = tuple(dict.fromkeys(n for n, note in notes.items() if not note.exists()))
        made = compiled(source, new, architecture, folder)
        for other in new:
            _write(notes[other], f"{made.cubin.name} {made.symbols[other]}".encode())
    cubin, symbol = notes[name].read_text(encoding="utf-8").split(" ")
    return folder / cubin, symbol


def compiled(source, names, architecture, folder=None):
    """``names`` ("kernel<float, 0, 128, 8>") of a source ("batch_shaping.cu") as ``Kernels``.

    architecture: "sm_90". folder: of the cache, else the user's. Raises cuda.core's error, with
    the compiler's log, for what does not compile.
    """
    from cuda.core import Program, ProgramOptions

    folder = cache_folder() if folder is None else folder
    text = (SOURCES / source).read_text(encoding="utf-8")
    cubin = folder / f"{_key(source, names, architecture)}.cubin"
    listing, report = cubin.with_suffix(".symbols"), cubin.with_suffix(".report")
    if not cubin.exists():
        with tempfile.TemporaryFile("w+") as log:
            options = ProgramOptions(
                std=FLAGS[0],
                arch=architecture,
                include_path=[str(SOURCES), headers()],
                ptxas_options=[FLAGS[1]],
            )
            made = Program(text, "c++", options).compile(
                "cubin", name_expressions=list(names), logs=log
            )
            log.seek(0)
            _write(report, log.read().encode())
        symbols = {name: _text(made.symbol_mapping[name]) for name in names}
        _write(listing, "\n".join(f"{symbols[n]} {n}" for n in names).encode())
        _write(cubin, made.code)
    lines = listing.read_text(encoding="utf-8").splitlines()
    found = {name: symbol for symbol, name in (line.split(" ", 1) for line in lines)}
    return Kernels(cubin, found, report.read_text(encoding="utf-8"))


def _key(source, names, architecture):
    """A file's name, of all that kernels depend on."""
    shipped = [path.read_bytes() for path in (SOURCES / source, *sorted(SOURCES.glob("*.cuh")))]
    parts = (*names, architecture, *FLAGS, str(nvrtc_version()), headers())
    digest = hashlib.sha256("\0".join(parts).encode() + b"\0".join(shipped)).hexdigest()[:24]
    return f"{Path(source).stem}-{architecture}-{digest}"


def _text(symbol):
    return symbol.decode() if isinstance(symbol, bytes) else symbol


def _write(path, data):
    """Aside and renamed, so that nobody reads half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as aside:
        aside.write(data)
    Path(aside.name).replace(path)
