"""What is gated, and how far it may move: ``[tool.cdfbench.gate]`` of a pyproject.toml.

[tool.cdfbench.gate]
processes = 6                     # of each side, in turn: A B B A
threads = 1                       # of every process; 0: as they please
operators = ["soft_cut"]          # gated where the command names none; all where this is absent
implementations = ["torch_eager"]
cases = ["above-64x4096"]

[[tool.cdfbench.gate.budget]]     # later ones win; absent names mean any, * and ? stand for any
implementation = "torch_compiled"
device = "cpu"
time = 0.5                        # half as much again
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from suite import operators
from suite.compare.budgets import METRICS, Usual
from suite.compare.cells import Cell
from suite.compare.measurements import Chosen

NAMES = ("operator", "implementation", "case", "device")
"""What a budget can be for."""

DEVICES = ("cpu", "cuda")

KEYS = ("processes", "threads", "operators", "implementations", "cases", "budget")


@dataclass(frozen=True)
class Budget:
    """Allowances for the cells whose names match. names: patterns by one of NAMES."""

    names: Mapping[str, str]
    allowed: Mapping[str, float]

    def fits(self, cell: Cell) -> bool:
        """Whether it is for that cell."""
        return all(fnmatchcase(getattr(cell, name), like) for name, like in self.names.items())


@dataclass(frozen=True)
class Settings:
    """A gate's own part of a pyproject.toml. exact: nothing is judged that needs a clock. kernels:
    whether what compiled kernels take is judged, too."""

    processes: int = 6
    threads: int = 1
    operators: tuple[str, ...] = ()
    implementations: tuple[str, ...] = ()
    cases: tuple[str, ...] = ()
    budgets: tuple[Budget, ...] = ()
    exact: bool = False
    kernels: bool = True
    usual: Usual = field(default=Usual())

    def of(self, cell: Cell, metric: str) -> float:
        """How far a cell may move, as ``suite.compare.budgets`` has it."""
        if self.exact and metric in ("time", "compile_time"):
            return math.inf
        for budget in reversed(self.budgets):
            if metric in budget.allowed and budget.fits(cell):
                return budget.allowed[metric]
        return self.usual.of(cell, metric)

    @property
    def chosen(self) -> Chosen:
        """The gated cells, by the names that runs have."""
        return Chosen.asked(self.operators, self.implementations, self.cases)

    @property
    def environment(self) -> dict[str, str]:
        """Variables that keep a process to its threads: for OpenMP and BLAS, and for XLA."""
        if not self.threads:
            return {}
        pools = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NPROC")
        return dict.fromkeys(pools, str(self.threads))


def read(path: Path) -> Settings:
    """The settings of a pyproject.toml, the usual ones where it has no such table.

    Raises ValueError that names what is wrong.
    """
    try:
        whole = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ValueError(f"{path}: {error}") from None
    try:
        return of_table(_gate_of(whole))
    except ValueError as error:
        raise ValueError(f"{path}: [tool.cdfbench.gate]: {error}") from None


def _gate_of(whole: Mapping[str, Any]) -> Mapping[str, Any]:
    table: Any = whole
    for name in ("tool", "cdfbench"):
        table = table.get(name, {})
        if not isinstance(table, Mapping):
            raise ValueError(f"{name} = {table!r}: expected a table")
    _require_known(table, ("gate",))
    return table.get("gate", {})


def of_table(table: Mapping[str, Any]) -> Settings:
    """The settings that a table has; ValueError for what it may not have."""
    if not isinstance(table, Mapping):
        raise ValueError(f"{table!r}: expected a table")
    _require_known(table, KEYS)
    entries = table.get("budget", [])
    if not isinstance(entries, Sequence) or not all(isinstance(e, Mapping) for e in entries):
        raise ValueError("budget: expected [[tool.cdfbench.gate.budget]], an array of tables")
    return Settings(
        _count(table, "processes", 6, least=1),
        _count(table, "threads", 1, least=0),
        _words(table, "operators"),
        _words(table, "implementations"),
        _words(table, "cases"),
        tuple(map(_budget, entries)),
    )


def _budget(entry: Mapping[str, Any]) -> Budget:
    _require_known(entry, (*NAMES, *METRICS))
    names = {name: entry[name] for name in NAMES if name in entry}
    for name, like in names.items():
        if not isinstance(like, str):
            raise ValueError(f"budget: {name} = {like!r}: expected a name")
    like = names.get("operator", "*")
    if not any(fnmatchcase(name, like) for name in operators.names()):
        there = ", ".join(operators.names())
        raise ValueError(f"budget: operator = {like!r}: expected one of {there}")
    for name, known in (("case", _cases()), ("device", DEVICES)):
        like = names.get(name, "*")
        if not any(fnmatchcase(each, like) for each in known):
            raise ValueError(f"budget: {name} = {like!r}: no {name} is called so")
    allowed = {metric: entry[metric] for metric in METRICS if metric in entry}
    if not allowed:
        raise ValueError(f"budget {dict(entry)!r}: allows nothing; of {', '.join(METRICS)}")
    for metric, share in allowed.items():
        number = isinstance(share, int | float) and not isinstance(share, bool)
        if not number or not share >= 0:
            raise ValueError(f"budget: {metric} = {share!r}: expected a number, at least 0")
    return Budget(names, {metric: float(share) for metric, share in allowed.items()})


def _cases() -> set[str]:
    return {case.name for name in operators.names() for case in operators.get(name).cases}


def _count(table: Mapping[str, Any], key: str, usual: int, least: int) -> int:
    value = table.get(key, usual)
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise ValueError(f"{key} = {value!r}: expected a whole number, at least {least}")
    return value


def _words(table: Mapping[str, Any], key: str) -> tuple[str, ...]:
    value = table.get(key, [])
    if not isinstance(value, list) or not all(isinstance(word, str) for word in value):
        raise ValueError(f"{key} = {value!r}: expected a list of names")
    return tuple(value)


def _require_known(table: Mapping[str, Any], known: Sequence[str]) -> None:
    if unknown := sorted(set(table) - set(known)):
        raise ValueError(f"{', '.join(unknown)}: expected some of {', '.join(known)}")
