"""An implementation that takes a known multiple of its own time: what the gate's study plants."""

from __future__ import annotations

import functools
import sys
import time
from collections.abc import Callable
from typing import Any

CLOCK = time.thread_time
"""Of the thread, so that what else a machine does is not multiplied as well."""


def slowed(function: Callable[..., Any], factor: float) -> Callable[..., Any]:
    """The same implementation of NumPy or torch on a CPU, forward and backward ``factor`` times as
    long.

    It computes, and then turns idle for the rest; its answers and their derivatives of every order
    stay what they are. A torch function must return one tensor.
    """
    said = dict(function.__cdfbench__)  # type: ignore[attr-defined]
    if said["vjp"] is not None:
        said["vjp"] = _timed(said["vjp"], factor)
        found = _timed(function, factor)
    else:
        found = _torch(function, factor)
    found.__cdfbench__ = said  # type: ignore[attr-defined]
    return found


class _Stretch:
    """Time from its making on, to be stretched by a factor."""

    def __init__(self, factor: float) -> None:
        self.factor, self.begun = factor, CLOCK()

    def idle(self) -> None:
        """Turn idle until the factor is reached."""
        until = self.begun + (CLOCK() - self.begun) * self.factor
        while CLOCK() < until:
            pass


def _timed(function: Callable[..., Any], factor: float) -> Callable[..., Any]:
    @functools.wraps(function)
    def call(*arguments: Any, **options: Any) -> Any:
        stretch = _Stretch(factor)
        found = function(*arguments, **options)
        stretch.idle()
        return found

    return call


def _torch(function: Callable[..., Any], factor: float) -> Callable[..., Any]:
    forward = _timed(function, factor)

    @functools.wraps(function)
    def call(*arguments: Any, **options: Any) -> Any:
        output = forward(*arguments, **options)
        if output.grad_fn is not None:
            output.grad_fn.register_prehook(functools.partial(_stretch_backward, factor))
        return output

    return call


def _stretch_backward(factor: float, gradients: Any) -> None:
    """From where a backward pass reaches the output to its end."""
    engine = sys.modules["torch"].autograd.Variable._execution_engine
    engine.queue_callback(_Stretch(factor).idle)
