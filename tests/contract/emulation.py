"""Implementations that need a GPU, on a machine without one: their kernels run on the host.

``EMULATED`` gives, by an implementation's name, what gets it ready to take arrays of the CPU and
returns None, or a reason why it cannot here. Where there is a GPU nothing is emulated.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

from suite import frameworks
from suite.registry import Declaration


def _cuda_torch() -> str | None:
    from cuda_host import driver

    return driver.emulate_torch()


def _cuda_jax() -> str | None:
    from cuda_host import driver

    return driver.emulate_jax()


EMULATED: dict[str, Callable[[], str | None]] = {"cuda_torch": _cuda_torch, "cuda_jax": _cuda_jax}


def is_emulated(declaration: Declaration) -> bool:
    """Whether it runs on the host although it is for GPUs alone."""
    framework = frameworks.get(declaration.framework)
    return declaration.name in EMULATED and framework.missing("cuda") is not None


@functools.cache
def prepared(name: str) -> str | None:
    """Get an implementation ready, once; the reason where that cannot be."""
    return EMULATED[name]()
