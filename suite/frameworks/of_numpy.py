"""NumPy and SciPy as the harness sees them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from scipy import special

from suite.frameworks.contract import Target
from suite.operators.base import first, gathered


class Numpy:
    """NumPy and SciPy on the CPU; gradients come from the implementation's own vjp."""

    name = "numpy"

    def missing(self, device: str) -> str | None:
        return None if device == "cpu" else "numpy runs on the cpu only"

    def owns(self, value: Any) -> bool:
        return isinstance(value, np.ndarray)

    def array(self, values: Any, dtype: str, device: str) -> np.ndarray:
        if dtype == "bfloat16":
            raise TypeError("numpy has no bfloat16")
        return np.array(values, dtype=dtype)

    def numpy(self, array: Any) -> np.ndarray:
        return np.asarray(array, dtype=np.float32 if array.dtype == np.float16 else None)

    def cast(self, array: Any, dtype: str) -> np.ndarray:
        with np.errstate(over="ignore"):
            return np.asarray(array).astype(dtype)

    def detach(self, array: Any) -> Any:
        return array

    def elementary(self, name: str) -> Callable[[Any], Any]:
        own = {
            "sigmoid": special.expit,
            "relu": lambda array: np.maximum(array, 0),
            "stop_gradient": self.detach,
        }
        return own[name] if name in own else getattr(np, name)

    def is_traced(self, *values: Any) -> bool:
        return False

    def forward(self, function: Callable, options: Mapping[str, Any]) -> Target:
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
        if vjp is None:
            raise TypeError("a numpy implementation is differentiated by its vjp=")

        def target(arrays: Mapping[str, Any], cotangent: Any) -> tuple:
            dtype = arrays[wrt[0]].dtype
            output = first(function(**gathered(arrays), **options))
            wide = {
                k: a.astype(np.float32) if a.dtype == np.float16 else a for k, a in arrays.items()
            }
            gradients = vjp(cotangent.astype(wide[wrt[0]].dtype), wrt, **gathered(wide), **options)
            return (output, *(np.asarray(g).astype(dtype, copy=False) for g in gradients))

        return target

    def capture(self, target: Target) -> Any:
        raise NotImplementedError("only torch's calls are captured as CUDA graphs")

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

    def compiled_cost(
        self, target: Target, arrays: Mapping[str, Any], cotangent: Any
    ) -> dict[str, float]:
        return {}

    def is_plain(self, array: Any, device: str) -> bool:
        return type(array) is np.ndarray or isinstance(array, np.generic)

    def relaid(self, array: np.ndarray, layout: str) -> np.ndarray:
        if layout == "strided" and array.ndim:
            wide = np.full((*array.shape[:-1], 2 * array.shape[-1]), np.nan, array.dtype)
            wide[..., ::2] = array
            return wide[..., ::2]
        if layout == "transposed" and array.ndim > 1:
            return np.ascontiguousarray(array.T).T
        if layout == "expanded" and array.ndim == 2:
            return np.broadcast_to(array[:1], array.shape)
        return array

    def write(self, array: np.ndarray, values: np.ndarray) -> np.ndarray:
        np.copyto(array, values, casting="same_kind")
        return array

    def curvature(
        self, function: Callable, options: Mapping[str, Any], wrt: tuple[str, ...]
    ) -> Callable[[Mapping[str, Any], Any, Any], Any]:
        raise NotImplementedError("numpy has no autodiff to differentiate a gradient again")

    def watched(self) -> dict[str, Any]:
        names = ("array", "asarray", "array_equal", "copyto", "savez", "sort", "take")
        return {f"numpy.{name}": getattr(np, name) for name in names}
