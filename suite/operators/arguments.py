"""Checks of arguments that read the same for NumPy, torch and jax arrays.

They use only ``shape``, ``dtype`` and comparison, so that an operator states its bad input once and
every implementation raises the same error. Messages name the argument, its value and what
is allowed. An array is whatever has a shape and a dtype and is no NumPy scalar; everything else is
a host scalar.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

FLOATING = ("float32", "float64", "float16", "bfloat16")


def is_array(value: Any) -> bool:
    """True for NumPy, torch and jax arrays (tracers too), False for host scalars."""
    if isinstance(value, (int, float, str)):  # a number that Dynamo has made a symbol, too
        return False
    return hasattr(value, "shape") and hasattr(value, "dtype") and not isinstance(value, np.generic)


def dtype_name(array: Any) -> str:
    """The dtype's plain name, "float32" for ``torch.float32`` and ``np.dtype("float32")`` alike."""
    return str(array.dtype).rpartition(".")[2]


def require_array(name: str, value: Any, *, ndim: Sequence[int], like: Any = None) -> None:
    """A floating array of one of the given ranks, of ``like``'s dtype, without empty axes."""
    if not is_array(value):
        raise TypeError(f"{name}={value!r}: expected an array, got {type(value).__name__}")
    if dtype_name(value) not in FLOATING:
        raise TypeError(
            f"{name} has dtype {dtype_name(value)}: expected one of {', '.join(FLOATING)}"
        )
    if len(value.shape) not in ndim:
        allowed = " or ".join(str(n) for n in ndim)
        raise ValueError(
            f"{name} has shape {tuple(value.shape)}: expected {allowed} dimensions; "
            "suite.as_rows turns any array into rows"
        )
    if 0 in tuple(value.shape):
        raise ValueError(f"{name} has shape {tuple(value.shape)}: expected no empty axis")
    if like is not None and dtype_name(value) != dtype_name(like):
        raise TypeError(
            f"{name} has dtype {dtype_name(value)}: expected {dtype_name(like)}, the dtype of x"
        )


def require_shape(name: str, value: Any, allowed: Sequence[tuple[int, ...]]) -> None:
    """An array's shape is one of the allowed ones."""
    if tuple(value.shape) not in tuple(allowed):
        shapes = " or ".join(str(tuple(shape)) for shape in allowed)
        raise ValueError(f"{name} has shape {tuple(value.shape)}: expected {shapes}")


def require_scalar(
    name: str, value: Any, *, above: float = -math.inf, below: float = math.inf, finite: bool = True
) -> None:
    """A host number strictly between two bounds. NaN is never allowed."""
    if is_array(value):
        shape = tuple(value.shape)
        raise TypeError(f"{name} is an array of shape {shape}: expected a host number, no array")
    if isinstance(value, (str, bytes, bool)) or not isinstance(value, (int, float, np.number)):
        raise TypeError(f"{name}={value!r}: expected a number, got {type(value).__name__}")
    number = float(value)
    if not (above < number < below) and not (not finite and number == below == math.inf):
        raise ValueError(f"{name}={value!r}: expected {bounds(above, below)}")


def require_parameter(
    name: str,
    value: Any,
    rows: int,
    *,
    like: Any,
    above: float = -math.inf,
    below: float = math.inf,
    finite: bool = True,
) -> None:
    """A host scalar between two bounds, or an array of shape () or (rows,) of ``like``'s dtype."""
    if not is_array(value):
        require_scalar(name, value, above=above, below=below, finite=finite)
        return
    require_array(name, value, ndim=(0, 1), like=like)
    require_shape(name, value, [(), (rows,)])


def require_choice(name: str, value: Any, allowed: Sequence[Any]) -> None:
    """The value is one of the allowed strings (or None, where that is allowed)."""
    if value not in tuple(allowed):
        choices = ", ".join(repr(choice) for choice in allowed)
        raise ValueError(f"{name}={value!r}: expected one of {choices}")


def require_values(name: str, array: Any, bad: Any, allowed: str) -> None:
    """No element of the boolean array ``bad`` is true. Reads the device."""
    if bool(bad.any()):
        worst = array[bad] if tuple(bad.shape) == tuple(array.shape) else array
        value = worst.reshape(-1)[0].item()  # float() of what has a gradient makes torch warn
        raise ValueError(f"{name} contains {float(value)!r}: expected {allowed}")


def require_between(
    name: str,
    value: Any,
    *,
    above: float = -math.inf,
    below: float = math.inf,
    closed: bool = False,
) -> None:
    """Every element of an array lies between the bounds; NaN passes. Host scalars are ignored."""
    if not is_array(value):
        return
    bad = (value < above) | (value > below) if closed else (value <= above) | (value >= below)
    require_values(name, value, bad, bounds(above, below, closed=closed))


def bounds(above: float, below: float, *, closed: bool = False) -> str:
    """Words for an interval."""
    left, right = ("[", "]") if closed else ("(", ")")
    if below == math.inf and above == -math.inf:
        return "a finite number"
    if below == math.inf:
        return f"a finite number {'>=' if closed else '>'} {above:g}"
    return f"values in {left}{above:g}, {below:g}{right}"
