"""Ranks of the samples of a row and the plotting positions they are drawn at, in float64.

    weibull  p = r / (N + 1)        ecdf  p = r / N        hazen  p = (2 r - 1) / (2 N)

of the rank r in 1..N of N samples. Equal samples have the mean of their ranks (``mid``), the
largest of them (``max``: the number of samples not above, the ECDF's), or their ranks in a stable
sort (``ordinal``).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

PLOTTING_POSITIONS = ("weibull", "ecdf", "hazen")
TIES = ("mid", "max", "ordinal")


def plotting_positions(x: NDArray, plotting_position: str, ties: str) -> NDArray[np.float64]:
    """Return the plotting position of every sample among its row, in input order, (R, N)."""
    position = ranks(x, ties)
    if plotting_position == "hazen":
        position -= 0.5
    return position * unit(plotting_position, x.shape[1])


def unit(plotting_position: str, samples: int) -> float:
    """Return the plotting position's step from one rank to the next."""
    return 1.0 / (samples + 1 if plotting_position == "weibull" else samples)


def ranks(x: NDArray, ties: str) -> NDArray[np.float64]:
    """Return the rank (1 to N) of every sample among its row, in input order, (R, N)."""
    order = np.argsort(x, axis=1, kind="stable")
    index = np.broadcast_to(np.arange(x.shape[1]), x.shape)
    if ties == "ordinal":
        in_order = index + 1.0
    else:
        first, last = _tie_groups(np.take_along_axis(x, order, axis=1), index)
        in_order = last + 1.0 if ties == "max" else 0.5 * (first + last) + 1.0
    result = np.empty(x.shape)
    np.put_along_axis(result, order, in_order, axis=1)
    return result


def _tie_groups(ascending: NDArray, index: NDArray) -> tuple[NDArray, NDArray]:
    """Return the first and last index of every sorted sample's group of equal values."""
    rises = ascending[:, 1:] != ascending[:, :-1]
    edge = np.ones((len(ascending), 1), bool)
    first = np.where(np.concatenate([edge, rises], axis=1), index, 0)
    last = np.where(np.concatenate([rises, edge], axis=1), index, ascending.shape[1])
    backwards = np.minimum.accumulate(last[:, ::-1], axis=1)
    return np.maximum.accumulate(first, axis=1), backwards[:, ::-1]
