"""What a worker left in its folder, read without trusting it: nothing is unpickled."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from suite.judge.correctness import Kept
from suite.process import record_of


def read_journal(path: Path) -> list[dict]:
    """The whole lines of a worker's journal."""
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    return [record_of(line) for line in text[: text.rfind("\n") + 1].splitlines()]


def read_kept(path: Path) -> tuple[list[Kept], float]:
    """What a worker kept of a cell, and a 48-bit hash of round 0, to compare runs bit for bit."""
    kept, digest = [], hashlib.sha256()
    with np.load(path, allow_pickle=False) as stored:
        for key in sorted(stored.files):
            number, name, *rest = key.split("/")
            if rest == ["sum"]:
                continue
            total = float(stored[f"{number}/{name}/sum"]) if rest else None
            values = stored[key]
            kept.append(Kept(int(number), name, values, total))
            if number == "0":
                digest.update(np.ascontiguousarray(values).tobytes())
    return kept, float(int(digest.hexdigest()[:12], 16))


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """All arrays of a file by name."""
    with np.load(path, allow_pickle=False) as stored:
        return {key: stored[key] for key in stored.files}
