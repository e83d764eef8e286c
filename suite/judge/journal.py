"""Can a worker's journal be its own? A hostile implementation can write to it as well as we can."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from suite.operators.base import BASES

STATUSES = ("measured", "unsupported", "error", "oom")
KINDS = ("versions", "start", "cell", "yardstick", "probe", "memory")
PLAIN_FILE = re.compile(r"\w+-\d+\.npz")


def journal_faults(
    records: Sequence[Mapping[str, Any]], cells: Collection[tuple[str, str, str]]
) -> list[str]:
    """Why a journal cannot be its worker's own; with one fault, none of it can be believed.

    cells: the (case, pass, clock) that the worker was to run.
    """
    faults: list[str] = []
    started: tuple | None = None
    seen: set[tuple] = set()
    for record in records:
        kind = record.get("kind")
        where = tuple(record.get(part) for part in ("case", "pass", "clock", "yardstick"))
        if kind not in KINDS:
            faults.append(f"a record of kind {kind!r}")
        elif kind == "start":
            started = where
        elif kind in ("cell", "yardstick"):
            text = _displaced(record, where, started, seen, cells) or measurement_fault(record)
            faults += [f"{text} ({', '.join(str(w) for w in where if w)})"] if text else []
            seen.add(where)
    return [f"forges the journal: {fault}" for fault in faults]


def _displaced(
    record: Mapping[str, Any],
    where: tuple,
    started: tuple | None,
    seen: Collection[tuple],
    cells: Collection[tuple[str, str, str]],
) -> str:
    """What is wrong about the place of a record in the journal, or ""."""
    case, pass_, clock, yardstick = where
    if record["kind"] == "cell" and (case, pass_, clock) not in cells:
        return "a cell that nobody asked for"
    if record["kind"] == "yardstick" and (case, clock) not in {(c, t) for c, _, t in cells}:
        return "a yardstick that nobody asked for"
    if where in seen:
        return "a second record"
    if record.get("status") == "measured" and where != started:
        return "a record without a start"
    return ""


def measurement_fault(record: Mapping[str, Any]) -> str:
    """What is impossible about the record of a cell or yardstick, or ""."""
    if record.get("status") not in STATUSES:
        return f"status {record.get('status')!r}"
    if record["status"] != "measured":
        return "" if isinstance(record.get("reason"), str) else "no reason"
    samples, outputs = record.get("samples"), record.get("outputs", "")
    if not isinstance(samples, list) or len(samples) < BASES:
        return f"fewer than {BASES} times"
    if not all(type(time) is float and math.isfinite(time) and time > 0 for time in samples):
        return "times that are no positive numbers"
    if fault := _waited_fault(record.get("waited", []), len(samples)):
        return fault
    if record["kind"] == "cell" and not PLAIN_FILE.fullmatch(str(outputs)):
        return f"outputs in {outputs!r}"
    return ""


def _waited_fault(waited: Any, rounds: int) -> str:
    """What is impossible about the times for which rounds waited, or ""; there may be none."""
    if not isinstance(waited, list) or len(waited) not in (0, rounds):
        return "waiting times of other rounds"
    if not all(type(time) is float and math.isfinite(time) and time >= 0 for time in waited):
        return "waiting times that are negative or no numbers"
    return ""


def rounds_flags(kept: Collection[tuple[int, str]], rounds: int, names: Sequence[str]) -> list[str]:
    """Flags for a cell whose outputs are not those of every round. kept: (round, name) pairs."""
    missing = {(number, name) for number in range(rounds) for name in names} - set(kept)
    return [f"left no output of {len(missing)} rounds"] if missing else []
