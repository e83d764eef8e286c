"""Clocks, captured before any implementation is loaded.

``wall``: the host's monotonic clock around a synchronised call; compares frameworks.
``event``: CUDA events on torch's stream; leaves out the host, torch on a GPU only.
``graph``: the same events around the replay of the call captured as a CUDA graph: leaves out what
the framework does between kernels, too.
"""

from __future__ import annotations

import contextlib
import math
import os
import time
from collections.abc import Callable, Iterable
from typing import Any

WALL: Callable[[], float] = time.perf_counter
CLOCKS = ("wall", "event", "graph")


class Event:
    """An instant on torch's current CUDA stream; ``later - earlier`` is in seconds.

    pytest-benchmark only subtracts what its timer returns, so a recorded event can stand for time.
    """

    def __init__(self) -> None:
        import torch

        self.event = torch.cuda.Event(enable_timing=True)
        self.event.record()

    def __sub__(self, earlier: Event) -> float:
        self.event.synchronize()
        return earlier.event.elapsed_time(self.event) / 1e3


def timer(clock: str) -> Callable[[], Any]:
    """The timer of a clock: called twice, the difference is in seconds."""
    require_known((clock,))
    return WALL if clock == "wall" else Event


def waited(tasks: str = "/proc/self/task") -> float:
    """Seconds for which this process's threads could have run and got no core, in all.

    Linux's own account (``schedstat``, run_delay) of the threads that there are; NaN elsewhere.
    """
    nanoseconds, known = 0, False
    with contextlib.suppress(OSError), os.scandir(tasks) as threads:
        for thread in threads:
            # A thread may end while it is asked.
            with contextlib.suppress(OSError), open(f"{thread.path}/schedstat", "rb") as stream:
                nanoseconds += int(stream.read().split()[1])
                known = True
    return nanoseconds / 1e9 if known else math.nan


def clocks(framework: str, device: str) -> tuple[str, ...]:
    """The clocks that apply to a framework on a device."""
    return CLOCKS if (framework, device) == ("torch", "cuda") else ("wall",)


def require_known(names: Iterable[str]) -> None:
    """Raise ValueError for a name that no clock has."""
    for name in names:
        if name not in CLOCKS:
            raise ValueError(f"clock={name!r}: expected one of {', '.join(CLOCKS)}")
