"""What a source states, and what running it again gives: the contract of this folder's files.

    Source       experiments and claims of one publication
    Experiment   run(trial) -> record, a pure function
    Trial        who computes, from which start
    Record       numbers and curves
    Claim        judge(evidence) -> judgement: what the numbers say about a published value

A trial starts from what the source drew ("exact"), from other seeds ("seed 1", ...), or from the
source's own draws with every number moved to a neighbour ("ulp 1", ...).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np

from suite.reproduce.published import Published

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Verdict = Literal[
    "reproduced", "within spread", "not reproduced", "does not mean what it says", "not run"
]
EXACT = "exact"
LOOKS = "looks"
"""Curve of a record: steps at which its other curves ``.../look`` were taken, one row each."""


class Unsupported(Exception):
    """What an experiment raises when an implementation cannot do it, with the reason."""


@dataclass(frozen=True)
class Trial:
    """implementation: a name of the registry, or of the experiment's own. quick: a reduced size.

    start: "exact", "seed K" or "ulp K" with K from 1.
    """

    implementation: str
    start: str = EXACT
    quick: bool = False

    @property
    def seed(self) -> int:
        """K of a start from another seed, else 0."""
        return self._number("seed")

    @property
    def ulp(self) -> int:
        """K of a start moved by one unit in the last place, else 0."""
        return self._number("ulp")

    def _number(self, kind: str) -> int:
        first, _, number = self.start.partition(" ")
        return int(number) if first == kind else 0

    def rng(self, stream: str) -> np.random.Generator:
        """NumPy's Philox for what the harness itself draws; another for every name and seed."""
        key = hashlib.sha256(f"{stream}|{self.seed}".encode()).digest()[:8]
        return np.random.Generator(np.random.Philox(key=[int.from_bytes(key, "little"), 0]))

    def moved(self, drawn: np.ndarray) -> np.ndarray:
        """The draws, every number moved up or down to its neighbour where the start says so."""
        if not self.ulp:
            return drawn
        up = np.random.Generator(np.random.Philox(key=[self.ulp, 1])).integers(2, size=drawn.shape)
        return np.nextafter(drawn, np.where(up, np.inf, -np.inf).astype(drawn.dtype))


@dataclass(frozen=True)
class Record:
    """numbers: by name; NaN where there is none. curves: arrays of one or two axes, by name."""

    numbers: dict[str, float]
    curves: dict[str, np.ndarray] = field(default_factory=dict)


@dataclass(frozen=True)
class Experiment:
    """run: a pure function of the trial; raises Unsupported with a reason.

    operator: that the implementations are of; "" when their names are the experiment's own.
    implementations: by default, the one that the source itself used first. published: what
    ``--implementation published`` stands for, "" for nothing. seeds: whether other seeds make a
    difference. ulps: starts moved by one ulp. alone: measures time, and runs beside nothing else.
    full: only a full run has it.
    draw(record, look): the picture the source drew, at a row of the record's looks (-1: the last).
    shown: numbers that the page has beside the claims, with their heads: of the exact rerun, and
    over the other seeds.
    """

    name: str
    run: Callable[[Trial], Record]
    implementations: tuple[str, ...]
    operator: str = ""
    published: str = ""
    seeds: bool = True
    ulps: int = 0
    alone: bool = False
    full: bool = False
    draw: Callable[[Record, int], Figure] | None = None
    shown: tuple[tuple[str, str], ...] = ()

    def starts(self, seeds: int, quick: bool) -> tuple[str, ...]:
        """Starts of a run with that many other seeds."""
        others = seeds if self.seeds else 0
        moved = self.ulps // 4 if quick else self.ulps
        return (
            EXACT,
            *(f"seed {k}" for k in range(1, others + 1)),
            *(f"ulp {k}" for k in range(1, moved + 1)),
        )


@dataclass(frozen=True)
class Found:
    """Records of one source: by experiment, implementation and start."""

    records: dict[tuple[str, str, str], Record]

    def exact(self, experiment: str, implementation: str) -> Record | None:
        """From the source's own start."""
        return self.records.get((experiment, implementation, EXACT))

    def others(self, experiment: str, implementation: str, kind: str) -> list[Record]:
        """From starts of a kind, "seed" or "ulp"."""
        mine = (experiment, implementation)
        return [
            record
            for (*who, start), record in self.records.items()
            if tuple(who) == mine and start.startswith(f"{kind} ")
        ]


@dataclass(frozen=True)
class Evidence:
    """What a claim is judged by. found: of all experiments of the source."""

    published: Published
    experiment: str
    implementation: str
    found: Found

    @property
    def exact(self) -> Record:
        """The exact rerun of the claim's experiment; a claim without one is not judged."""
        record = self.found.exact(self.experiment, self.implementation)
        assert record is not None
        return record

    def numbers(self, kind: str, name: str) -> np.ndarray:
        """A number from all starts of a kind, "seed" or "ulp"."""
        records = self.found.others(self.experiment, self.implementation, kind)
        return np.array([record.numbers[name] for record in records])


@dataclass(frozen=True)
class Judgement:
    """verdict and one sentence why, made of numbers.

    exact: the number beside the published one, NaN for a statement that has none. mean, sd: over
    the other seeds, NaN without.
    """

    verdict: Verdict
    why: str
    exact: float = float("nan")
    mean: float = float("nan")
    sd: float = float("nan")


@dataclass(frozen=True)
class Claim:
    """name: its row of published.csv. judge: only called when there is an exact rerun; raises
    Unsupported when another that it needs is missing."""

    name: str
    experiment: str
    judge: Callable[[Evidence], Judgement]


@dataclass(frozen=True)
class Source:
    """name: that of its file. title: of the publication, with authors, year and arXiv number.

    reading: what the page says above the numbers that experiments show.
    """

    name: str
    title: str
    experiments: tuple[Experiment, ...]
    claims: tuple[Claim, ...]
    reading: str = ""

    def experiment(self, name: str) -> Experiment:
        """The experiment of that name; KeyError lists the names."""
        for each in self.experiments:
            if each.name == name:
                return each
        there = ", ".join(each.name for each in self.experiments)
        raise KeyError(f"experiment {name!r} of {self.name}: expected one of {there}")
