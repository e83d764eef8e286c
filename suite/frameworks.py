"""One adaptor per array framework: the only file that knows how they differ.

Shaped so that a framework is imported when its adaptor first needs it and never before: a machine
without jax, or with a broken torch, still runs everything else. Adaptors are plain classes with the
same methods and no common ancestor; :class:`Framework` only writes the methods down.

What differs and is hidden here: how arrays go in and out (bfloat16 has no NumPy type), how a
gradient is asked for, when a call has really finished, what "traced" means, how memory is counted.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import numpy as np

from suite.operators.arguments import dtype_name

Target = Callable[[Mapping[str, Any], Any], tuple]


class Framework(Protocol):
    """What the harness needs of a framework.

    missing(device) -> why it cannot run there, or None.
    array(values, dtype, device) -> the framework's array; numpy(array) -> NumPy, half as float32.
    cast(array, dtype): differentiable change of dtype. is_traced(*values): inside a transform.
    forward(function, options), forward_backward(function, options, wrt, vjp): targets that take
    (arrays by name, cotangent) and return (output, *gradients), unsynchronised.
    take(array, index, axis): gather along one axis, a fresh array.
    synchronize(value): wait until the value is there. copy(array), sort(array): yardsticks.
    flush(device): enqueue a write as large as a GPU's L2, so that inputs come from memory.
    versions() -> packages and what was configured. threads() -> CPU threads it uses.
    peak_memory_reset(device), peak_memory(device): device allocator's bytes; None on a CPU.
    compilation() -> counts kept by its compiler since the process began.
    """

    name: str

    def missing(self, device: str) -> str | None: ...
    def array(self, values: Any, dtype: str, device: str) -> Any: ...
    def numpy(self, array: Any) -> np.ndarray: ...
    def cast(self, array: Any, dtype: str) -> Any: ...
    def is_traced(self, *values: Any) -> bool: ...
    def forward(self, function: Callable, options: Mapping[str, Any]) -> Target: ...
    def forward_backward(
        self,
        function: Callable,
        options: Mapping[str, Any],
        wrt: tuple[str, ...],
        vjp: Callable | None = None,
    ) -> Target: ...
    def take(self, array: Any, index: np.ndarray, axis: int) -> Any: ...
    def synchronize(self, value: Any) -> None: ...
    def flush(self, device: str) -> None: ...
    def copy(self, array: Any) -> Any: ...
    def sort(self, array: Any) -> Any: ...
    def versions(self) -> dict[str, str]: ...
    def threads(self) -> int: ...
    def peak_memory_reset(self, device: str) -> None: ...
    def peak_memory(self, device: str) -> int | None: ...
    def compilation(self) -> dict[str, int]: ...


class Numpy:
    """NumPy and SciPy on the CPU; gradients come from the implementation's own vjp."""

    name = "numpy"

    def missing(self, device: str) -> str | None:
        return None if device == "cpu" else "numpy runs on the cpu only"

    def array(self, values: Any, dtype: str, device: str) -> np.ndarray:
        if dtype == "bfloat16":
            raise TypeError("numpy has no bfloat16")
        return np.array(values, dtype=dtype)

    def numpy(self, array: Any) -> np.ndarray:
        return np.asarray(array, dtype=np.float32 if array.dtype == np.float16 else None)

    def cast(self, array: Any, dtype: str) -> np.ndarray:
        with np.errstate(over="ignore"):
            return np.asarray(array).astype(dtype)

    def is_traced(self, *values: Any) -> bool:
        return False

    def forward(self, function: Callable, options: Mapping[str, Any]) -> Target:
        def target(arrays: Mapping[str, Any], cotangent: Any) -> tuple:
            return (function(**arrays, **options),)

        return target

    def forward_backward(
        self,
        function: Callable,
        options: Mapping[str, Any],
        wrt: tuple[str, ...],
        vjp: Callable | None = None,
    ) -> Target:
        if vjp is None:
            raise TypeError("a numpy implementation is differentiated by its vjp=")

        def target(arrays: Mapping[str, Any], cotangent: Any) -> tuple:
            dtype = arrays[wrt[0]].dtype
            output = function(**arrays, **options)
            wide = {
                k: a.astype(np.float32) if a.dtype == np.float16 else a for k, a in arrays.items()
            }
            gradients = vjp(cotangent.astype(wide[wrt[0]].dtype), wrt, **wide, **options)
            return (output, *(np.asarray(g).astype(dtype, copy=False) for g in gradients))

        return target

    def take(self, array: np.ndarray, index: np.ndarray, axis: int) -> np.ndarray:
        return np.take(array, index, axis=axis)

    def synchronize(self, value: Any) -> None:
        return None

    def flush(self, device: str) -> None:
        return None

    def copy(self, array: np.ndarray) -> np.ndarray:
        return array.copy()

    def sort(self, array: np.ndarray) -> np.ndarray:
        return np.sort(array, axis=-1)

    def versions(self) -> dict[str, str]:
        import scipy

        return {"numpy": np.__version__, "scipy": scipy.__version__}

    def threads(self) -> int:
        return 1

    def peak_memory_reset(self, device: str) -> None:
        return None

    def peak_memory(self, device: str) -> int | None:
        return None

    def compilation(self) -> dict[str, int]:
        return {}


class Torch:
    """torch, eager or compiled, on the CPU or one CUDA device."""

    name = "torch"

    @property
    def torch(self) -> Any:
        import torch

        return torch

    def missing(self, device: str) -> str | None:
        try:
            torch = self.torch
        except ImportError as error:
            return f"torch is not installed ({error})"
        if device == "cuda" and not torch.cuda.is_available():
            return "torch sees no CUDA device"
        return None

    def array(self, values: Any, dtype: str, device: str) -> Any:
        torch = self.torch
        return torch.tensor(np.asarray(values), dtype=getattr(torch, dtype), device=device)

    def numpy(self, array: Any) -> np.ndarray:
        array = array.detach()
        if dtype_name(array) in ("float16", "bfloat16"):
            array = array.float()
        return array.cpu().numpy()

    def cast(self, array: Any, dtype: str) -> Any:
        return array.to(getattr(self.torch, dtype))

    def is_traced(self, *values: Any) -> bool:
        torch = self.torch
        if torch.compiler.is_compiling():
            return True
        return any(
            isinstance(value, torch.Tensor)
            and torch._C._functorch.is_functorch_wrapped_tensor(value)
            for value in values
        )

    def forward(self, function: Callable, options: Mapping[str, Any]) -> Target:
        torch = self.torch

        def target(arrays: Mapping[str, Any], cotangent: Any) -> tuple:
            with torch.no_grad():
                return (function(**arrays, **options),)

        return target

    def forward_backward(
        self,
        function: Callable,
        options: Mapping[str, Any],
        wrt: tuple[str, ...],
        vjp: Callable | None = None,
    ) -> Target:
        torch = self.torch

        def target(arrays: Mapping[str, Any], cotangent: Any) -> tuple:
            leaves = {name: arrays[name].detach().requires_grad_() for name in wrt}
            output = function(**{**arrays, **leaves}, **options)
            gradients = torch.autograd.grad(output, list(leaves.values()), cotangent)
            return (output.detach(), *gradients)

        return target

    def take(self, array: Any, index: np.ndarray, axis: int) -> Any:
        where = self.torch.as_tensor(index, device=array.device)
        return self.torch.index_select(array, axis, where)

    def synchronize(self, value: Any) -> None:
        for tensor in value if isinstance(value, (tuple, list)) else (value,):
            if tensor.device.type == "cuda":
                self.torch.cuda.synchronize(tensor.device)
                return

    @functools.cached_property
    def _cache(self) -> Any:
        size = self.torch.cuda.get_device_properties(0).L2_cache_size
        return self.torch.empty(size, dtype=self.torch.int8, device="cuda")

    def flush(self, device: str) -> None:
        if device == "cuda":
            self._cache.zero_()

    def copy(self, array: Any) -> Any:
        return array.clone()

    def sort(self, array: Any) -> Any:
        return self.torch.sort(array, dim=-1).values

    def versions(self) -> dict[str, str]:
        return {"torch": self.torch.__version__, "torch cuda": str(self.torch.version.cuda)}

    def threads(self) -> int:
        return self.torch.get_num_threads()

    def peak_memory_reset(self, device: str) -> None:
        if device == "cuda":
            self.torch.cuda.empty_cache()
            self.torch.cuda.reset_peak_memory_stats()
            self._before = self.torch.cuda.memory_allocated()

    def peak_memory(self, device: str) -> int | None:
        if device != "cuda":
            return None
        return self.torch.cuda.max_memory_allocated() - self._before

    def compilation(self) -> dict[str, int]:
        """Graphs, graph breaks and generated kernels, once anything was compiled; else {}."""
        import sys

        utils = sys.modules.get("torch._dynamo.utils")
        if utils is None or not utils.counters["stats"].get("unique_graphs"):
            return {}
        from torch._inductor import metrics

        return {
            "graphs": int(utils.counters["stats"]["unique_graphs"]),
            "graph_breaks": int(sum(utils.counters["graph_break"].values())),
            "kernels": int(metrics.generated_kernel_count),
        }


class Jax:
    """jax through XLA, on the CPU or one CUDA device."""

    name = "jax"

    @property
    def jax(self) -> Any:
        # Half of the GPU's memory taken at start would count as everybody's peak.
        os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
        import jax

        return jax

    def missing(self, device: str) -> str | None:
        try:
            jax = self.jax
        except ImportError as error:
            return f"jax is not installed ({error})"
        try:
            jax.devices(device)
        except RuntimeError:
            return f"jax sees no {device} device"
        return None

    def array(self, values: Any, dtype: str, device: str) -> Any:
        jax = self.jax
        if dtype == "float64" and not jax.config.jax_enable_x64:
            raise TypeError("jax computes in float64 only with jax_enable_x64 set")
        host = np.array(values, dtype=np.float64 if dtype == "float64" else np.float32)
        return jax.device_put(jax.numpy.asarray(host).astype(dtype), jax.devices(device)[0])

    def numpy(self, array: Any) -> np.ndarray:
        if dtype_name(array) in ("float16", "bfloat16"):
            array = array.astype("float32")
        return np.asarray(array)

    def cast(self, array: Any, dtype: str) -> Any:
        return array.astype(dtype)

    def is_traced(self, *values: Any) -> bool:
        tracer = self.jax.core.Tracer
        return any(isinstance(value, tracer) for value in values)

    def forward(self, function: Callable, options: Mapping[str, Any]) -> Target:
        @self.jax.jit
        def target(arrays: Mapping[str, Any], cotangent: Any) -> tuple:
            return (function(**arrays, **options),)

        return target

    def forward_backward(
        self,
        function: Callable,
        options: Mapping[str, Any],
        wrt: tuple[str, ...],
        vjp: Callable | None = None,
    ) -> Target:
        jax = self.jax

        @jax.jit
        def target(arrays: Mapping[str, Any], cotangent: Any) -> tuple:
            rest = {name: array for name, array in arrays.items() if name not in wrt}

            def of(*values: Any) -> Any:
                return function(**rest, **dict(zip(wrt, values, strict=True)), **options)

            output, pull = jax.vjp(of, *(arrays[name] for name in wrt))
            return (output, *pull(cotangent))

        return target

    def take(self, array: Any, index: np.ndarray, axis: int) -> Any:
        return self.jax.numpy.take(array, index, axis=axis)

    def synchronize(self, value: Any) -> None:
        self.jax.block_until_ready(value)

    @functools.cached_property
    def _cache(self) -> tuple[Callable, Any]:
        # jax does not tell the L2's size: 128 MiB exceeds that of every current GPU.
        write = self.jax.jit(lambda array: array + 1, donate_argnums=0)
        return write, self.jax.numpy.zeros(1 << 27, dtype="int8")

    def flush(self, device: str) -> None:
        if device == "cuda":
            write, array = self._cache
            self._cache = write, write(array)

    @functools.cached_property
    def _sort(self) -> Callable:
        """Sort by the floats' bits as ordered integers: XLA compares floats several times slower,
        and misses the fast sorts of a GPU (openxla/xla#35587)."""
        jax, jnp = self.jax, self.jax.numpy

        @jax.jit
        def sort(array: Any) -> Any:
            if array.dtype.itemsize < 4:
                return jnp.sort(array, axis=-1)
            integer = jnp.int64 if array.dtype.itemsize == 8 else jnp.int32
            lowest = jnp.iinfo(integer).min
            bits = jax.lax.bitcast_convert_type(array, integer)
            ordered = jnp.sort(jnp.where(bits < 0, lowest - bits - 1, bits), axis=-1)
            bits = jnp.where(ordered < 0, lowest - ordered - 1, ordered)
            return jax.lax.bitcast_convert_type(bits, array.dtype)

        return sort

    def copy(self, array: Any) -> Any:
        return self.jax.numpy.array(array, copy=True)

    def sort(self, array: Any) -> Any:
        return self._sort(array)

    def versions(self) -> dict[str, str]:
        import jaxlib

        return {"jax": self.jax.__version__, "jaxlib": jaxlib.__version__}

    def threads(self) -> int:
        return (
            len(os.sched_getaffinity(0))
            if hasattr(os, "sched_getaffinity")
            else os.cpu_count() or 1
        )

    def peak_memory_reset(self, device: str) -> None:
        self._before = (self._stats(device) or {}).get("bytes_in_use", 0)

    def peak_memory(self, device: str) -> int | None:
        stats = self._stats(device)
        return None if stats is None else stats["peak_bytes_in_use"] - self._before

    def _stats(self, device: str) -> dict[str, int] | None:
        return self.jax.devices(device)[0].memory_stats()

    def compilation(self) -> dict[str, int]:
        return {}


@functools.cache
def get(name: str) -> Framework:
    """The adaptor of that name, one per process; KeyError lists the names."""
    adaptors: dict[str, Callable[[], Framework]] = {"numpy": Numpy, "torch": Torch, "jax": Jax}
    if name not in adaptors:
        raise KeyError(f"framework {name!r}: expected one of {', '.join(adaptors)}")
    return adaptors[name]()


def cores() -> int:
    """CPU cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
