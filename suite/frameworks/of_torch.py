"""torch as the harness sees it."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from suite.frameworks.contract import Target
from suite.frameworks.cuda_graph import CapturedCall
from suite.operators.arguments import dtype_name
from suite.operators.base import first, gathered


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

    def owns(self, value: Any) -> bool:
        return isinstance(value, self.torch.Tensor)

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

    def detach(self, array: Any) -> Any:
        return array.detach()

    def elementary(self, name: str) -> Callable[[Any], Any]:
        return self.detach if name == "stop_gradient" else getattr(self.torch, name)

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
                return (first(function(**gathered(arrays), **options)),)

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
            # The given tensors themselves, as a user's parameters are: a cache by identity shows.
            leaves = [arrays[name].requires_grad_() for name in wrt]
            output = first(function(**gathered(arrays), **options))
            gradients = torch.autograd.grad(output, leaves, cotangent, allow_unused=True)
            for name, gradient in zip(wrt, gradients, strict=True):
                if gradient is None:
                    raise ValueError(f"no gradient reaches {name}: the output does not use it")
            return (output.detach(), *gradients)

        return target

    def capture(self, target: Target) -> CapturedCall:
        return CapturedCall(self.torch, target)

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

    def compiled_cost(
        self, target: Target, arrays: Mapping[str, Any], cotangent: Any
    ) -> dict[str, float]:
        return {}

    def is_plain(self, array: Any, device: str) -> bool:
        return type(array) is self.torch.Tensor and array.device.type == device

    def relaid(self, array: Any, layout: str) -> Any:
        if layout == "strided" and array.ndim:
            wide = array.new_full((*array.shape[:-1], 2 * array.shape[-1]), float("nan"))
            wide[..., ::2] = array
            return wide[..., ::2]
        if layout == "transposed" and array.ndim == 2:
            return array.t().contiguous().t()
        if layout == "expanded" and array.ndim == 2:
            return array[:1].expand(array.shape)
        return array

    def write(self, array: Any, values: np.ndarray) -> Any:
        with self.torch.no_grad():
            return array.copy_(self.torch.as_tensor(np.asarray(values)))

    def curvature(
        self, function: Callable, options: Mapping[str, Any], wrt: tuple[str, ...]
    ) -> Callable[[Mapping[str, Any], Any, Any], Any]:
        torch = self.torch

        def target(arrays: Mapping[str, Any], cotangent: Any, direction: Any) -> Any:
            leaves = {name: arrays[name].detach().requires_grad_() for name in wrt}
            output = first(function(**gathered({**arrays, **leaves}), **options))
            main, given = leaves[wrt[0]], list(leaves.values())
            gradient = torch.autograd.grad(output, given, cotangent, create_graph=True)[0]
            if not gradient.requires_grad:
                # Next to any other term of a loss it would count as a constant.
                return torch.zeros_like(main)
            along = (gradient * direction).sum()
            (found,) = torch.autograd.grad(along, main, allow_unused=True)
            return torch.zeros_like(main) if found is None else found

        return target

    def watched(self) -> dict[str, Any]:
        torch = self.torch
        event = torch.cuda.Event
        owners = {
            "torch": (torch, ("tensor", "as_tensor", "index_select", "sort")),
            "torch.autograd": (torch.autograd, ("grad",)),
            "torch.cuda": (torch.cuda, ("CUDAGraph", "Event", "graph", "synchronize")),
            "torch.cuda.CUDAGraph": (torch.cuda.CUDAGraph, ("capture_begin", "replay")),
            "torch.cuda.Event": (event, ("record", "elapsed_time", "synchronize")),
            "torch.Tensor": (torch.Tensor, ("clone", "cpu", "detach", "numpy")),
        }
        return {
            f"{owner}.{name}": getattr(place, name)
            for owner, (place, names) in owners.items()
            for name in names
        }
