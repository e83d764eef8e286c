"""Inputs small enough that every implementation is tried on them within seconds."""

from __future__ import annotations

import dataclasses
import functools
import math

from suite import operators, workloads
from suite.judge.correctness import Expected, expected
from suite.operators.base import Case, Operator

SMALL = 20_000
"""Elements of the largest quick case that is run whole."""

ROWS, SAMPLES = 3, 40


def quick(operator: Operator) -> tuple[Case, ...]:
    """The quick cases that are small as they are."""
    return tuple(
        case
        for case in operator.cases
        if case.profile == "quick" and math.prod(case.shape(case.arrays[0])) <= SMALL
    )


def shrunk(operator: Operator) -> tuple[Case, ...]:
    """The representative cases and the one with the most gradients, cut to few rows and samples."""
    chosen = {case.name: case for case in _drawn(operator) if case.representative}
    most = max(_drawn(operator), key=_richness)
    if all(_richness(case) < _richness(most) for case in chosen.values()):
        chosen[most.name] = most
    return tuple(_cut(case) for case in chosen.values())


def richest(operator: Operator) -> Case:
    """The cheapest of the cases with the most gradients: all that a slow compiler is tried on."""

    def key(case: Case) -> tuple:
        return (*_richness(case), -operator.cost(case, "forward+backward").operations)

    return max(map(_cut, _drawn(operator)), key=key)


def _drawn(operator: Operator) -> list[Case]:
    """Cases whose inputs are drawn, in whatever size, and not read from a file."""
    return [
        case
        for case in operator.cases
        if case.data not in workloads.names() and case.dtype == "float32" and "R" in case.permute
    ]


def _richness(case: Case) -> tuple[int, int]:
    return len(case.wrt), len(case.arrays)


def _cut(case: Case) -> Case:
    sizes = {**case.sizes, "R": ROWS, "N": SAMPLES}
    return dataclasses.replace(case, name=f"{case.name} cut to {ROWS}x{SAMPLES}", sizes=sizes)


def wanted(operator: Operator, case: Case, base: int = 0) -> Expected:
    """Reference, gradients and allowed errors, computed once."""
    return _wanted(operator.name, case.name, base)


@functools.cache
def _wanted(operator_name: str, case_name: str, base: int) -> Expected:
    operator = operators.get(operator_name)
    cases = {case.name: case for case in (*operator.cases, *shrunk(operator), richest(operator))}
    return expected(operator, cases[case_name], base)
