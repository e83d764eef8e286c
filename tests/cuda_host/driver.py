"""Stands for the CUDA driver: a launch runs its kernel on the host, one fiber a thread."""

import ctypes
import functools

from cuda_host.build import NEEDS, SHIPPED, compiler, library

from implementations.cuda import launch
from implementations.cuda.launch import Device

ENTRY = """
#include "cuda.h"

#include "{source}"

#include "fibers.h"

extern "C" const char* run(long long blocks, int threads, int shared, unsigned int seed,
                           void* arguments, long long bytes) {{
  return fibers::launch({kernel}, blocks, threads, shared, seed, arguments, bytes);
}}
"""


def emulate_torch():
    """Have the kernels' torch operators take tensors of the CPU; a reason where that cannot be."""
    from implementations.cuda.torch import ops

    return _emulate(ops.KEYS, "CPU")


def emulate_jax():
    """Have the kernels' custom calls take arrays of the CPU; a reason where that cannot be."""
    from implementations.cuda.jax import ffi

    return _emulate(ffi.PLATFORMS, "cpu")


def _emulate(places, cpu):
    if compiler() is None:
        return NEEDS
    launch.replace(HostDriver())
    if cpu not in places:
        places.append(cpu)
    return None


class LaunchError(Exception):
    """A launch that a GPU would refuse, or worse, not notice."""


class HostDriver:
    """As ``implementations.cuda.launch.Driver``, for arrays of the CPU.

    seed: of the order in which threads take their turns, 0 for one after another. launched: what
    has been run. sources: the folder of kernels.
    """

    def __init__(self, seed=1, sources=SHIPPED, flags=()):
        self.seed, self.sources, self.flags = seed, sources, flags
        self.launched = []
        self._run = functools.cache(self._built)

    def device(self, index):
        return Device("sm_90", 227 * 1024, 4)

    def run(self, launches, index, stream):
        for one in launches:
            arguments = one.arguments
            error = self._run(one.source, one.kernel)(
                ctypes.c_longlong(one.blocks), one.threads, one.shared, self.seed,
                ctypes.byref(arguments), ctypes.c_longlong(ctypes.sizeof(arguments)),
            )  # fmt: skip
            if error is not None:
                raise LaunchError(f"{one.kernel}: {error.decode()}")
            self.launched.append(one)

    def _built(self, source, kernel):
        text = ENTRY.format(source=source, kernel=kernel)
        run = library(text, self.flags, self.sources).run
        run.restype = ctypes.c_char_p
        return run
