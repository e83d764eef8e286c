"""Exceptions as data: the status and the reason of a cell whose implementation raised."""

from __future__ import annotations

import traceback

_MEMORY = ("out of memory", "resource_exhausted", "can't allocate memory", "unable to allocate")


def failure(error: Exception) -> dict[str, str]:
    """Status ``oom`` or ``error``, and a line naming the exception and where it was raised."""
    text = f"{type(error).__name__}: {error}"
    memory = isinstance(error, MemoryError) or any(word in text.lower() for word in _MEMORY)
    last = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{last.filename.rpartition('/')[2]}:{last.lineno}"
    line = " ".join(text.split())
    return {"status": "oom" if memory else "error", "reason": f"{line[:300]} ({where})"}
