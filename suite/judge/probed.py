"""Is an implementation right beside its cells: other shapes, layouts and memory, twice over?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from suite.judge.conduct import EVIDENCE
from suite.judge.correctness import Expected, expected, units
from suite.operators.base import Case, Operator, gathered
from suite.probes import STEPS, Probe, direction, drawing, given

REPEATS = 1 / 8
"""Share of the tolerance by which a GPU's answers to one input may differ."""

COARSE, FINE = 1e-5, 2.5e-6
"""Steps of the differences that second derivatives are compared with, in units of x."""

SMOOTH = 1e-3
"""Share by which the two differences may disagree where the gradient has a derivative."""

Answer = Mapping[str, np.ndarray] | str
"""The arrays of one step by name, or how it raised."""

NOTHING = "it gave nothing"
DIFFERS = EVIDENCE["differs"]


def answer_flags(
    operator: Operator,
    probes: Sequence[Probe],
    arrays: Mapping[str, np.ndarray],
    raised: Mapping[str, str],
    wanted: Wanted,
    exact: bool,
) -> list[str]:
    """Flags of all probes that the implementation supports.

    arrays: by "probe/step/name", and "probe/curvature". raised: how a step raised, by the same
    names; "probe/unsupported" for a probe it cannot do. exact: see :func:`probe_flags`.
    """
    flags: list[str] = []
    for number, probe in enumerate(probes):
        if f"{number}/unsupported" in raised:
            continue
        answers: dict[str, Answer] = {}
        for step in probe.steps:
            start = f"{number}/{step}/"
            found = {k.removeprefix(start): a for k, a in arrays.items() if k.startswith(start)}
            answers[step] = found or str(raised.get(start[:-1], NOTHING))
        flags += probe_flags(operator, probe, answers, wanted, exact)
        if probe.curved is not None:
            key = f"{number}/curvature"
            answer = arrays[key] if key in arrays else str(raised.get(key, NOTHING))
            flags += curvature_flags(operator, probe.curved, answer, wanted)
    return flags


class Wanted:
    """What probes should have given; every implementation of an operator has the same ones."""

    def __init__(self) -> None:
        self.held: dict[tuple, Any] = {}

    def answer(self, operator: Operator, case: Case, step: str) -> Expected:
        """Reference and allowed errors of a step."""
        kind = STEPS[step]  # type: ignore[index]
        key = (operator.name, repr(case), kind)
        if key not in self.held:
            self.held[key] = expected(drawing(operator, kind), case, 0)
        return self.held[key]

    def curvature(self, operator: Operator, case: Case) -> tuple[np.ndarray, np.ndarray]:
        """Central differences of the reference gradient along the direction, coarse and fine."""
        key = (operator.name, repr(case), "curvature")
        if key not in self.held:
            self.held[key] = tuple(_difference(operator, case, step) for step in (COARSE, FINE))
        return self.held[key]


def probe_flags(
    operator: Operator, probe: Probe, answers: Mapping[str, Answer], wanted: Wanted, exact: bool
) -> list[str]:
    """Flags of one probe.

    answers: by step. exact: the same input must give the same bits, as on a CPU; else an eighth of
    the tolerance.
    """
    place = "x".join(str(extent) for extent in probe.case.sizes.values())
    flags = []
    for step in probe.steps:
        answer = answers.get(step, NOTHING)
        text = _fault(answer, wanted.answer(operator, probe.case, step))
        if text and step == "plain":
            return [f"is not right for {probe.case.name} at {place}: {text}"]
        if text:
            flags.append(f"is not right for {_WORDS[step]}: {text}")
    if not flags and "again" in probe.steps:
        allowed = wanted.answer(operator, probe.case, "plain").allowed
        changed = _changed(answers["plain"], answers["again"], allowed, exact)
        flags += [DIFFERS.format(", ".join(changed))] if changed else []
    return flags


_WORDS = {
    "again": "an input given again",
    "nudged": "other values in the same memory",
    "strided": "strided arrays",
    "transposed": "transposed arrays",
    "expanded": "expanded arrays",
}


def _fault(answer: Mapping[str, np.ndarray] | str, want: Expected) -> str:
    """What is wrong with the answer to one step, or ""."""
    if isinstance(answer, str):
        return answer
    for name, reference in want.reference.items():
        got = answer.get(name)
        if got is None or got.shape != reference.shape:
            return f"{name} has shape {None if got is None else got.shape}"
        worst = float(units(got, reference, want.allowed[name]).max(initial=0.0))
        if worst > 1.0:
            return f"{name} is off by {worst:.3g} x tolerance"
    return ""


def _changed(first: Any, second: Any, allowed: Mapping[str, np.ndarray], exact: bool) -> list[str]:
    """Names of the arrays that two answers to one input do not share."""
    if exact:
        return [n for n in allowed if not np.array_equal(first[n], second[n], equal_nan=True)]
    return [n for n in allowed if units(second[n], first[n], REPEATS * allowed[n]).max() > 1.0]


def curvature_flags(
    operator: Operator, case: Case, answer: np.ndarray | str, wanted: Wanted
) -> list[str]:
    """Are second derivatives right, or refused? Against differences of the reference gradient.

    answer: the derivative of the gradient's component along the case's direction, or how it
    raised. A refusal misleads nobody, and a compiled graph has no choice.
    """
    if isinstance(answer, str):
        return ["gives no second derivatives, nor an error"] if answer == NOTHING else []
    coarse, fine = wanted.curvature(operator, case)
    scale = float(np.abs(fine).max())
    atol = SMOOTH * scale + 1e-9
    if not np.isfinite(scale) or not np.allclose(coarse, fine, rtol=0.0, atol=atol):
        return []  # the gradient is no smooth function of the input here
    if answer.shape != fine.shape:
        return [f"second derivatives have shape {answer.shape}"]
    if scale > 1e-6 and not answer.any():
        return ["gives zero for second derivatives, silently"]
    slack = 1e-4 if case.dtype == "float64" else 0.05
    worst = float(np.abs(answer - fine).max())
    if not worst <= slack * scale + 1e-6:
        return [f"second derivatives are off by {worst:.3g}, the largest being {scale:.3g}"]
    return []


def _difference(operator: Operator, case: Case, step: float) -> np.ndarray:
    """Central difference of the reference gradient to the first of ``wrt``."""
    arrays = {k: v.astype(np.float64) for k, v in given(operator, case, "plain").items()}
    weight, name = arrays.pop("output"), case.wrt[0]
    along = direction(case).astype(np.float64)
    ends = []
    for sign in (1.0, -1.0):
        moved = {**arrays, name: arrays[name] + sign * step * along}
        with np.errstate(all="ignore"):
            arguments = {**gathered(moved), **case.options}
            gradient = operator.reference_gradient(weight, (name,), **arguments)
        ends.append(np.asarray(gradient[name], dtype=np.float64))
    with np.errstate(invalid="ignore"):  # an infinity that stays
        return (ends[0] - ends[1]) / (2 * step)
