"""Registers, spills and shared memory of both trees' kernels, exactly, without a GPU.

Where the sources of a family differ both trees compile theirs, by the same compiler; where that
cannot be done here, the ceilings are compared that the trees keep.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from suite.compare.budgets import Budgets
from suite.compare.cells import Cell
from suite.compare.kernels import KernelChange, changes_between
from suite.compare.revision import HIDES_THE_CHECKOUT
from suite.gate.finding import Finding

FAMILIES: dict[str, tuple[str, ...]] = {
    "cuda": ("implementations.cuda.ceilings",),
    "triton": ("implementations.triton.ahead", "80", "90"),
}
"""Modules, with their arguments, that print what a tree's kernels take."""

PATIENCE = 600.0
"""Seconds that compilers get, at most."""


@dataclass(frozen=True)
class Kernels:
    """What the trees' kernels take differently. notes: what could not be compiled here, and why."""

    changes: tuple[KernelChange, ...] = ()
    notes: tuple[str, ...] = ()


NONE = Kernels()


def kernels(base: Path, head: Path, patience: float = PATIENCE) -> Kernels:
    """The kernels of two trees, family by family; compilers get so many seconds, all together."""
    late = time.monotonic() + min(patience, PATIENCE)
    changes: list[KernelChange] = []
    notes: list[str] = []
    for family, words in FAMILIES.items():
        folder = Path("implementations") / family
        if _sources(base / folder) == _sources(head / folder):
            continue
        tables, why = _compiled((base, head), words, late)
        if tables is None:
            notes.append(f"{family} kernels: kept ceilings compared, none compiled here: {why}")
            tables = [_kept(tree / folder / "ceilings.csv") for tree in (base, head)]
        if all(tables):
            changes += changes_between(family, *tables)
    return Kernels(tuple(changes), tuple(notes))


def kernel_findings(changes: Sequence[KernelChange], budgets: Budgets) -> list[Finding]:
    """Kernels that take more than is allowed."""
    found = []
    for change in changes:
        allowed = budgets.of(Cell("", change.family, "", "", "", "cuda", "", ""), change.what)
        if change.worse and not change.after <= change.before * (1 + allowed):
            kernel, what, before, after = change.texts
            found.append(Finding("regressed", kernel, "", f"{what} {before} -> {after}"))
    return found


def _sources(folder: Path) -> dict[str, bytes]:
    """Everything that kernels are made of."""
    kinds = (".py", ".cu", ".cuh", ".csv")
    files = (path for path in folder.rglob("*") if path.suffix in kinds)
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def _compiled(
    trees: Sequence[Path], words: Sequence[str], late: float
) -> tuple[list[str] | None, str]:
    """What every tree's module prints, side by side; or None and why. late: of the monotonic clock,
    when no tree is waited for any longer."""
    hidden = (*HIDES_THE_CHECKOUT, "TRITON_INTERPRET")
    here = {name: value for name, value in os.environ.items() if name not in hidden}
    running = [
        subprocess.Popen([sys.executable, "-m", *words], cwd=tree, env=here, text=True,
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for tree in trees
    ]  # fmt: skip
    printed: list[str] = []
    try:
        for process in running:
            out, err = process.communicate(timeout=max(late - time.monotonic(), 0.0))
            if process.returncode:
                last = (err.strip().splitlines() or ["it printed nothing"])[-1]
                return None, last[:200]
            printed.append(out)
    except subprocess.TimeoutExpired:
        return None, "the time was up"
    finally:
        for process in running:
            process.kill()
            process.communicate()
    return printed, ""


def _kept(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""
