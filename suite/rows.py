"""From an array of any rank to rows, the one shape that operators take."""

from __future__ import annotations

import operator
from typing import Any


def as_rows(x: Any, axis: int | None = None) -> Any:
    """Return x as (R, N), one row for each position along the kept axis.

    Works for NumPy, torch and jax arrays alike, and is differentiable wherever they are.

    x: any rank >= 1. axis: the axis that is kept and becomes R; every other axis is flattened, in
    order, into the N samples. None keeps none: one row with all samples.

    Raises TypeError when x is no array or axis no integer, ValueError when x has no such axis.

    >>> import numpy as np
    >>> as_rows(np.zeros((8, 16, 4, 4)), axis=1).shape
    (16, 128)
    """
    if not hasattr(x, "shape"):
        raise TypeError(f"x is a {type(x).__qualname__}: expected a NumPy, torch or jax array")
    rank = len(x.shape)
    if axis is None:
        return x.reshape(1, -1)
    try:
        kept = operator.index(axis)
    except TypeError:
        raise TypeError(f"axis={axis!r}: expected an integer or None") from None
    if not -rank <= kept < rank:
        shape = tuple(x.shape)
        raise ValueError(f"axis={kept}: expected -{rank} to {rank - 1} for x of shape {shape}")
    kept %= rank
    order = (kept, *(i for i in range(rank) if i != kept))
    turned = x.permute(*order) if hasattr(x, "permute") else x.transpose(*order)
    # An empty array has no size that -1 could stand for.
    samples = 1
    for extent in turned.shape[1:]:
        samples *= extent
    return turned.reshape(turned.shape[0], samples)
