"""One adaptor per array framework, a file each: the only place that knows how they differ.

Shaped so that a framework is imported when its adaptor first needs it and never before: a machine
without jax, or with a broken torch, still runs everything else. Adaptors are plain classes with the
same methods and no common ancestor; :class:`Framework` only writes the methods down.

What differs and is hidden here: how arrays go in and out (bfloat16 has no NumPy type), how a
gradient is asked for, when a call has really finished, what "traced" means, how memory is counted.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

from suite.frameworks.contract import Framework
from suite.frameworks.of_jax import Jax
from suite.frameworks.of_numpy import Numpy
from suite.frameworks.of_torch import Torch

__all__ = ["Framework", "get"]


@functools.cache
def get(name: str) -> Framework:
    """The adaptor of that name, one per process; KeyError lists the names."""
    adaptors: dict[str, Callable[[], Framework]] = {"numpy": Numpy, "torch": Torch, "jax": Jax}
    if name not in adaptors:
        raise KeyError(f"framework {name!r}: expected one of {', '.join(adaptors)}")
    return adaptors[name]()
