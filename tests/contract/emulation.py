"""Implementations that need a GPU, on a machine without one: their kernels run on the host.

``EMULATED`` gives, by an implementation's name, what gets it ready to take arrays of the CPU and
returns None, or a reason why it cannot here. Where there is a GPU nothing is emulated.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

from interpreter import missing, on_host, quicken

from suite import frameworks
from suite.registry import Declaration

ELEMENTS = {"triton_torch": 2500, "triton_jax": 500}
"""Of the largest case that an implementation is run on whose emulation is slow; both run the same
kernels."""


def _interpreted() -> str | None:
    """Triton's interpreter, in tiles that it is quick with."""
    if reason := missing():
        return reason
    quicken()
    from implementations.triton import direct_counts

    # A program takes as long, however much it does.
    direct_counts.BINS, direct_counts.SEEN, direct_counts.SAMPLES = 32, 32, 256
    return None


def _called_back() -> str | None:
    """jax calls back to the interpreter where it would launch by jax-triton."""
    if reason := _interpreted():
        return reason
    from implementations.triton.jax import launch

    launch.carry_out = on_host
    return None


def _cuda_torch() -> str | None:
    from cuda_host import driver

    return driver.emulate_torch()


def _cuda_jax() -> str | None:
    from cuda_host import driver

    return driver.emulate_jax()


EMULATED: dict[str, Callable[[], str | None]] = {
    "cuda_torch": _cuda_torch,
    "cuda_jax": _cuda_jax,
    "triton_torch": _interpreted,
    "triton_jax": _called_back,
}


def is_emulated(declaration: Declaration) -> bool:
    """Whether it runs on the host although it is for GPUs alone."""
    framework = frameworks.get(declaration.framework)
    return declaration.name in EMULATED and framework.missing("cuda") is not None


@functools.cache
def prepared(name: str) -> str | None:
    """Get an implementation ready, once; the reason where that cannot be."""
    return EMULATED[name]()
