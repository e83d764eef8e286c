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
    "normalised_copy": "",
    "normalised_sort": "",
    "throughput": "elements/s",
    "bandwidth": "bytes/s",
    "roofline_share": "",
    "too_fast": "",
    "compile_time": "s",
    "peak_memory": "bytes",
    "graphs": "",
    "graph_breaks": "",
    "kernels": "",
    "threads": "",
}
"""Every metric and its unit. too_fast is 1 where a cell beat a copy of the bytes it must move."""

_MARGIN = 1.05


def metrics(
    samples: Sequence[float],
    cost: Cost,
    case: Case,
    yardsticks: Mapping[str, Sequence[float]],
    first_call: float,
) -> dict[str, float]:
    """Speed metrics of one cell. samples and yardsticks in seconds, one number a round.

    The roofline is the bandwidth of a copy of the operator's first argument in the same process;
    the copy reads and writes it once.
    """
    time = float(np.median(samples))
    low, high = np.quantile(samples, [0.25, 0.75])
    found = {
        "time": time,
        "time_iqr": float(high - low),
        "rounds": float(len(samples)),
        "throughput": cost.elements / time,
        "bandwidth": cost.bytes / time,
        "compile_time": max(first_call - time, 0.0),
    }
    for name, seconds in yardsticks.items():
        median = float(np.median(seconds))
        found |= {f"yardstick_{name}": median, f"normalised_{name}": time / median}
    if "copy" in yardsticks:
        copied = 2 * int(np.prod(case.shape(case.arrays[0]))) * ITEM_BYTES[case.dtype]
        share = (cost.bytes / time) / (copied / found["yardstick_copy"])
        found |= {"roofline_share": share, "too_fast": float(share > _MARGIN)}
    return found
