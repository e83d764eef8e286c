"""One cell in the making: fresh inputs for every round, outputs kept for the judge."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from suite.frameworks import Framework
from suite.operators.base import BASES, Case, Operator, Pass, cotangent, inputs
from suite.rounds import WARM_UP, WHOLE, kept_whole, positions, round_of
from suite.timing.clocks import WALL, waited

Bases = list[dict[str, Any]]
"""Every base input of a case, its cotangent as "output", in a framework's arrays."""


def native_bases(operator: Operator, case: Case, framework: Framework, device: str) -> Bases:
    """The base inputs on the device; no call is ever given them, but permuted copies."""
    drawn = ({**inputs(operator, case, base), "output": cotangent(operator, case, base)}
             for base in range(BASES))  # fmt: skip
    return [
        {name: framework.array(array, case.dtype, device) for name, array in arrays.items()}
        for arrays in drawn
    ]


class Cell:
    """Feeds a target with rounds and stashes what it returns.

    Used by ``benchmark.pedantic``: :meth:`setup` makes the next round's arguments, :meth:`target`
    is what the clock sees, :meth:`teardown` keeps its output while the clock stands still.
    """

    def __init__(
        self,
        operator: Operator,
        case: Case,
        pass_: Pass,
        framework: Framework,
        device: str,
        call: Any,
        clock: str = "wall",
        bases: Bases | None = None,
    ) -> None:
        self.case, self.framework, self.device = case, framework, device
        self.synchronised, self.replays = clock == "wall", clock == "graph"
        self.call = framework.capture(call) if self.replays else call
        self.names = ("output", *case.wrt) if pass_ == "forward+backward" else ("output",)
        self.keeps = True
        self.kept: dict[str, np.ndarray] = {}
        self.dtypes: dict[str, str] = {}
        self.upcoming: list[int] = []
        self.keep: frozenset[int] = frozenset()
        self.last: Any = None
        self.final: dict[str, Any] = {}
        self.answer: dict[str, np.ndarray] = {}
        self.spans: list[float] = []
        self.late: list[float] = []
        self.waits: list[float] = []
        self.bases = bases or native_bases(operator, case, framework, device)

    def schedule(self, rounds: int, warm_ups: int) -> None:
        """Number the rounds to come: warm-ups first, then the timed ones from zero."""
        self.upcoming = [WARM_UP + k for k in range(warm_ups)] + list(range(rounds))
        self.upcoming.reverse()
        self.waits = []
        self.keep = kept_whole(self.case, rounds)

    def setup(self) -> tuple[tuple, dict]:
        """Arguments of the next round, on the device, ready: (arrays, cotangent)."""
        self.index = self.upcoming.pop()
        where = round_of(self.case, self.index)
        arrays = {}
        for name, array in self.bases[where.base].items():
            fresh = array
            for axis, label in enumerate(self.case.dims[name]):
                if label in where.orders:
                    fresh = self.framework.take(fresh, where.orders[label], axis)
            arrays[name] = self.framework.copy(fresh) if fresh is array else fresh
        weight = arrays.pop("output")
        if self.replays:
            arrays, weight = self.call.load(arrays, weight)
        self.framework.synchronize((*arrays.values(), weight))
        self.framework.flush(self.device)
        if self.synchronised:
            self.framework.synchronize((*arrays.values(), weight))
        self.waited = waited()
        self.ready = WALL()
        return (arrays, weight), {}

    def compiled_cost(self) -> dict[str, float]:
        """What the framework's compiler says of the call on inputs like a round's."""
        arrays = dict(self.bases[0])
        return self.framework.compiled_cost(self.call, arrays, arrays.pop("output"))

    def target(self, arrays: Mapping[str, Any], weight: Any) -> None:
        """The timed call; with the wall clock it ends when the device has ended."""
        self.last = self.call(arrays, weight)
        if self.synchronised:
            self.framework.synchronize(self.last)

    def returned(self) -> dict[str, Any]:
        """The last call's arrays by name; of a replay copies, since the next one overwrites it."""
        keep = self.framework.copy if self.replays else lambda array: array
        return {name: keep(array) for name, array in zip(self.names, self.last, strict=True)}

    def teardown(self, arrays: Mapping[str, Any], weight: Any) -> None:
        """Keep the round's output, whole or in part; warm-ups leave nothing.

        The harness's own reading of the clock is kept beside it, what is still to be done, and for
        how long threads waited for a core.
        """
        back = WALL()
        if self.index < WARM_UP:
            self.waits.append(max(waited() - self.waited, 0.0))
        if self.index >= WARM_UP or not self.keeps:
            self.last = None
            return
        self.framework.synchronize(self.last)
        self.late.append(WALL() - back)
        self.spans.append(back - self.ready)
        output, self.last = self.returned(), None
        if not self.upcoming:
            self.final = output
        for name, native in output.items():
            self.dtypes[name] = str(native.dtype).rpartition(".")[2]
            values = np.array(self.framework.numpy(native))
            key = f"{self.index}/{name}"
            if values.size <= WHOLE or self.index in self.keep:
                self.kept[key] = values
            else:
                self.kept[f"{key}/some"] = values.reshape(-1)[
                    positions(self.case, self.index, values.size)
                ]
                self.kept[f"{key}/sum"] = np.asarray(values.sum(dtype=np.float64))

    def write(self, path: Path) -> None:
        """Write what was kept, aside and then renamed."""
        aside = path.with_suffix(".part")
        with aside.open("wb") as stream:
            np.savez(stream, **self.kept)  # type: ignore[arg-type]
            stream.flush()
            os.fsync(stream.fileno())
        aside.rename(path)
