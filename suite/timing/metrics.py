"""From a cell's samples and its yardsticks to the metrics that a run stores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

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
}
"""Every metric and its unit. too_fast is 1 where a cell beat a copy of the bytes it must move.

graphs, graph_breaks, kernels: what torch's compiler made. flops, bytes_accessed, temp_memory: what
XLA says that the compiled function does, moves, and needs beyond its arguments and outputs.
"""

XLA_COST = ("flops", "bytes_accessed", "temp_memory")

_MARGIN = 1.25
_BOUND_BY_BANDWIDTH = 1 << 20
"""Bytes of a copy from which it says something of bandwidth, and not of a call's overhead."""


def metrics(
    samples: Sequence[float],
    cost: Cost,
    case: Case,
    yardsticks: Mapping[str, Sequence[float]],
    first_call: float | None,
) -> dict[str, float]:
    """Speed metrics of one cell. samples and yardsticks in seconds, one number a round.

    first_call: seconds of the first call where something was compiled in it, else None. The
    roofline is the bandwidth of a copy of the operator's first argument in the same process; the
    copy reads and writes it once. too_fast holds a cell against the fastest round of that copy.
    """
    time = float(np.median(samples))
    low, high = np.quantile(samples, [0.25, 0.75])
    found = {
        "time": time,
        "time_iqr": float(high - low),
        "rounds": float(len(samples)),
        "throughput": cost.elements / time,
        "bandwidth": cost.bytes / time,
    }
    if first_call is not None:
        found["compile_time"] = max(first_call - time, 0.0)
    for name, seconds in yardsticks.items():
        median = float(np.median(seconds))
        found |= {f"yardstick_{name}": median, f"normalised_{name}": time / median}
    if "copy" in yardsticks:
        copied = 2 * int(np.prod(case.shape(case.arrays[0]))) * ITEM_BYTES[case.dtype]
        bandwidth, best = cost.bytes / time, copied / float(np.min(yardsticks["copy"]))
        found["roofline_share"] = bandwidth / (copied / found["yardstick_copy"])
        found["too_fast"] = float(copied >= _BOUND_BY_BANDWIDTH and bandwidth > _MARGIN * best)
    return found
