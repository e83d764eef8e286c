"""Peak memory of one pass, in a process that does nothing else.

On a GPU: the framework's allocator. On a CPU: the kernel's high-water mark of resident memory,
reset (Linux) once the inputs are there and everything has been compiled and run before, so that it
counts what the pass needs beyond its input. Where it cannot be reset the answer is None.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
from pathlib import Path

from suite.frameworks import Framework
from suite.timing.cell import Cell

_STATUS = Path("/proc/self/status")
_CLEAR = Path("/proc/self/clear_refs")


def peak_memory(cell: Cell, framework: Framework, device: str) -> int | None:
    """Bytes that one call needs beyond its input; ``cell`` must have two rounds scheduled."""
    arguments, _ = cell.setup()
    cell.target(*arguments)
    framework.synchronize(cell.last)
    cell.last = None
    del arguments
    arguments, _ = cell.setup()
    gc.collect()
    _trim()
    framework.peak_memory_reset(device)
    before = _resident("VmRSS")
    resettable = _reset()
    cell.target(*arguments)
    framework.synchronize(cell.last)
    peak = framework.peak_memory(device)
    if peak is not None:
        return peak
    after = _resident("VmHWM")
    if device != "cpu" or not resettable or before is None or after is None:
        return None
    return max(after - before, 0)


def _resident(field: str) -> int | None:
    """A field of /proc/self/status in bytes."""
    with contextlib.suppress(OSError):
        for line in _STATUS.read_text().splitlines():
            if line.startswith(field + ":"):
                return int(line.split()[1]) * 1024
    return None


def _reset() -> bool:
    """Reset the high-water mark to what is resident now."""
    try:
        _CLEAR.write_text("5")
    except OSError:
        return False
    return True


def _trim() -> None:
    """Give freed heap pages back (glibc), lest the pass reuse them unseen."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
