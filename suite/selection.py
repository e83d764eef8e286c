"""Which cells a command runs: operators, implementations, cases, device and profile chosen."""

from __future__ import annotations

import difflib
import hashlib
import json
import math
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from suite import operators, registry
from suite.operators.base import PASSES, Case, Operator, Profile
from suite.registry import Declaration
from suite.timing.clocks import clocks, require_known
from suite.timing.plan import CellPlan

SLOW_COMPILE_CASES = 1
"""Cases of an operator that a slow compiler gets in the quick profile, forward+backward alone."""

EVERYBODYS = 1 << 18
"""Elements of the largest case that everybody is checked on."""

MEMORY_CASES = 1
"""Cases of an operator whose peak memory the quick profile measures: each costs a process."""

LARGE = 1 << 16
"""Elements from which the quick profile times forward alone, too."""


@dataclass(frozen=True)
class Selection:
    """What a user asked for; empty means all. ``implementations`` holds names and .py files.

    clocks: of those that apply, which time the cells. everybody: known errors too, and what a
    package or a device is missing for; beside the quick profile's cases all others of up to
    EVERYBODYS elements; slow compilers on every representative case. if_there: names that are not
    there are left out, instead of refused. times_only: neither probes nor peak memory.
    """

    operators: tuple[str, ...] = ()
    implementations: tuple[str, ...] = ()
    cases: tuple[str, ...] = ()
    device: str = "auto"
    profile: Profile = "quick"
    everybody: bool = False
    clocks: tuple[str, ...] = ()
    if_there: bool = False
    times_only: bool = False

    @property
    def whole(self) -> bool:
        """Whether every implementation and case of the chosen operators runs, by every clock."""
        return not (self.implementations or self.cases or self.clocks or self.times_only)

    @property
    def files(self) -> tuple[str, ...]:
        """The user's own implementation files, absolute."""
        found = (name for name in self.implementations if name.endswith(".py"))
        return tuple(str(Path(name).resolve()) for name in found)

    def place(self, declaration: Declaration) -> int:
        """Which of the implementations asked for it is; after all of them where it is none."""
        asked = [str(Path(n).resolve()) if n.endswith(".py") else n for n in self.implementations]
        mine = (declaration.name, str(declaration.path))
        return next((place for place, name in enumerate(asked) if name in mine), len(asked))

    @property
    def key(self) -> str:
        """Names the folder of an unfinished run, so that the same command finds it again."""
        asked: list = [self.operators, self.implementations, self.cases, self.device]
        asked += [name for name in ("everybody", "if_there", "times_only") if getattr(self, name)]
        text = json.dumps(asked + list(self.clocks))
        return f"{self.profile}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"


@dataclass(frozen=True)
class Job:
    """One worker's share: an implementation of an operator on a device, and its cells."""

    declaration: Declaration
    operator: Operator
    device: str
    cells: tuple[CellPlan, ...]
    memory: tuple[CellPlan, ...] = field(default=())

    @property
    def names(self) -> tuple[str, str]:
        """Of its operator and its implementation."""
        return self.operator.name, self.declaration.name

    @property
    def title(self) -> str:
        return f"{self.operator.name} / {self.declaration.name}"


def jobs(selection: Selection, device: str) -> tuple[Job, ...]:
    """The jobs of a selection on a device ("cpu" or "cuda"), operator by operator.

    Of implementations that are named each has all its operators before the next one named.

    Known errors, and what a package or a device is missing for, are left out unless named, or
    everybody is asked for; named, the latter's cells say what is missing. An implementation for
    CPUs alone runs there in a run on a GPU, too. A user's own file, given alone, runs beside the
    others of its operators.

    Raises ValueError for a name that is not there or when nothing is left, except where only what
    is there was asked for.
    """
    require_known(selection.clocks)
    declared = registry.discover(selection.files)
    chosen = selection.operators or operators.names()
    names = {name for name in selection.implementations if not name.endswith(".py")}
    if selection.if_there:
        chosen = tuple(name for name in chosen if name in operators.names())
    if selection.files and not names and not selection.operators:
        own = {d.operator for d in declared if str(d.path) in selection.files}
        chosen = tuple(name for name in chosen if name in own)
    require_operators(chosen)
    if not selection.if_there:
        require_implementations(names, {d.name for d in declared})
    found = []
    for name in chosen:
        operator = operators.get(name)
        for declaration in declared:
            if declaration.operator == name and _wanted(declaration, names, selection, device):
                job = _job(declaration, operator, selection, device)
                if job.cells:
                    found.append(job)
    if not found and not selection.if_there:
        near = _near(selection, chosen)
        raise ValueError(f"nothing to run: nothing matches {_words(selection)}{near}")
    return tuple(sorted(found, key=lambda job: selection.place(job.declaration)))


def require_operators(names: Iterable[str]) -> None:
    """Raise ValueError that names the operators which are not there."""
    if unknown := sorted(set(names) - set(operators.names())):
        raise ValueError(f"--operator {unknown}: expected some of {', '.join(operators.names())}")


def require_implementations(names: Iterable[str], known: Collection[str]) -> None:
    """Raise ValueError for names, of no files, that are none of the known ones."""
    if missing := sorted(set(names) - set(known)):
        there = ", ".join(sorted(known))
        raise ValueError(f"--implementation {missing}: expected a .py file or some of {there}")


def _near(selection: Selection, chosen: Iterable[str]) -> str:
    """Cases of the chosen operators whose names are like those asked for."""
    names = {case.name for name in chosen for case in operators.get(name).cases}
    found = [n for asked in selection.cases for n in difflib.get_close_matches(asked, names)]
    return f"; there are {', '.join(found)}" if found else ""


def _wanted(declaration: Declaration, names: set[str], selection: Selection, device: str) -> bool:
    if str(declaration.path) in selection.files:
        return True
    if names:
        return declaration.name in names
    unable = declaration.unable(declaration.place(device))
    return selection.everybody or not (declaration.known_error or unable)


def _job(declaration: Declaration, operator: Operator, selection: Selection, device: str) -> Job:
    where = declaration.place(device)
    cases = [
        case
        for case in operator.cases
        if (case.name in selection.cases if selection.cases else True)
        and (selection.cases or _in_profile(case, selection))
    ]
    everything = selection.profile == "full" or bool(selection.cases)
    hurried = declaration.slow_compile and not everything
    if hurried:
        few = None if selection.everybody else SLOW_COMPILE_CASES
        cases = [case for case in cases if case.representative][:few]
    ticks = [clock for clock in clocks(declaration.framework, where)
             if clock in (selection.clocks or [clock])]  # fmt: skip
    alone = [c for c in cases if everything or (_worth_a_forward(c) and not hurried)]
    cells = [
        CellPlan(case.name, pass_, clock)
        for case in cases
        for clock in ticks
        for pass_ in PASSES
        if pass_ == PASSES[1] or case in alone
    ]
    measured = [] if hurried or selection.times_only else cases
    memory = [CellPlan(case.name, PASSES[1]) for case in measured if case.memory]
    if not everything:
        memory = memory[:MEMORY_CASES]
    return Job(declaration, operator, where, tuple(cells), tuple(memory))


def _in_profile(case: Case, selection: Selection) -> bool:
    if case.profile == "quick" or selection.profile == "full":
        return True
    return selection.everybody and math.prod(case.shape(case.arrays[0])) <= EVERYBODYS


def _worth_a_forward(case: Case) -> bool:
    """Whether the quick profile runs forward alone too: small cases prove their values in
    forward+backward, and their speed says little."""
    return case.representative or math.prod(case.shape(case.arrays[0])) >= LARGE


def _words(selection: Selection) -> str:
    asked = {
        "--operator": selection.operators,
        "--implementation": selection.implementations,
        "--case": selection.cases,
        "--clock": selection.clocks,
    }
    return " ".join(f"{option} {','.join(value)}" for option, value in asked.items() if value)
