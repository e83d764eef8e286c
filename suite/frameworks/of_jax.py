"""jax as the harness sees it."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from suite.frameworks.contract import Target
from suite.machine import cores
from suite.operators.arguments import dtype_name
from suite.operators.base import first, gathered


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

    def owns(self, value: Any) -> bool:
        # Every function of jax.numpy takes NumPy arrays, too.
        return isinstance(value, (self.jax.Array, np.ndarray))

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

    def detach(self, array: Any) -> Any:
        return array

    def elementary(self, name: str) -> Callable[[Any], Any]:
        owners = {"relu": self.jax.nn, "sigmoid": self.jax.nn, "stop_gradient": self.jax.lax}
        return getattr(owners.get(name, self.jax.numpy), name)

    def is_traced(self, *values: Any) -> bool:
        tracer = self.jax.core.Tracer
        return any(isinstance(value, tracer) for value in values)

    def forward(self, function: Callable, options: Mapping[str, Any]) -> Target:
        @self.jax.jit
        def target(arrays: Mapping[str, Any], cotangent: Any) -> tuple:
            return (first(function(**gathered(arrays), **options)),)

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
                arguments = gathered({**rest, **dict(zip(wrt, values, strict=True))})
                return first(function(**arguments, **options))

            output, pull = jax.vjp(of, *(arrays[name] for name in wrt))
            return (output, *pull(cotangent))

        return target

    def capture(self, target: Target) -> Any:
        raise NotImplementedError("only torch's calls are captured as CUDA graphs")

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
        # XLA makes as many as NPROC says, else one for each core that it may use.
        return int(os.environ.get("NPROC", 0)) or cores()

    def peak_memory_reset(self, device: str) -> None:
        self._before = (self._stats(device) or {}).get("bytes_in_use", 0)

    def peak_memory(self, device: str) -> int | None:
        stats = self._stats(device)
        return None if stats is None else stats["peak_bytes_in_use"] - self._before

    def _stats(self, device: str) -> dict[str, int] | None:
        return self.jax.devices(device)[0].memory_stats()

    def compilation(self) -> dict[str, int]:
        return {}

    def compiled_cost(
        self, target: Target, arrays: Mapping[str, Any], cotangent: Any
    ) -> dict[str, float]:
        """XLA's own analyses; {} where a backend has none. jax keeps what it has compiled: nothing
        is compiled anew."""
        jitted: Any = target
        try:
            compiled = jitted.lower(arrays, cotangent).compile()
            cost, memory = compiled.cost_analysis() or {}, compiled.memory_analysis()
        except (NotImplementedError, self.jax.errors.JaxRuntimeError):
            return {}
        found = {name: cost.get(name.replace("_", " ")) for name in ("flops", "bytes_accessed")}
        found["temp_memory"] = getattr(memory, "temp_size_in_bytes", None)
        return {name: float(value) for name, value in found.items() if value is not None}

    @functools.cached_property
    def _plain(self) -> Any:
        return type(self.jax.numpy.zeros(()))

    def is_plain(self, array: Any, device: str) -> bool:
        plain = type(array) is self._plain
        return plain and set(array.devices()) == {self.jax.devices(device)[0]}

    def relaid(self, array: Any, layout: str) -> Any:
        return array

    def write(self, array: Any, values: np.ndarray) -> Any:
        (device,) = array.devices()
        return self.array(values, dtype_name(array), device.platform)

    def curvature(
        self, function: Callable, options: Mapping[str, Any], wrt: tuple[str, ...]
    ) -> Callable[[Mapping[str, Any], Any, Any], Any]:
        jax, main = self.jax, wrt[0]

        @jax.jit
        def target(arrays: Mapping[str, Any], cotangent: Any, direction: Any) -> Any:
            def scalar(x: Any) -> Any:
                output = first(function(**gathered({**arrays, main: x}), **options))
                return (output * cotangent).sum()

            def along(x: Any) -> Any:
                return (jax.grad(scalar)(x) * direction).sum()

            return jax.grad(along)(arrays[main])

        return target

    def watched(self) -> dict[str, Any]:
        jax = self.jax
        names = ("block_until_ready", "device_put", "grad", "jit", "vjp")
        return {f"jax.{name}": getattr(jax, name) for name in names} | {
            f"jax.numpy.{name}": getattr(jax.numpy, name) for name in ("array", "asarray", "take")
        }
