"""References once computed are kept on disk, so that big cases cost their float64 passes once."""

from __future__ import annotations

import hashlib
import math
import multiprocessing
import os
import signal
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import scipy

from suite import cache, operators
from suite.judge.correctness import Expected, expected
from suite.operators.base import BASES, Case, Operator

WORTH_KEEPING = 0.2
"""Seconds of computation from which a reference is written to disk."""

LARGE = 1 << 20
"""Elements of an input from which references are worth a process of their own."""


class References:
    """Expectations of the case that is being judged; the last case's stay in memory."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or cache.folder("references")
        self.held: tuple[tuple[str, str], dict[int, Expected]] | None = None

    def of(self, operator: Operator, case: Case) -> dict[int, Expected]:
        """Expectations of all base inputs of a case."""
        name = (operator.name, case.name)
        if self.held is None or self.held[0] != name:
            self.held = (name, {base: self._one(operator, case, base) for base in range(BASES)})
        return self.held[1]

    def prepare(
        self, cases: Iterable[tuple[Operator, Case]], processes: int
    ) -> Iterator[tuple[int, int]]:
        """Compute what large cases lack on disk, in several processes at once.

        Yields how many references are done, of how many, whenever one more is.
        """
        lacking = [
            (self.folder, operator.name, case.name, base)
            for operator, case in cases
            if math.prod(case.shape(case.arrays[0])) >= LARGE
            for base in range(BASES)
            if not self._path(operator, case, base).exists()
        ]
        if not lacking:
            return
        yield 0, len(lacking)
        context = multiprocessing.get_context("spawn")
        with context.Pool(min(processes, len(lacking)), _ignore_interrupts) as pool:
            for done, _ in enumerate(pool.imap_unordered(_prepare, lacking), start=1):
                yield done, len(lacking)

    def _path(self, operator: Operator, case: Case, base: int) -> Path:
        key = _key(operator, case)
        return self.folder / f"{operator.name}-{case.name}-{base}-{key}.npz"

    def _one(self, operator: Operator, case: Case, base: int) -> Expected:
        path = self._path(operator, case, base)
        if path.exists():
            return _read(path)
        start = time.perf_counter()
        found = expected(operator, case, base)
        if time.perf_counter() - start > WORTH_KEEPING:
            _write(path, found)
        return found


def _prepare(wanted: tuple[Path, str, str, int]) -> None:
    """One reference, in a process of its own, to disk."""
    folder, name, case, base = wanted
    operator = operators.get(name)
    path = References(folder)._path(operator, operator.case(case), base)
    _write(path, expected(operator, operator.case(case), base))


def _ignore_interrupts() -> None:
    """Ctrl-C is the parent's: it ends its pool."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _key(operator: Operator, case: Case) -> str:
    """Hash of what a reference depends on: the case, the reference's code, NumPy and SciPy."""
    digest = hashlib.sha256(repr(case).encode())
    digest.update(f"{np.__version__} {scipy.__version__}".encode())
    suite = Path(operators.__path__[0]).parent
    files = [*suite.glob("*.py"), suite / "operators" / "base.py"]
    # The operator's own, and what a family of operators (energy_...) has in common.
    family = operator.name.partition("_")[0]
    files += (*(suite / "operators").glob(f"*{family}*.py"), *(suite / "energies").glob("*.py"))
    for file in sorted(files):
        digest.update(file.read_bytes())
    digest.update((suite / "judge" / "correctness.py").read_bytes())
    return digest.hexdigest()[:16]


def _read(path: Path) -> Expected:
    with np.load(path, allow_pickle=False) as stored:
        parts: dict[str, dict[str, np.ndarray]] = {"reference": {}, "allowed": {}}
        for key in stored.files:
            part, _, name = key.partition("/")
            parts[part][name] = stored[key]
    return Expected(**parts)


def _write(path: Path, found: Expected) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_suffix(f".{os.getpid()}")
    arrays = {f"reference/{name}": array for name, array in found.reference.items()}
    arrays |= {f"allowed/{name}": array for name, array in found.allowed.items()}
    with aside.open("wb") as stream:
        np.savez(stream, **arrays)  # type: ignore[arg-type]
    aside.rename(path)
