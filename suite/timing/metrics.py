"""From a cell's samples and its yardsticks to the metrics that a run stores."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from suite.operators.base import ITEM_BYTES, Case, Cost

UNITS = {
    "value_error": "tolerance",
    "gradient_error": "tolerance",
    "digest": "",
    "time": "s",
    "time_iqr": "s",
    "rounds": "",
    "yardstick_copy": "s",
    "yardstick_sort": "s",
    "yardstick_histogram": "s",
    "normalised_copy": "",
    "normalised_sort": "",
    "normalised_histogram": "",
    "throughput": "elements/s",
    "bandwidth": "bytes/s",
    "roofline_share": "",
    "too_fast": "",
    "compile_time": "s",
    "peak_memory": "bytes",
    "graphs": "",
    "graph_breaks": "",
    "kernels": "",
    "flops": "",
    "bytes_accessed": "bytes",
    "temp_memory": "bytes",
    "threads": "",
    "undisturbed": "s",
    "undisturbed_noise": "",
    "undisturbed_copy": "s",
    "undisturbed_sort": "s",
    "undisturbed_histogram": "s",
}
"""Every metric and its unit. too_fast is 1 where a cell beat a copy of the bytes it must move.

graphs, graph_breaks, kernels: what torch's compiler made. flops, bytes_accessed, temp_memory: what
XLA says that the compiled function does, moves, and needs beyond its arguments and outputs.

undisturbed: the median round without what its threads waited for a core, of a cell that computes in
one thread and of its yardsticks; undisturbed_noise: the standard error of its logarithm.
"""

XLA_COST = ("flops", "bytes_accessed", "temp_memory")

_MARGIN = 1.25
_BOUND_BY_BANDWIDTH = 1 << 20
"""Bytes of a copy from which it says something of bandwidth, and not of a call's overhead."""
_Z = 1.96


@dataclass(frozen=True)
class Rounds:
    """seconds: of every round. waited: those in which its threads waited for a core, () where that
    is not known."""

    seconds: Sequence[float]
    waited: Sequence[float] = ()

    @staticmethod
    def of(record: Mapping) -> Rounds:
        """Those that a worker's record of a cell or yardstick has."""
        return Rounds(record["samples"], record.get("waited", ()))

    @property
    def undisturbed(self) -> np.ndarray:
        """Every round without its wait. Longer than the round itself, a wait was none of it."""
        seconds, waited = np.asarray(self.seconds), np.asarray(self.waited)
        return np.where(waited < seconds, seconds - waited, seconds)


def metrics(
    rounds: Rounds,
    cost: Cost,
    case: Case,
    yardsticks: Mapping[str, Rounds],
    first_call: float | None,
) -> dict[str, float]:
    """Speed metrics of one cell.

    first_call: seconds of the first call where something was compiled in it, else None. The
    roofline is the bandwidth of a copy of the operator's first argument in the same process; the
    copy reads and writes it once. too_fast holds a cell against the fastest round of that copy.
    """
    time = float(np.median(rounds.seconds))
    low, high = np.quantile(rounds.seconds, [0.25, 0.75])
    found = {
        "time": time,
        "time_iqr": float(high - low),
        "rounds": float(len(rounds.seconds)),
        "throughput": cost.elements / time,
        "bandwidth": cost.bytes / time,
    }
    if first_call is not None:
        found["compile_time"] = max(first_call - time, 0.0)
    for name, yardstick in yardsticks.items():
        median = float(np.median(yardstick.seconds))
        found |= {f"yardstick_{name}": median, f"normalised_{name}": time / median}
    if "copy" in yardsticks:
        copied = 2 * int(np.prod(case.shape(case.arrays[0]))) * ITEM_BYTES[case.dtype]
        bandwidth, best = cost.bytes / time, copied / float(np.min(yardsticks["copy"].seconds))
        found["roofline_share"] = bandwidth / (copied / found["yardstick_copy"])
        found["too_fast"] = float(copied >= _BOUND_BY_BANDWIDTH and bandwidth > _MARGIN * best)
    return found


def undisturbed(rounds: Rounds, yardsticks: Mapping[str, Rounds]) -> dict[str, float]:
    """Medians without what other processes took of the cores, of a cell and its yardsticks.

    Nothing where waits are not known. Of one thread only: of several that wait at once, the sum is
    more than the call does.
    """
    if not len(rounds.waited):
        return {}
    found = {
        "undisturbed": float(np.median(rounds.undisturbed)),
        "undisturbed_noise": median_noise(rounds.undisturbed),
    }
    known = {name: yardstick for name, yardstick in yardsticks.items() if len(yardstick.waited)}
    return found | {
        f"undisturbed_{name}": float(np.median(yardstick.undisturbed))
        for name, yardstick in known.items()
    }


def median_noise(seconds: Sequence[float] | np.ndarray) -> float:
    """Standard error of the logarithm of the samples' median, without assuming a distribution.

    Half the distance of two order statistics that hold the median between them in 95 of 100 cases,
    in units of 1.96 (McKean and Schrader 1984); infinite for fewer than three samples.
    """
    ordered = np.sort(np.log(np.asarray(seconds, float)))
    count = ordered.size
    if count < 3:
        return math.inf
    rank = max(round((count + 1) / 2 - _Z * math.sqrt(count / 4)), 1)
    return float(ordered[count - rank] - ordered[rank - 1]) / (2 * _Z)
