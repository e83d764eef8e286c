"""What a worker is asked to do: a plan, written by the parent as JSON and read by the worker."""

from __future__ import annotations

import dataclasses
import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from suite.operators.base import BASES, Case, Pass, Profile

Mode = Literal["time", "check", "memory"]

_CLOCKS_RISE = 0.15


@dataclass(frozen=True)
class Budget:
    """How long a cell may be measured.

    seconds: aimed at per cell once warm; a yardstick gets half. warm_up: seconds before the first
    timed round on a CPU. low, high: bounds on the number of rounds. cap: seconds that even the
    lower bound may take, beyond which fewer rounds are run, but never fewer than ``least``: one
    for each base input. patience: seconds that rounds may take with what is done before each of
    them, beyond which fewer are run, but never for that fewer than ``few``.
    """

    seconds: float
    warm_up: float
    low: int
    high: int
    cap: float
    patience: float
    least: int = BASES
    few: int = 10

    def rounds(self, pilot: float, whole: float = 0.0) -> int:
        """Timed rounds for a cell whose pilot call took that many seconds, and ``whole`` with the
        making of its input."""
        wanted = min(max(int(self.seconds / max(pilot, 1e-9)), self.low), self.high)
        affordable = max(int(self.cap / max(pilot, 1e-9)), self.least)
        bearable = max(int(self.patience / max(whole, 1e-9)), self.few)
        return min(wanted, affordable, bearable)

    def warm_ups(self, pilot: float, device: str = "cpu", whole: float = 0.0) -> int:
        """Warm-up rounds after the pilot call, as many as fill the warm-up time.

        A GPU's clocks need longer to rise: 25 ms were found to be 30% off (triton issue 2306). The
        making of an input keeps it at work, too.
        """
        if device == "cpu":
            seconds, each = self.warm_up, pilot
        else:
            seconds, each = max(self.warm_up, _CLOCKS_RISE), max(pilot, whole)
        return min(max(math.ceil(seconds / max(each, 1e-9)) - 1, 0), 1000)

    def of_yardstick(self) -> Budget:
        """The budget of a yardstick, which is timed beside every group of cells."""
        return dataclasses.replace(self, seconds=self.seconds / 2)


BUDGETS: dict[Profile, Budget] = {
    "quick": Budget(seconds=0.06, warm_up=0.03, low=30, high=60, cap=0.4, patience=2.0),
    "full": Budget(seconds=0.8, warm_up=0.15, low=30, high=300, cap=8.0, patience=60.0),
}


@dataclass(frozen=True)
class CellPlan:
    """One cell: a case, a pass and a clock."""

    case: str
    pass_: Pass
    clock: str = "wall"


def yardstick_group(case: Case) -> str:
    """Cases with equal names share their yardsticks: same samples in number, dtype and kind.

    And as many edges, where there are any: what counts between them is a yardstick, too.
    """
    shapes = [case.shape(name) for name in (case.arrays[0], "edges") if name in case.dims]
    return f"{' '.join(map(str, shapes))} {case.dtype} {case.data}"


@dataclass(frozen=True)
class Plan:
    """One worker's work: one implementation of one operator, on one device.

    files: the user's own implementation files, so that the worker finds what the parent found.
    folder: where the worker appends ``lines`` (JSON lines) and writes outputs.
    probe: what it is tried on at the end beside its cells, as of ``suite.probes.planned``, or "".
    """

    operator: str
    implementation: str
    device: str
    mode: Mode
    budget: Budget
    cells: tuple[CellPlan, ...]
    folder: str
    lines: str
    files: tuple[str, ...] = ()
    probe: str = ""

    def write(self, path: Path) -> None:
        path.write_text(json.dumps(dataclasses.asdict(self)), encoding="utf-8")

    @staticmethod
    def read(path: Path) -> Plan:
        raw = json.loads(path.read_text(encoding="utf-8"))
        raw["budget"] = Budget(**raw["budget"])
        raw["cells"] = tuple(CellPlan(**cell) for cell in raw["cells"])
        raw["files"] = tuple(raw["files"])
        return Plan(**raw)
