"""How did an implementation behave: judged from what its worker left, never from its code's words.

A flag is a sentence that completes "this implementation ...". A right answer with a flag has the
status ``flagged``: it is never ranked and makes the command fail.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

MAY_IMPORT = ("suite.registry",)
EVIDENCE = {
    "mutated": "changes its input {}",
    "overwritten": "changes {} after it was returned",
    "differs": "gives other bits for the same input: {}",
    "not_plain": "returns what is no array of its framework: {}",
    "replaced": "replaces {}",
    "threads": "has a thread at work when the clock stops: {}",
}
"""What a worker reports of a cell, and the flag that it makes unless it is empty."""

CLOCK_SLACK, FEW_SLACK, MANY = 5e-4, 0.05, 10
"""Seconds by which two clocks may differ for the calls in between; where rounds are few, more."""


def outcome_with(outcome: Mapping[str, Any], flags: Sequence[str]) -> dict[str, Any]:
    """An outcome with its flags: ``ok`` becomes ``flagged``, another status keeps its name."""
    fresh = [flag for flag in dict.fromkeys(flags) if flag not in outcome["reason"]]
    if not fresh or outcome["status"] == "unsupported":
        return dict(outcome)
    words = "; ".join(fresh)
    if outcome["status"] == "flagged":
        return {**outcome, "reason": f"{outcome['reason']}; {words}"}
    reason = f"{outcome['reason']}; flagged: {words}" if outcome["reason"] else f"flagged: {words}"
    return {**outcome, "status": "flagged" if outcome["status"] == "ok" else outcome["status"],
            "reason": reason}  # fmt: skip


def import_flags(modules: Iterable[str]) -> list[str]:
    """Flags for what an implementation's source imports of the suite beyond the registry."""
    foreign = {
        module
        for module in modules
        if module.split(".")[0] == "suite"
        and not any(module == name or module.startswith(name + ".") for name in MAY_IMPORT)
    }
    return [f"imports {', '.join(sorted(foreign))}"] if foreign else []


def cell_flags(record: Mapping[str, Any]) -> list[str]:
    """Flags of one measured cell, from its samples and the worker's evidence.

    record["conduct"]: a list of words for each of ``EVIDENCE``, and two lists of seconds: "spans",
    from before to after every timed round by the harness's own clock, and "late", what a second
    synchronisation took right after each of them.
    """
    evidence = record.get("conduct")
    if not isinstance(evidence, Mapping) or {*EVIDENCE, "spans", "late"} - set(evidence):
        return ["leaves no evidence of its conduct"]
    flags = evidence_flags(evidence)
    return flags + clock_flags(record["samples"], evidence, record["clock"])


def evidence_flags(evidence: Mapping[str, Any]) -> list[str]:
    """Flags for what a worker noticed. evidence: a list of words for each of ``EVIDENCE``."""
    return [text.format(", ".join(map(str, evidence[name]))) for name, text in EVIDENCE.items()
            if evidence[name]]  # fmt: skip


def clock_flags(
    samples: Sequence[float], evidence: Mapping[str, Sequence[float]], clock: str
) -> list[str]:
    """Does the clock agree with the time that went by around it, in three rounds of four?

    The fourth, and the slack, are for a machine that turns to something else in between.
    """
    spans, late = evidence["spans"], evidence["late"]
    if len(spans) != len(samples) or len(late) != len(samples):
        return [f"timed {len(samples)} rounds where {len(spans)} were run"]
    slack = CLOCK_SLACK if len(samples) >= MANY else FEW_SLACK
    pairs = list(zip(samples, spans, strict=True))
    found = f"its clock says {min(samples):.3g} s where {min(spans):.3g} s went by"
    flags = []
    if _mostly(time - 1.05 * span for time, span in pairs) > slack:
        flags.append(found)
    if clock == "wall" and _mostly(span - 1.5 * time for time, span in pairs) > slack:
        flags.append(found)
    after = [rest - 0.25 * time for time, rest in zip(samples, late, strict=True)]
    if _mostly(after) > slack:
        flags.append(f"is at work for {_mostly(late):.3g} s more when its clock has stopped")
    return flags


def _mostly(seconds: Iterable[float]) -> float:
    """What three of four exceed."""
    ordered = sorted(seconds)
    return ordered[len(ordered) // 4]


def folder_flags(
    before: Mapping[str, tuple], after: Mapping[str, tuple], others: bool = False
) -> list[str]:
    """Flags for files of the results that are no longer what they were before a worker ran.

    before, after: what identifies each file's content. others: another command may add runs here.
    """
    touched = [name for name in before if after.get(name) != before[name]]
    if not others:
        touched += [name for name in after if name not in before]
    if not touched:
        return []
    more = f" and {len(touched) - 3} more" if len(touched) > 3 else ""
    return [f"writes into the results: {', '.join(sorted(touched)[:3])}{more}"]
