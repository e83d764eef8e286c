"""Launches of compiled kernels on a GPU, through the driver alone: whoever owns arrays and streams.

A planner (``batch_shaping.py``, ...) says what is launched, a framework with which arrays and when.
Every kernel takes one structure, which ctypes lays out as the compiler does.
"""

import ctypes
import functools
from dataclasses import dataclass
from typing import NamedTuple

from implementations.cuda.compile import kernel as compiled_kernel

POINTER = ctypes.c_void_p
WHOLE = ctypes.c_longlong


class Launch(NamedTuple):
    """One launch: a template's instance in a source, blocks, threads a block, its structure.

    shared: bytes of shared memory that a block is given.
    """

    source: str
    kernel: str
    blocks: int
    threads: int
    shared: int
    arguments: ctypes.Structure


class Parameter(ctypes.Structure):
    """``Parameter`` in storage.cuh: a number for all rows, or an address of one a row."""

    _fields_ = [
        ("values", POINTER),
        ("stride", WHOLE),
        ("value", ctypes.c_double),
        ("single", WHOLE),
    ]

    @classmethod
    def number(cls, value):
        return cls(0, 0, value, 0)

    @classmethod
    def one_a_row(cls, address, stride, dtype):
        """dtype: "float32" or "float64"."""
        return cls(address, stride, 0.0, dtype == "float32")


@dataclass(frozen=True)
class Device:
    """architecture: "sm_90". shared: most bytes of shared memory a block can be given."""

    architecture: str
    shared: int
    processors: int


class Driver:
    """Launches by the CUDA driver; every call's return code is checked."""

    def __init__(self):
        self._loaded = {}

    @functools.cache  # noqa: B019 - one driver lives as long as the process
    def device(self, index):
        """What a ``Device`` says of the GPU of that index."""
        from cuda.bindings import driver

        _checked(driver.cuInit(0))
        handle = _checked(driver.cuDeviceGet(index))
        attribute = driver.CUdevice_attribute
        major, minor, shared, processors = (
            _checked(driver.cuDeviceGetAttribute(which, handle))
            for which in (
                attribute.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR,
                attribute.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR,
                attribute.CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN,
                attribute.CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT,
            )
        )
        return Device(f"sm_{major}{minor}", shared, processors)

    def run(self, launches, index, stream):
        """Launch in order on a stream (its handle) of the GPU of that index.

        Raises RuntimeError with the driver's own name for what it refuses.
        """
        from cuda.bindings import driver

        left = self._enter(index)
        try:
            for one in launches:
                kernel = self._kernel(one, index, launches)
                parameters = (ctypes.c_void_p * 1)(ctypes.addressof(one.arguments))
                _checked(
                    driver.cuLaunchKernel(
                        kernel, one.blocks, 1, 1, one.threads, 1, 1, one.shared, stream,
                        ctypes.addressof(parameters), 0,
                    ),
                    one.kernel,
                )  # fmt: skip
        finally:
            if left is not None:
                _checked(driver.cuCtxPopCurrent())

    def _enter(self, index):
        """Make the GPU's primary context current unless one of that GPU is; what to pop, or None.

        Frameworks work in the primary context, but a thread of theirs may have none yet.
        """
        from cuda.bindings import driver

        code, current = driver.cuCtxGetDevice()
        if code == driver.CUresult.CUDA_SUCCESS and int(current) == index:
            return None
        context = self._context(index)
        _checked(driver.cuCtxPushCurrent(context))
        return context

    @functools.cache  # noqa: B019
    def _context(self, index):
        from cuda.bindings import driver

        self.device(index)
        return _checked(driver.cuDevicePrimaryCtxRetain(_checked(driver.cuDeviceGet(index))))

    def _kernel(self, one, index, beside):
        """A launch's kernel on a GPU, loaded once and compiled with those launched beside it."""
        key = one.source, one.kernel, one.shared, index
        if key not in self._loaded:
            self._loaded[key] = self._load(one, index, beside)
        return self._loaded[key]

    def _load(self, one, index, beside):
        from cuda.bindings import driver

        names = [other.kernel for other in beside if other.source == one.source]
        architecture = self.device(index).architecture
        cubin, symbol = compiled_kernel(one.source, one.kernel, names, architecture)
        library = _checked(driver.cuLibraryLoadData(cubin.read_bytes(), [], [], 0, [], [], 0))
        kernel = _checked(driver.cuLibraryGetKernel(library, symbol.encode()))
        if one.shared > 48 * 1024:
            attribute = driver.CUfunction_attribute.CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES
            handle = _checked(driver.cuDeviceGet(index))
            _checked(driver.cuKernelSetAttribute(attribute, one.shared, kernel, handle), one.kernel)
        # As an integer: what takes a function takes a kernel too, but Python's types differ.
        return driver.CUfunction(int(kernel))


def _checked(result, what=""):
    """What a driver's call returned beside its code; RuntimeError unless that is success."""
    code, *values = result
    if int(code) != 0:
        raise RuntimeError(f"CUDA driver: {code.name}{what and f' in {what}'}")
    return values[0] if values else None


_launcher = [Driver()]


def device(index):
    """The ``Device`` of that index."""
    return _launcher[0].device(index)


def run(launches, index, stream):
    """Launch in order on a stream of the GPU of that index; see ``Driver.run``."""
    launcher = _launcher[0]
    launcher.run(launches, index, stream)


def replace(launcher):
    """Launch by that from now on, which has ``device`` and ``run`` of ``Driver``: an emulation.

    Returns what launched before.
    """
    before, _launcher[0] = _launcher[0], launcher
    return before


def storage(dtype):
    """The kernels' name of a dtype's storage: "float32" to "float"."""
    return {"float32": "float", "float64": "double", "float16": "Half", "bfloat16": "BFloat"}[dtype]
