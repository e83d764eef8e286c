"""Both sides measured in turn, process by process: A B B A. Each is stored, and found again."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from suite import results
from suite.compare.command import bench_words
from suite.compare.revision import Checkout, Unmeasurable
from suite.results import Run

BASE, HEAD = "base", "head"

FEWEST = 2
"""Processes of each side that are measured, however late it is."""


class Progress(Protocol):
    """What a gate tells whoever watches."""

    def total(self, cells: int, done: int) -> None: ...
    def job(self, title: str, done: int) -> None: ...
    def item(self, text: str) -> None: ...
    def advance(self) -> None: ...


@dataclass(frozen=True)
class Choice:
    """Which cells are measured, as arguments of ``bench`` have them."""

    operators: Sequence[str]
    implementations: Sequence[str]
    cases: Sequence[str]
    device: str = "auto"

    def words(self) -> list[str]:
        """The arguments."""
        chosen = self.operators, self.implementations, self.cases
        return [*bench_words(*chosen, self.device, full=False), "--if-there"]


@dataclass
class Turns:
    """Measures trees in turn. folder: where every process's run goes, and is found again.

    environment: variables of every process. late: of the monotonic clock, when no more is begun.
    """

    trees: Mapping[str, Checkout]
    folder: Path
    environment: Mapping[str, str]
    progress: Progress
    late: float = float("inf")
    _done: int = field(default=0)

    @property
    def is_late(self) -> bool:
        """Whether nothing more may be begun."""
        return time.monotonic() > self.late

    def measure(
        self, stage: str, choice: Choice, processes: int, *, whole: Iterable[int]
    ) -> dict[str, tuple[Run, ...]]:
        """The runs of a stage, by side. whole: numbers of the processes that measure peak memory
        and keep their answers; the others measure times alone.

        Raises Unmeasurable for a tree that cannot be measured.
        """
        whole = frozenset(whole)
        found: dict[str, list[Run]] = {side: [] for side in self.trees}
        self.progress.total(self._done + processes * len(self.trees), 0)
        for number in range(processes):
            if self.is_late and number >= FEWEST:
                break
            order = list(self.trees) if number % 2 == 0 else list(self.trees)[::-1]
            for side in order:
                folder = self.folder / stage / f"{number + 1:02d}-{side}"
                title = f"{side}, process {number + 1} of {processes}"
                kept = ", kept" if results.holding(folder, "run.json") else ""
                self.progress.job(f"{title} ({stage}{kept})", 0)
                words = choice.words() + (
                    ["--keep-answers"] if number in whole else ["--times-only"]
                )
                try:
                    found[side].append(self._one(side, folder, words, title))
                except Unmeasurable as error:
                    # A base that is not among the trees is one of stored runs.
                    error.regressed = side == HEAD and bool(found.get(BASE, True))
                    raise
                self._done += 1
                self.progress.advance()
        return {side: tuple(runs) for side, runs in found.items()}

    def _one(self, side: str, folder: Path, words: list[str], title: str) -> Run:
        """One process's run: the stored one, or measured now."""
        for stored in results.holding(folder, "run.json"):
            try:
                return results.read(stored)
            except results.UnreadableRun:
                shutil.rmtree(stored)
        checkout = self.trees[side]
        here = Checkout(f"{side}, {checkout.label}", checkout.folder, folder)
        try:
            return here.bench(
                words, lambda line: self.progress.item(f"{title}: {line}"), self.environment
            )
        except results.UnreadableRun as error:
            raise Unmeasurable(f"{here.label}: {error}") from None
