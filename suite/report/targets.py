"""What kernels were written for: times to reach on a GPU, and what runs have measured of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from suite.report.measured import quantity
from suite.report.newest import by_machine
from suite.results import Run, read_all

CLOCKS = ("event", "graph")
BACKWARD = "forward+backward"
COMMAND = "make bench-gpu"


@dataclass(frozen=True)
class Target:
    """A cell's time on a GPU: seconds at most, or at least a factor less than a rival's."""

    operator: str
    case: str
    pass_: str
    seconds: float = 0.0
    rival: str = ""
    factor: float = 0.0

    @property
    def words(self) -> str:
        """What is to be reached."""
        if self.rival:
            return f"at least {self.factor:g} times as fast as {self.rival}"
        return f"at most {quantity(self.seconds, 's')}"


SHAPING = ("normal-512x4096", "beta-parameters-512x4096")
HISTOGRAMS = ("n2p24-B50", "n2p24-B1000")

TARGETS = (
    Target("batch_shaping", SHAPING[0], BACKWARD, 60e-6),
    Target("batch_shaping", SHAPING[0], BACKWARD, rival="torch_eager", factor=4),
    Target("batch_shaping", SHAPING[1], BACKWARD, 90e-6),
    Target("batch_shaping", SHAPING[1], BACKWARD, rival="torch_eager", factor=30),
    *(Target("soft_histogram", case, "forward", 45e-6) for case in HISTOGRAMS),
    *(Target("soft_histogram", case, BACKWARD, 90e-6) for case in HISTOGRAMS),
    Target("soft_histogram", HISTOGRAMS[0], BACKWARD, rival="torch_compiled", factor=20),
    Target("soft_histogram", HISTOGRAMS[1], BACKWARD, rival="torch_compiled", factor=300),
)


@dataclass(frozen=True)
class Reached:
    """A target by one clock: the fastest right implementation, its seconds, and the rival's."""

    target: Target
    clock: str
    implementation: str
    seconds: float
    rival: float | None = None

    @property
    def met(self) -> bool | None:
        """Whether it is met; None where the rival was not measured."""
        if not self.target.rival:
            return self.seconds <= self.target.seconds
        return None if self.rival is None else self.rival >= self.target.factor * self.seconds

    @property
    def words(self) -> str:
        """What was measured."""
        if not self.target.rival:
            return f"{quantity(self.seconds, 's')} ({self.implementation})"
        if self.rival is None:
            return f"{self.target.rival} was not measured"
        return f"{self.rival / self.seconds:.3g} times ({self.implementation})"


def reached(target: Target, runs: Iterable[Run], clock: str) -> Reached | None:
    """What the newest runs of one machine say of a target; None where no right cell was timed."""
    times: dict[str, float] = {}
    for run in runs:
        for row in _cells(run, target, clock).itertuples():
            times[row.implementation] = float(row.value)
    rival = times.pop(target.rival, None)
    if not times:
        return None
    best = min(times, key=lambda name: times[name])
    return Reached(target, clock, best, times[best], rival)


def _cells(run: Run, target: Target, clock: str) -> pd.DataFrame:
    """The times of the right cells of a target."""
    cells = run.metric("time")
    wanted = {"operator": target.operator, "case": target.case, "pass": target.pass_,
              "device": "cuda", "clock": clock, "status": "ok"}  # fmt: skip
    for column, value in wanted.items():
        cells = cells[cells[column] == value]
    return cells.dropna(subset="value")


def verdict(found: Iterable[Reached | None]) -> str:
    """In a word or two, by whichever clock meets the target."""
    timed = [each for each in found if each is not None and each.met is not None]
    if not timed:
        return "not measured"
    met = [each.clock for each in timed if each.met]
    if not met:
        return "not met"
    return "met" if len(met) == len(timed) else f"met by {met[0]} alone"


def table(runs: Iterable[Run]) -> list[tuple[str, ...]]:
    """A row a target: operator, case, pass, target, what every clock measured, verdict."""
    runs = tuple(runs)
    rows = []
    for target in TARGETS:
        found = [reached(target, runs, clock) for clock in CLOCKS]
        measured = (each.words if each else "-" for each in found)
        head = (target.operator, target.case, target.pass_, target.words)
        rows.append((*head, *measured, verdict(found)))
    return rows


HEADS = ("operator", "case", "pass", "target", *CLOCKS, "verdict")


def on_gpus(results: Path) -> dict[str, list[Run]]:
    """The runs of every machine that timed something on a GPU, oldest first."""
    machines = by_machine(read_all(results)[0])
    return {
        name: theirs
        for name, runs in machines.items()
        if (theirs := [run for run in runs if (run.metric("time")["device"] == "cuda").any()])
    }


def write_targets(results: Path) -> Path:
    """Write the page about targets, ``gpu/README.md`` below the results."""
    machines = on_gpus(results)
    lines = ["# Targets on a GPU", ""]
    lines += [f"`{COMMAND}` measures them; `python -m suite targets` writes this page.", ""]
    if not machines:
        lines += ["**Not yet run on a GPU.**", ""]
    for name, runs in machines.items() or [("", [])]:
        lines += [f"## {name}", ""] if name else []
        lines += [f"| {' | '.join(HEADS)} |", "|:--" * len(HEADS) + "|"]
        lines += [f"| {' | '.join(row)} |" for row in table(runs)]
        lines.append("")
    lines += [
        "Times are medians of rounds on fresh inputs with a cold L2: `event` of the call as it is",
        "made, `graph` of its replay as a CUDA graph. Of several implementations the fastest right",
        "one is shown, of several runs the newest that has it.",
    ]
    path = results / "gpu" / "README.md"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path
