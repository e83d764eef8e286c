"""Yardsticks: what is timed beside the cells, in the same process and on the same arrays, so that
runs and machines can be compared on a ratio."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from suite.frameworks import Framework
from suite.operators.base import Case

Yardstick = Callable[[Mapping[str, Any]], Any]


def copy(framework: Framework, case: Case) -> Yardstick:
    """A copy of the operator's first argument: the bytes it must move at least."""
    main = case.arrays[0]
    return lambda arrays: framework.copy(arrays[main])


def sort(framework: Framework, case: Case) -> Yardstick:
    """A sort of every row of the first argument, as the framework sorts best."""
    main = case.arrays[0]
    return lambda arrays: framework.sort(arrays[main])


def histogram(framework: Framework, case: Case) -> Yardstick:
    """NumPy's hard histogram of every row of x between the case's own edges, in host memory."""

    def counts(arrays: Mapping[str, Any]) -> Any:
        x, edges = framework.numpy(arrays["x"]), framework.numpy(arrays["edges"])
        found = [np.histogram(row, edges)[0] for row in x]
        return framework.array(found, "float32", "cpu")

    return counts


YARDSTICKS: Mapping[str, Callable[[Framework, Case], Yardstick]] = {
    "copy": copy,
    "sort": sort,
    "histogram": histogram,
}
