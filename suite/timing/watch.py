"""Did an implementation replace what it is measured with: clocks, this harness, pytest-benchmark?

Everything is looked up before the implementation is loaded and again after each of its cells.
"""

from __future__ import annotations

import builtins
import json
import os
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import FrameType, FunctionType, ModuleType
from typing import Any

import pytest_benchmark.fixture
import pytest_benchmark.session
import pytest_benchmark.stats
import pytest_benchmark.timers  # noqa: F401

from suite import operators
from suite.frameworks import Framework
from suite.registry import HOUSE

OURS = ("suite.", "pytest_benchmark.")
CLOCKS = ("perf_counter", "perf_counter_ns", "monotonic", "monotonic_ns", "process_time", "time")
BORROWED = {
    time: tuple(f"{name}" for name in CLOCKS),
    json: ("dumps",),
    os: ("fsync", "replace"),
    builtins: ("isinstance", "float", "getattr", "list", "open", "sum", "type", "zip"),
}
REFERENCE = ("reference", "reference_gradient", "condition")
MATHEMATICS = (
    "suite.energies.double_well",
    "suite.energies.gaussian",
    "suite.energies.gaussian_mixture",
    "suite.energies.networks",
    "suite.incomplete_beta",
    "suite.kernel_counts",
    "suite.operators.energy_reference",
    "suite.plotting_positions",
    "suite.smoothing_kernels",
)
IDLE = {
    ("threading.py", "wait"),
    ("threading.py", "_wait_for_tstate_lock"),
    ("thread.py", "_worker"),
    ("queue.py", "get"),
}
"""Where a thread stands that waits for work: files and functions of the standard library."""


class Watch:
    """What things were when it was made. source: the file that is going to be loaded."""

    def __init__(self, framework: Framework, source: Path) -> None:
        self.framework, self.source = framework, str(source)
        self.threads = {thread.ident for thread in threading.enumerate()}
        self.modules = [m for name, m in sorted(sys.modules.items()) if name.startswith(OURS)]
        self.tracing = (sys.gettrace(), sys.getprofile())
        self.then = dict(self._things())

    def replaced(self) -> list[str]:
        """Names of what is something else by now."""
        now = dict(self._things())
        found = [name for name, thing in self.then.items() if not _same(thing, now.get(name))]
        hidden = (name for name in vars(self.framework) if hasattr(type(self.framework), name))
        found += [f"{type(self.framework).__name__}().{n}" for n in hidden if self._shadows(n)]
        if (sys.gettrace(), sys.getprofile()) != self.tracing:
            found.append("sys.settrace")
        return found

    def at_work(self) -> set[str]:
        """Where threads of the implementation stand that neither wait nor were there before."""
        frames = sys._current_frames().items()
        new = (frame for ident, frame in frames if ident not in self.threads)
        return {text for frame in new if (text := self._working(frame))}

    def _working(self, frame: FrameType) -> str:
        top = (os.path.basename(frame.f_code.co_filename), frame.f_code.co_name)
        if top in IDLE:
            return ""
        walk: FrameType | None = frame
        # A thread whose target is no Python function stands in Thread.run.
        theirs = top == ("threading.py", "run")
        while walk is not None and not theirs:
            file = walk.f_code.co_filename
            theirs = file == self.source or file.startswith(str(HOUSE))
            walk = walk.f_back
        return f"{top[0]}, {top[1]}" if theirs else ""

    def _shadows(self, name: str) -> bool:
        """Whether an attribute of the adaptor itself hides one of its methods."""
        return isinstance(getattr(type(self.framework), name), FunctionType)

    def _things(self) -> Iterator[tuple[str, tuple]]:
        for module in self.modules:
            for name, value in vars(module).items():
                if callable(value) or isinstance(value, (int, float, str)):
                    yield f"{module.__name__}.{name}", _thing(value)
                if isinstance(value, type) and value.__module__ == module.__name__:
                    yield from _members(value)
        for owner, names in BORROWED.items():
            for name in names:
                yield f"{owner.__name__}.{name}", _thing(vars(owner).get(name))
        for name, value in self.framework.watched().items():
            yield name, _thing(value)


def _members(kind: type) -> Iterator[tuple[str, tuple]]:
    for name, value in vars(kind).items():
        if name.startswith("__") and not isinstance(value, FunctionType):
            continue
        yield f"{kind.__module__}.{kind.__qualname__}.{name}", _thing(value)


def _thing(value: Any) -> tuple:
    """An object and, of a Python function, what it runs."""
    inner = getattr(value, "__func__", value)
    if isinstance(inner, FunctionType):
        return value, inner.__code__, inner.__defaults__, inner.__kwdefaults__
    return (value,)


def _same(then: tuple, now: tuple | None) -> bool:
    if now is None or len(then) != len(now):
        return False
    return all(one is other for one, other in zip(then, now, strict=True))


def withhold(name: str) -> None:
    """Put an operator's reference, and what it is made of, out of this process's reach.

    A worker needs to draw and to check, never to know the answer.
    """
    operator = operators.get(name)
    for field in REFERENCE:
        object.__setattr__(operator, field, _refusing(f"{name}.{field}"))
    _replace(sys.modules[f"suite.operators.{name}"], REFERENCE)
    for module in (m for m in MATHEMATICS if m in sys.modules):
        own = vars(sys.modules[module]).items()
        _replace(sys.modules[module], [n for n, f in own if getattr(f, "__module__", "") == module
                                       and isinstance(f, FunctionType)])  # fmt: skip


def _replace(module: ModuleType, names: Iterable[str]) -> None:
    for name in names:
        setattr(module, name, _refusing(f"{module.__name__}.{name}"))


def _refusing(name: str) -> Any:
    def refuse(*_: Any, **__: Any) -> Any:
        raise PermissionError(f"{name} was called: an implementation may not use the reference")

    return refuse
