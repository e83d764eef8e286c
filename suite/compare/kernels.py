"""Registers and spills of compiled kernels, from the ceilings that two revisions keep."""

from __future__ import annotations

import io
import math
import subprocess
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from suite.registry import ROOT

FILES = ("implementations/cuda/ceilings.csv", "implementations/triton/ceilings.csv")
TAKEN = ("registers", "spills", "shared")
DIRTY = "+changes"


@dataclass(frozen=True)
class KernelChange:
    """A kernel whose use of a resource differs; NaN where a side has no such kernel."""

    family: str
    kernel: str
    what: str
    before: float
    after: float

    @property
    def worse(self) -> bool:
        """Whether it takes more."""
        return self.after > self.before

    @property
    def known(self) -> bool:
        """Whether both sides have the kernel."""
        return not (math.isnan(self.before) or math.isnan(self.after))

    def is_of(self, operators: Collection[str], implementations: Collection[str]) -> bool:
        """Whether it belongs to one of the chosen; nothing chosen is everything."""
        mine = any(name.startswith(f"{self.family}_") for name in implementations)
        return (mine or not implementations) and (
            not operators or any(name in self.kernel for name in operators)
        )

    @property
    def texts(self) -> tuple[str, ...]:
        """Kernel, resource, A and B, as a table shows them."""
        numbers = ("none" if pd.isna(n) else f"{n:.0f}" for n in (self.before, self.after))
        return f"{self.family} {self.kernel}", self.what, *numbers

    @property
    def line(self) -> str:
        """The change in one line."""
        kernel, what, before, after = self.texts
        return f"{kernel}: {what} {before} -> {after}"


def kernel_changes(a: str | None, b: str | None, root: Path = ROOT) -> list[KernelChange]:
    """Changes between two commits of the repository at root, those that take more first.

    A commit that ends in +changes stands for the working tree. Nothing is said where a commit is
    None or not in the repository.
    """
    found = []
    for file in FILES:
        before, after = _text(a, file, root), _text(b, file, root)
        if before is not None and after is not None:
            found += changes_between(Path(file).parent.name, before, after)
    return sorted(found, key=lambda change: (not change.worse, change.family, change.kernel))


def changes_between(family: str, before_text: str, after_text: str) -> list[KernelChange]:
    """What differs between two tables of a family's kernels, as ceilings.csv has them."""
    before, after = _table(before_text), _table(after_text)
    if before.index.names != after.index.names:
        return []  # laid out otherwise: no kernel is known by the same name
    both = before.add_suffix(" before").join(after.add_suffix(" after"), how="outer")
    found = []
    for name, row in both.iterrows():
        kernel = " ".join(map(str, name if isinstance(name, tuple) else (name,)))
        for what in TAKEN:
            was, now = (float(row.get(f"{what} {side}", "nan")) for side in ("before", "after"))
            if was != now and not (pd.isna(was) and pd.isna(now)):
                found.append(KernelChange(family, kernel, what, was, now))
    return found


def _text(commit: str | None, file: str, root: Path) -> str | None:
    """A commit's table; None where that is not known."""
    if commit is not None and commit.endswith(DIRTY):
        path = root / file
        return path.read_text(encoding="utf-8") if path.exists() else None
    if commit is None:
        return None
    shown = subprocess.run(
        ["git", "-C", str(root), "show", f"{commit}:{file}"], capture_output=True, text=True
    )
    return shown.stdout if shown.returncode == 0 else None


def _table(text: str) -> pd.DataFrame:
    """What kernels take, by architecture and name."""
    table = pd.read_csv(io.StringIO(text))
    return table.set_index([name for name in table.columns if name not in TAKEN])


def on_one_side(changes: Iterable[KernelChange], labels: tuple[str, str]) -> list[str]:
    """How many kernels only one side has, in words."""
    alone: dict[tuple[str, str], set[str]] = {}
    for change in changes:
        if not change.known:
            label = labels[1] if math.isnan(change.before) else labels[0]
            alone.setdefault((change.family, label), set()).add(change.kernel)
    return [f"{family}: {len(kernels)} kernel(s) of {label} alone"
            for (family, label), kernels in alone.items()]  # fmt: skip
