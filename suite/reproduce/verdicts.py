"""How a verdict follows from numbers.

reproduced      the exact rerun rounds to the printed digits; a statement holds
within spread   it does not, but the printed number lies between the smallest and the largest of
                what other seeds give, or of what one-ulp moves of the start give
not reproduced  neither; a statement is false
does not mean what it says
                reproduced or within spread, but a control, with which the claim would be
                refuted, gives the same or better
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from suite.reproduce.claims import Evidence, Judgement, Verdict


@dataclass(frozen=True)
class Control:
    """What the claim is held against. says: a clause with its numbers. refutes: whether it does."""

    says: str
    refutes: bool


TIMES, SHARE = 4.0, 0.5
SAME = 1.05
"""A loss is as good as another when it is at most this many times as large."""

Controls = Callable[[Evidence], tuple[Control, ...]]


def printed_number(
    name: str, controls: Controls = lambda evidence: (), *, drawn: bool = True
) -> Callable:
    """The judge of a claim whose published value is the record's number of that name.

    drawn: whether it depends on what is drawn, so that other starts say something of it.
    """

    def judge(evidence: Evidence) -> Judgement:
        exact = evidence.exact.numbers[name]
        verdict, why = _against(evidence, name, exact, KINDS if drawn else ())
        spread = _spread(evidence, name) if drawn else ()
        return Judgement(*_controlled(verdict, why, controls(evidence)), exact, *spread)

    return judge


def statement(
    holds: Callable[[Evidence], Control],
    number: str = "",
    *,
    controls: Controls = lambda evidence: (),
) -> Callable:
    """The judge of a claim in words: false when ``holds`` gives a control that refutes it.

    number: of the record, shown beside it; "" for none. controls: with which one that holds does
    not mean what it says.
    """

    def judge(evidence: Evidence) -> Judgement:
        found = holds(evidence)
        held: Verdict = "not reproduced" if found.refutes else "reproduced"
        verdict, why = _controlled(held, found.says, controls(evidence))
        if not number:
            return Judgement(verdict, why)
        exact = evidence.exact.numbers[number]
        return Judgement(verdict, why, exact, *_spread(evidence, number))

    return judge


def wall_time(cell: str) -> Callable:
    """The judge of a printed wall time, by the numbers train/CELL, draw/CELL and frame in seconds.

    It is right to within TIMES, and one of training where that is at least a SHARE of it.
    """

    def judge(evidence: Evidence) -> Judgement:
        n, printed = evidence.exact.numbers, evidence.published.number
        training, both = n[f"train/{cell}"], n[f"train/{cell}"] + n[f"draw/{cell}"]
        near = printed / TIMES <= both <= printed * TIMES
        share = training / both
        picture = 1e3 * n["frame"]
        why = (
            f"training takes {short(training)} s here, a picture of ours {short(picture, 2)} ms; "
            f"one a step would make it {short(both)} s, of which training is "
            f"{short(100 * share, 2)}%"
        )
        verdict: Verdict = "within spread" if near else "not reproduced"
        if near and share < SHARE:
            verdict = "does not mean what it says"
        return Judgement(verdict, why, both)

    return judge


KINDS = (("ulp", "one-ulp move of the start"), ("seed", "other seed"))
"""Of other starts, and what a sentence calls one."""


def _against(
    evidence: Evidence, name: str, exact: float, kinds: tuple[tuple[str, str], ...]
) -> tuple[Verdict, str]:
    """The verdict without controls."""
    stated = evidence.published
    if stated.rounds_to(exact):
        return "reproduced", f"the rerun gives {short(exact, stated.digits + 2)}"
    parts, inside = [f"the rerun gives {short(exact, stated.digits + 2)}"], False
    for kind, words in kinds:
        values = evidence.numbers(kind, name)
        values = values[np.isfinite(values)]
        if not len(values):
            continue
        if (values == exact).all():
            parts.append(f"{count(len(values), words)} the same")
        else:
            reached = np.append(values, exact) if kind == "ulp" else values
            low, high = float(reached.min()), float(reached.max())
            span = short(low) if len(reached) == 1 else f"{short(low)} to {short(high)}"
            parts.append(f"{count(len(values), words)} {span}")
            off = stated.half_digit
            inside |= low - off <= stated.number <= high + off
    return "within spread" if inside else "not reproduced", ", ".join(parts)


def _controlled(verdict: Verdict, why: str, controls: tuple[Control, ...]) -> tuple[Verdict, str]:
    refuting = [control.says for control in controls if control.refutes]
    if refuting and verdict != "not reproduced":
        return "does not mean what it says", "; ".join([why, *refuting])
    return verdict, "; ".join([why, *(control.says for control in controls)])


def _spread(evidence: Evidence, name: str) -> tuple[float, float]:
    """Mean and standard deviation over the other seeds."""
    values = evidence.numbers("seed", name)
    if not len(values):
        return float("nan"), float("nan")
    return float(values.mean()), float(values.std(ddof=1)) if len(values) > 1 else float("nan")


def count(number: int, words: str) -> str:
    """So many of what the words, in the singular, name."""
    first, _, rest = words.partition(" of ")
    plural = first if number == 1 else f"{first}s"
    return f"{number} {plural}{f' of {rest}' if rest else ''}"


def short(number: float, digits: int = 3) -> str:
    """A number as a sentence has it."""
    return f"{number:.{digits}g}"
