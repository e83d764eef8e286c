"""A comparison as GitHub Actions' workflow commands: a line each that marks the pull request.

GitHub shows ten of a level for a step; of more, the last one says how many there are.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from suite.compare.comparison import Comparisons
from suite.compare.lines import lines
from suite.compare.rows import Kind

Level = Literal["error", "warning", "notice"]

LEVELS: dict[Kind, Level] = {
    "failed": "error",
    "slower": "error",
    "changed": "error",
    "missing": "error",
    "redefined": "warning",
    "costlier": "warning",
}
"""The rest are notices."""

SHOWN = 10


def commands(comparisons: Comparisons) -> Iterator[str]:
    """Lines such as ``::error title=slower::soft_cut/numpy_scipy ...``, what matters first."""
    found: dict[Level, list[str]] = {"error": [], "warning": [], "notice": []}
    for comparison in comparisons.machines:
        for line in lines(comparison):
            level = LEVELS.get(line.kind, "notice")
            found[level].append(command(level, line.kind, f"{line} ({comparison.machine})"))
    for change in comparisons.kernels:
        level = "warning" if change.worse else "notice"
        found[level].append(command(level, "kernel", change.line))
    found["warning"] += [command("warning", "not compared", line) for line in comparisons.apart]
    for level, told in found.items():
        yield from told if len(told) <= SHOWN else told[: SHOWN - 1]
        if len(told) > SHOWN:
            yield command(level, "more", f"{len(told) - SHOWN + 1} more, in the comparison's table")


def command(level: Level, title: str, message: str) -> str:
    """One workflow command, with what has a meaning to it escaped."""
    title = _escaped(title).replace(":", "%3A").replace(",", "%2C")
    return f"::{level} title={title}::{_escaped(message)}"


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
