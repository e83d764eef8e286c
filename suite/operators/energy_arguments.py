"""Checks of what all losses of energies are given: samples, theta, the energy, blocks, draws."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from suite import energies
from suite.operators.arguments import (
    dtype_name,
    is_array,
    require_array,
    require_choice,
    require_shape,
    require_values,
)


def require_energy(x: Any, theta: Any, energy: str | Callable) -> None:
    """Samples, an energy's name or a callable, and a theta that fits both."""
    images = energy == "conv"
    require_array("x", x, ndim=(2, 4) if callable(energy) else (4,) if images else (2,))
    if not isinstance(theta, (list, tuple)):
        what = "an array" if is_array(theta) else repr(theta)
        raise TypeError(f"theta is {what}: expected a list of arrays")
    if callable(energy):
        _require_alike(x, theta)
        return
    if not isinstance(energy, str):
        raise TypeError(f"energy={energy!r}: expected a name or a callable energy(x, *theta)")
    require_choice("energy", energy, energies.NAMES)
    _require_alike(x, theta)
    shapes = expected_shapes(energy, tuple(x.shape), theta)
    if len(theta) != len(shapes):
        names = ", ".join(shapes)
        raise ValueError(f"theta has {len(theta)} arrays: expected {len(shapes)}, {names}")
    for (name, shape), array in zip(shapes.items(), theta, strict=True):
        require_shape(f"theta's {name}", array, [shape])


def _require_alike(x: Any, theta: Any) -> None:
    for index, array in enumerate(theta):
        if not is_array(array):
            kind = type(array).__name__
            raise TypeError(f"theta[{index}] is a {kind}: expected an array of x's dtype")
        if dtype_name(array) != dtype_name(x):
            raise TypeError(
                f"theta[{index}] has dtype {dtype_name(array)}: expected {dtype_name(x)}, the "
                "dtype of x"
            )


def expected_shapes(
    energy: str, samples: tuple[int, ...], theta: Any
) -> dict[str, tuple[int, ...]]:
    """The shapes that theta must have, by the parameters' names.

    Components, hidden widths and kernel sizes are read off theta; all else follows from them.
    """
    size = samples[1]
    if energy == "gaussian":
        return {"mean": (size,), "precision": (size, size)}
    if energy == "double_well":
        return {"height": (), "width": ()}
    if energy == "gaussian_mixture":
        components = tuple(theta[0].shape)[0] if theta and len(theta[0].shape) == 1 else 1
        return {
            "logits": (components,),
            "means": (components, size),
            "precision_logs": (components,),
        }
    return _network_shapes(energy, size, theta)


def _network_shapes(energy: str, size: int, theta: Any) -> dict[str, tuple[int, ...]]:
    convolves = energy == "conv"
    least = 3 if convolves else 4
    if len(theta) < least or len(theta) % 2 != least % 2:
        what = "kernel, bias, ..., readout" if convolves else "weights, bias, ..., weights, bias"
        raise ValueError(f"theta has {len(theta)} arrays: expected {least} or more, {what}")
    shapes: list[tuple[int, ...]] = []
    for weights in theta[: len(theta) - least % 2 : 2]:
        shape = tuple(weights.shape)
        rank = 4 if convolves else 2
        if len(shape) != rank:
            raise ValueError(f"theta has weights of shape {shape}: expected {rank} dimensions")
        kernel = shape[2:]
        if convolves and (kernel[0] != kernel[1] or kernel[0] % 2 == 0):
            raise ValueError(f"theta has a kernel of shape {shape}: expected an odd square")
        shapes += [(shape[0], size, *kernel), (shape[0],)]
        size = shape[0]
    if convolves:
        shapes.append((size,))
    else:
        shapes[-2:] = [(1, *shapes[-2][1:]), (1,)]
    return dict(zip(energies.parameters(energy, len(theta)), shapes, strict=True))


def require_block(block: Any) -> None:
    """None or a positive integer."""
    if block is None:
        return
    if isinstance(block, bool) or not isinstance(block, (int, np.integer)):
        raise TypeError(f"block={block!r}: expected None or an integer >= 1")
    if block < 1:
        raise ValueError(f"block={block!r}: expected None or an integer >= 1")


def require_draws(name: str, value: Any, shape: tuple[int, ...], x: Any) -> None:
    """Draws of that shape in x's dtype."""
    require_array(name, value, ndim=(len(shape),), like=x)
    require_shape(name, value, [shape])


def require_no_infinity(**arrays: Any) -> None:
    """No array holds an infinity; NaN passes. Lists are looked into, what is no array is not."""
    for name, value in arrays.items():
        if isinstance(value, (list, tuple)):
            for index, array in enumerate(value):
                require_no_infinity(**{f"{name}[{index}]": array})
        elif is_array(value):
            infinite = (value == math.inf) | (value == -math.inf)
            require_values(name, value, infinite, "finite numbers")
