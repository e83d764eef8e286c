"""Stands for the CUDA driver: a launch runs its kernel on the host, one fiber a thread."""

import contextlib
import ctypes

from cuda_host.build import NEEDS, SHIPPED, compiler, library

from implementations.cuda import launch
from implementations.cuda.launch import Device

START = """
#include "cuda.h"

#include "{source}"

#include "fibers.h"
"""
ENTRY = """
extern "C" const char* run_{number}(long long blocks, int threads, int shared, unsigned int seed,
                                    void* arguments, long long bytes) {{
  return fibers::launch({kernel}, blocks, threads, shared, seed, arguments, bytes);
}}
"""


def emulate_torch():
    """Have the kernels' torch operators take tensors of the CPU; a reason where that cannot be."""
    return on_cpu_torch() or _emulate()


def emulate_jax():
    """Have the kernels' custom calls take arrays of jax's CPU; a reason where that cannot be."""
    return on_cpu_jax() or _emulate()


def _emulate():
    launch.replace(HostDriver())


def on_cpu_torch():
    """Define the kernels' torch operators for the CPU too, before they are imported.

    Launches then need a driver that takes its addresses. Returns a reason where none can be built.
    """
    from implementations.cuda.torch import ops

    return _on_cpu(ops.KEYS, "CPU")


def on_cpu_jax():
    """The same for custom calls of jax."""
    from implementations.cuda.jax import ffi

    return _on_cpu(ffi.PLATFORMS, "cpu")


def _on_cpu(places, cpu):
    if compiler() is None:
        return NEEDS
    if cpu not in places:
        places.append(cpu)
    return None


@contextlib.contextmanager
def launching(driver):
    """Launch by a driver, and afterwards by what launched before."""
    before = launch.replace(driver)
    try:
        yield driver
    finally:
        launch.replace(before)


class LaunchError(Exception):
    """A launch that a GPU would refuse, or worse, not notice."""


class HostDriver:
    """As ``implementations.cuda.launch.Driver``, for arrays of the CPU.

    seed: of the order in which threads take their turns, 0 for one after another. launched: what
    has been run. sources: the folder of kernels. shared: bytes of shared memory of a block; with 0
    no row fits one. processors: the fewer, the more a block has to do.
    """

    def __init__(self, seed=1, sources=SHIPPED, flags=(), shared=227 * 1024, processors=4):
        self.seed, self.sources, self.flags, self.shared = seed, sources, flags, shared
        self.processors = processors
        self.launched = []
        self.built = {}

    def device(self, index):
        return Device("sm_90", self.shared, self.processors)

    def run(self, launches, index, stream):
        self._build(launches)
        for one in launches:
            arguments = one.arguments
            error = self.built[one.source, one.kernel](
                ctypes.c_longlong(one.blocks), one.threads, one.shared, self.seed,
                ctypes.byref(arguments), ctypes.c_longlong(ctypes.sizeof(arguments)),
            )  # fmt: skip
            if error is not None:
                raise LaunchError(f"{one.kernel}: {error.decode()}")
            self.launched.append(one)

    def _build(self, launches):
        """Build what is new in these launches, together, as reading CUB's and C++'s headers is most
        of the work."""
        new = dict.fromkeys((one.source, one.kernel) for one in launches)
        new = [key for key in new if key not in self.built]
        for source in dict.fromkeys(source for source, _ in new):
            names = [kernel for other, kernel in new if other == source]
            text = START.format(source=source)
            for number, kernel in enumerate(names):
                text += ENTRY.format(number=number, kernel=kernel)
            made = library(text, self.flags, self.sources)
            for number, kernel in enumerate(names):
                function = getattr(made, f"run_{number}")
                function.restype = ctypes.c_char_p
                self.built[source, kernel] = function
