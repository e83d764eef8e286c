"""The kernels as XLA's custom calls, by jax-tvm-ffi: a Python function per call, on XLA's stream.

jax-tvm-ffi needs no compiler and costs some 6 us a call, less than a launch waits for most kernels;
once XLA has recorded a computation in a command buffer, a replay does not come here at all.
"""

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np

from implementations.cuda import launch
from implementations.cuda.launch import Parameter

NAMESPACE = "cdfbench_cuda"
PLATFORMS = ["gpu"]
"""What calls are defined for; an emulation adds the CPU's."""


def define(name, run, **attributes):
    """A custom call; returns call(results, *operands, **options) -> arrays.

    run(place, options, *buffers): launches for operands and then results, each with ``shape``,
    ``dtype`` and ``data_ptr()``; leading axes of a vmap are more rows. results: of shapes and
    dtypes, a tuple. attributes: by name, what an option can be, a tuple of choices, ``float``
    or ``int``. Differentiating a call raises NotImplementedError.

    Options travel as numbers: jax-tvm-ffi 0.1.3 writes where it must not for longer strings, and a
    number that stood for a whole set of options would mean another one in another process.
    """
    import jax_tvm_ffi
    import tvm_ffi

    target, count = f"{NAMESPACE}.{name}", len(attributes)

    def callback(*given):
        buffers, device = given[count:], given[count].device
        pairs = zip(attributes.items(), given, strict=False)
        options = {n: v if kind in (float, int) else kind[v] for (n, kind), v in pairs}
        run(Place(device.index, tvm_ffi.get_raw_stream(device)), options, *buffers)

    function = tvm_ffi.convert(callback)
    order = [*(f"attrs.{name}" for name in attributes), "args", "rets"]
    for platform in PLATFORMS:
        jax_tvm_ffi.register_ffi_target(
            target, function, order, platform=platform, allow_cuda_graph=True
        )

    def call(results, *operands, **options):
        numbers = {n: _number(options[n], kind) for n, kind in attributes.items()}
        ask = jax.ffi.ffi_call(target, results, vmap_method="broadcast_all")
        return _once(name, lambda *given: ask(*given, **numbers), *operands)

    return call


def _number(option, kind):
    if kind is float:
        return np.float64(option)
    return np.int64(option if kind is int else kind.index(option))


@functools.partial(jax.custom_jvp, nondiff_argnums=(0, 1))
def _once(name, call, *operands):
    return call(*operands)


@_once.defjvp
def _refuse(name, call, primals, tangents):
    raise NotImplementedError(
        f"{name} has first derivatives only: its gradient cannot be differentiated again"
    )


class Place:
    """The GPU and the stream of a call."""

    def __init__(self, index, stream):
        self.index, self.stream = index, stream

    @functools.cached_property
    def device(self):
        return launch.device(self.index)

    def run(self, launches):
        launch.run(launches, self.index, self.stream)


def first_device():
    """Of this process's GPUs, that which decides what fits a block.

    Raises RuntimeError where jax has none.
    """
    if "cpu" not in PLATFORMS and jax.default_backend() == "cpu":
        raise RuntimeError("the CUDA kernels run on cuda only: jax sees no GPU")
    return launch.device(0)


def shape(dims, dtype):
    return jax.ShapeDtypeStruct(dims, dtype)


def computed(x):
    """What is computed in for samples of x's dtype."""
    return jnp.float64 if x.dtype == jnp.float64 else jnp.float32


def work(rows, described):
    """Memory of rows, in bytes as jax may have no float64: shapes and dtypes of a row by name."""
    sizes = (math.prod(dims) * np.dtype(dtype).itemsize for dims, dtype in described.values())
    return tuple(shape((rows, size), "uint8") for size in sizes)


def rows_of(buffer):
    """(R, N) of a buffer (..., N), whatever a vmap has put before it."""
    *leading, samples = buffer.shape
    return math.prod(leading), samples


def address(buffer):
    """Of its data, 0 where it is empty."""
    return 0 if 0 in buffer.shape else buffer.data_ptr()


def parameter(buffer):
    """One value a row (R,), as kernels take it."""
    return Parameter.one_a_row(buffer.data_ptr(), 1, str(buffer.dtype))
