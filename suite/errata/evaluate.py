"""What a proof calls: an implementation on small NumPy arrays, and the right answer beside it."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from suite import frameworks, load, operators, registry
from suite.frameworks import Framework
from suite.operators.base import gathered

Arrays = dict[str, np.ndarray]


def evaluate(
    operator: str, name: str, wrt: Iterable[str] = (), cotangent: Any = 1.0, **arguments: Any
) -> Arrays:
    """Value ("output") and gradients by name of an implementation, float64, on the CPU.

    arguments: the operator's; NumPy arrays, float32 or float64, become the framework's arrays.
    cotangent: of the output, broadcast to it.

    Raises KeyError for an unknown implementation, ImportError where its framework is missing.
    """
    framework, _ = _loaded(operator, name)
    given = {k: v for k, v in arguments.items() if isinstance(v, np.ndarray)}
    options = tuple((k, v) for k, v in arguments.items() if k not in given)
    arrays = {k: framework.array(v, str(v.dtype), "cpu") for k, v in given.items()}
    weight = None
    names = tuple(wrt)
    if names:
        shape = reference(operator, **arguments)["output"].shape
        dtype = str(next(iter(given.values())).dtype)
        weight = framework.array(np.broadcast_to(cotangent, shape), dtype, "cpu")
    results = _target(operator, name, names, options)(arrays, weight)
    numbers = (np.asarray(framework.numpy(value), np.float64) for value in results)
    return dict(zip(("output", *names), numbers, strict=True))


@functools.cache
def _loaded(operator: str, name: str) -> tuple[Framework, Callable]:
    """The adaptor of an implementation's arrays, and the function as people import it."""
    # Once: finding an implementation reads the source text of all of them.
    return frameworks.get(registry.find(operator, name).framework), load(operator, name)


@functools.cache
def _target(operator: str, name: str, wrt: tuple[str, ...], options: tuple) -> Callable:
    """What the framework calls for a value and gradients; its compiler sees each once."""
    framework, function = _loaded(operator, name)
    if not wrt:
        return framework.forward(function, dict(options))
    return framework.forward_backward(function, dict(options), wrt)


def reference(
    operator: str, wrt: Iterable[str] = (), cotangent: Any = 1.0, **arguments: Any
) -> Arrays:
    """The operator's float64 reference and its gradients, for the same arguments."""
    subject = operators.get(operator)
    exact = {
        k: v.astype(np.float64) if isinstance(v, np.ndarray) else v for k, v in arguments.items()
    }
    with np.errstate(all="ignore"):
        exact = gathered(exact)
        value = np.asarray(subject.reference(**exact))
        weight = np.broadcast_to(np.float64(cotangent), value.shape)
        gradients = subject.reference_gradient(weight, tuple(wrt), **exact) if wrt else {}
    return {"output": value, **{k: np.asarray(v) for k, v in gradients.items()}}


def row(values: Any, dtype: str = "float32") -> np.ndarray:
    """One row of samples, (1, N)."""
    return np.asarray(values, dtype).reshape(1, -1)


def midpoints(samples: int) -> np.ndarray:
    """(i - 1/2) / N for i = 1..N: a law's quantiles there stand for N samples without noise."""
    return (np.arange(samples) + 0.5) / samples
