"""A call of torch's captured once as a CUDA graph, and replayed on other values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from suite.frameworks.contract import Target, Uncapturable

WARM_UPS = 3
"""Calls before the capture, as torch asks for: what is compiled or loaded at first use is then."""


class CapturedCall:
    """A target whose :meth:`load` puts a round's arrays where its graph reads them.

    Calling it replays the graph on them and returns the graph's own outputs, which the next replay
    overwrites.
    """

    def __init__(self, torch: Any, target: Target) -> None:
        self.torch, self.target = torch, target
        self.given: tuple[dict[str, Any], Any] | None = None
        self.outputs: tuple = ()

    def load(self, arrays: Mapping[str, Any], cotangent: Any) -> tuple[dict[str, Any], Any]:
        """Copy the arrays into those of the graph, which is captured now at the first time.

        Raises :class:`Uncapturable` with torch's reason for what no graph can hold; what the call
        raises by itself is raised as it is.
        """
        if self.given is None:
            copies = {name: array.clone() for name, array in arrays.items()}
            self.given = copies, cotangent.clone()
            self._warm_up()
            self._capture()
        mine, weight = self.given
        with self.torch.no_grad():
            for name, array in arrays.items():
                mine[name].copy_(array)
            weight.copy_(cotangent)
        return self.given

    def __call__(self, arrays: Mapping[str, Any], cotangent: Any) -> tuple:
        self.graph.replay()
        return self.outputs

    def _warm_up(self) -> None:
        """On a stream beside the current one, as a capture is."""
        cuda = self.torch.cuda
        side = cuda.Stream()
        side.wait_stream(cuda.current_stream())
        with cuda.stream(side):
            for _ in range(WARM_UPS):
                self.target(*self.given)  # type: ignore[misc]
        cuda.current_stream().wait_stream(side)

    def _capture(self) -> None:
        cuda = self.torch.cuda
        self.graph, before = cuda.CUDAGraph(), cuda.current_stream()
        try:
            with cuda.graph(self.graph):
                self.outputs = self.target(*self.given)  # type: ignore[misc]
        except Exception as error:
            first = _first(error)
            if isinstance(first, self.torch.OutOfMemoryError):
                raise first from None
            text = " ".join(f"{type(first).__name__}: {first}".split())
            raise Uncapturable(f"cannot be captured in a CUDA graph: {text[:300]}") from error
        finally:
            # A capture that fails leaves its own stream behind as the current one.
            cuda.set_stream(before)


def _first(error: BaseException) -> BaseException:
    """What was raised first: ending a capture that has failed raises an error of its own."""
    while error.__context__ is not None:
        error = error.__context__
    return error
