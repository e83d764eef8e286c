"""The pytest plugin that turns a plan into one benchmark item per cell, yardsticks beside them."""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from suite import operators
from suite.frameworks import Framework
from suite.operators.base import Case, Operator, Pass, gathered
from suite.probes import Probe, planned
from suite.registry import Implementation, checked
from suite.timing import clocks
from suite.timing.cell import Bases, Cell, native_bases
from suite.timing.plan import CellPlan, Plan, yardstick_group
from suite.timing.watch import Watch

ITEMS = Path(__file__).with_name("items.py")


PROBES = CellPlan("probes", "forward+backward")


@dataclass(frozen=True)
class Item:
    """One pytest item: a cell, a yardstick ("copy", "sort") of its case, or the probes."""

    cell: CellPlan
    yardstick: str = ""
    probes: bool = False

    @property
    def identity(self) -> str:
        name = self.yardstick or self.cell.pass_
        return f"{self.cell.case}-{name}-{self.cell.clock}"


class Journal:
    """The worker's JSON lines: appended and synced one by one, so that a death loses no cell."""

    def __init__(self, path: Path) -> None:
        self.stream = path.open("a", encoding="utf-8")

    def append(self, **record: Any) -> None:
        self.stream.write(json.dumps(record) + "\n")
        self.stream.flush()
        os.fsync(self.stream.fileno())


@dataclass
class Session:
    """What the items of one worker share; registered as a pytest plugin."""

    plan: Plan
    operator: Operator
    implementation: Implementation
    framework: Framework
    journal: Journal
    watch: Watch
    number: int = 0
    _bases: tuple[str, Bases] | None = None

    @classmethod
    def start(
        cls, plan: Plan, implementation: Implementation, framework: Framework, watch: Watch
    ) -> Session:
        journal = Journal(Path(plan.folder) / plan.lines)
        return cls(plan, operators.get(plan.operator), implementation, framework, journal, watch)

    def function(self) -> Any:
        """The function people import."""
        return checked(self.implementation, check_values=False)

    def call(self, case: Case, pass_: str) -> Any:
        """That function, as the framework runs one pass of it."""
        function = self.function()
        if pass_ == "forward":
            return self.framework.forward(function, case.options)
        return self.framework.forward_backward(
            function, case.options, case.wrt, self.implementation.vjp
        )

    def cell(self, cell: CellPlan, pass_: Pass, call: Any) -> Cell:
        """A cell in the making; neighbours of one case share its base inputs."""
        case, framework, device = self.operator.case(cell.case), self.framework, self.plan.device
        if self._bases is None or self._bases[0] != case.name:
            self._bases = None  # the old ones go before the new ones come
            self._bases = case.name, native_bases(self.operator, case, framework, device)
        bases = self._bases[1]
        return Cell(self.operator, case, pass_, framework, device, call, cell.clock, bases)

    def items(self) -> Iterable[Item]:
        """Cells in the plan's order; yardsticks come right before the first cell they serve."""
        seen = set()
        for cell in self.plan.cells:
            group = (yardstick_group(self.operator.case(cell.case)), cell.clock)
            if self.plan.mode == "time" and group not in seen:
                seen.add(group)
                yield Item(cell, "copy")
                yield Item(cell, "sort")
            yield Item(cell)
        if self.plan.probe:
            yield Item(PROBES, probes=True)

    def probes(self) -> tuple[Probe, ...]:
        """What the implementation is tried on beside its cells."""
        declaration = self.implementation.declaration
        dtypes, framework = declaration.dtypes, declaration.framework
        return planned(self.operator, dtypes, framework, self.plan.probe)

    def unsupported(self, case: Case) -> str | None:
        """Why the implementation cannot do a case, in its own words or from its declaration."""
        declaration = self.implementation.declaration
        if case.dtype not in declaration.dtypes:
            return f"computes in {', '.join(declaration.dtypes)}; the case is {case.dtype}"
        if self.implementation.skip is not None:
            return self.implementation.skip(case)
        return None

    def route(self, case: Case, arrays: dict[str, Any]) -> str:
        """Which way the implementation says it takes with the case's arrays, or ""."""
        route = self.implementation.route
        return "" if route is None else str(route(**gathered(arrays), **case.options))

    def outputs(self) -> Path:
        """A new file for a cell's outputs."""
        self.number += 1
        return Path(self.plan.folder) / f"{Path(self.plan.lines).stem}-{self.number}.npz"

    @pytest.hookimpl
    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        items = list(self.items())
        params = [
            pytest.param(
                item,
                id=item.identity,
                marks=pytest.mark.benchmark(timer=clocks.timer(item.cell.clock)),
            )
            for item in items
        ]
        metafunc.parametrize("item", params)

    @pytest.fixture
    def session(self) -> Session:
        return self


def run(session: Session) -> int:
    """Run every item of the session in this process; returns pytest's exit status."""
    arguments = [str(ITEMS), "-q", "-s", "-p", "no:cacheprovider"]
    arguments += ["--rootdir", session.plan.folder, "-c", os.devnull, "--benchmark-quiet"]
    # Not by the name in the module ``time``, where there may be something else by now.
    arguments += ["--benchmark-timer", f"{clocks.__name__}.WALL"]
    arguments += ["--benchmark-disable-gc", "-p", "no:warnings", "-p", "no:hypothesispytest"]
    with warnings.catch_warnings():
        # A cell that is skipped leaves pytest-benchmark's fixture unused, which it warns of.
        warnings.simplefilter("ignore")
        return int(pytest.main(arguments, plugins=[session]))
