"""A stand-in for CUDA graphs on a CPU: a capture records torch's operations, a replay repeats them.

Like the real ones it holds operations and addresses, and nothing of what the host did in between:
a value that the host has read raises in a capture, and one that it has cached stays what it was.
"""

from __future__ import annotations

import contextlib

import torch
from torch.utils._python_dispatch import TorchDispatchMode

READS_A_VALUE = ("aten::_local_scalar_dense", "aten::nonzero")


class Event:
    """A device event on a device without one: it does not matter when."""

    def __init__(self, enable_timing=False):
        pass

    def record(self):
        pass

    def synchronize(self):
        pass

    def elapsed_time(self, later):
        return 1.0


class Stream:
    def wait_stream(self, other):
        pass


class CUDAGraph:
    def __init__(self):
        self.operations = []

    def capture_begin(self):
        pass

    def replay(self):
        with torch.no_grad():
            for operation, arguments, named, outputs in self.operations:
                again = operation(*arguments, **named)
                for old, new in zip(_tensors(outputs), _tensors(again), strict=True):
                    if old is not new:
                        old.copy_(new)


class Recorder(TorchDispatchMode):
    def __init__(self, graph):
        super().__init__()
        self.graph = graph

    def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
        if operation.name().partition(".")[0] in READS_A_VALUE:
            raise RuntimeError("operation not permitted when stream is capturing")
        found = operation(*args, **(kwargs or {}))
        self.graph.operations.append((operation, args, kwargs or {}, found))
        return found


class Streams:
    """Which stream is the current one: the first, unless somebody leaves another behind."""

    def __init__(self):
        self.first = self.now = Stream()

    def current_stream(self):
        return self.now

    def set_stream(self, stream):
        self.now = stream

    @contextlib.contextmanager
    def stream(self, stream):
        before, self.now = self.now, stream
        yield
        self.now = before

    @contextlib.contextmanager
    def graph(self, graph):
        """As torch's: ending a capture that failed raises, and the stream stays what it was."""
        self.now = Stream()
        with Recorder(graph):
            try:
                yield
            except Exception:
                raise RuntimeError("failed due to a previous error during capture")  # noqa: B904
        self.now = self.first


def _tensors(value):
    if isinstance(value, torch.Tensor):
        return [value]
    return [t for each in value for t in _tensors(each)] if isinstance(value, (tuple, list)) else []


def install(monkeypatch):
    """Put the stand-ins in torch.cuda's place; the streams, to see which one is left current."""
    streams = Streams()
    for name in ("current_stream", "set_stream", "stream", "graph"):
        monkeypatch.setattr(torch.cuda, name, getattr(streams, name))
    for kind in (Event, Stream, CUDAGraph):
        monkeypatch.setattr(torch.cuda, kind.__name__, kind)
    return streams
