"""Where things are kept that can be made again."""

from __future__ import annotations

import os
from pathlib import Path


def folder(name: str) -> Path:
    """``$CDFBENCH_CACHE`` or ``~/.cache/cdfbench``, and in it ``name``; not created here."""
    root = os.environ.get("CDFBENCH_CACHE")
    return (Path(root) if root else Path.home() / ".cache" / "cdfbench") / name
