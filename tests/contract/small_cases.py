"""Inputs small enough that every implementation is tried on them within seconds."""

from __future__ import annotations

import dataclasses
import functools
import inspect
import math
from collections.abc import Container
from typing import Any

from suite import operators, workloads
from suite.judge.correctness import Expected, expected
from suite.operators.base import EPSILON, Case, Operator

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


def paths(operator: Operator) -> tuple[Case, ...]:
    """Cases cut small that have every value of every option among them, and as few as that takes.

    Where no drawn case has a value, a representative one is given it.
    """
    chosen = list(shrunk(operator))
    offered = [_cut(case) for case in _drawn(operator, EPSILON)]
    for option, values in operator.options.items():
        for value in values:
            if any(_said(operator, case, option) == value for case in chosen):
                continue
            having = [case for case in offered if _said(operator, case, option) == value]
            # The one that brings most that is new beside it.
            new = max(having, key=lambda case: _news(operator, case, chosen), default=None)
            chosen.append(new or _given(chosen[0], option, value))
    return tuple(chosen)


def _said(operator: Operator, case: Case, option: str) -> Any:
    """The value a case gives to an option, or the default of the operator's signature."""
    default = inspect.signature(operator.check).parameters[option].default
    return case.options.get(option, default)


def _news(operator: Operator, case: Case, chosen: list[Case]) -> int:
    """How many options it has in a value that no other case has."""
    return sum(
        all(_said(operator, case, option) != _said(operator, other, option) for other in chosen)
        for option in operator.options
    )


def _given(case: Case, option: str, value: Any) -> Case:
    changed = {**case.options, option: value}
    return dataclasses.replace(case, name=f"{case.name}, {option} {value}", options=changed)


def richest(operator: Operator) -> Case:
    """The cheapest of the cases with the most gradients: all that a slow compiler is tried on."""

    def key(case: Case) -> tuple:
        return (*_richness(case), -operator.cost(case, "forward+backward").operations)

    return max(map(_cut, _drawn(operator)), key=key)


def _drawn(operator: Operator, dtypes: Container[str] = ("float32",)) -> list[Case]:
    """Cases whose inputs are drawn, in whatever size, and not read from a file."""
    return [
        case
        for case in operator.cases
        if case.data not in workloads.names()
        and case.dtype in dtypes
        and case.row_axis in case.permute
    ]


def _richness(case: Case) -> tuple[int, int]:
    return len(case.wrt), len(case.arrays)


def _cut(case: Case) -> Case:
    extents = {label: n for label, n in (("R", ROWS), ("N", SAMPLES)) if label in case.sizes}
    sizes = {**case.sizes, **extents}
    name = f"{case.name} cut to {'x'.join(map(str, extents.values()))}"
    return dataclasses.replace(case, name=name, sizes=sizes, dtype="float32")


def wanted(operator: Operator, case: Case, base: int = 0) -> Expected:
    """Reference, gradients and allowed errors, computed once."""
    return _wanted(operator.name, case.name, base)


@functools.cache
def _wanted(operator_name: str, case_name: str, base: int) -> Expected:
    operator = operators.get(operator_name)
    cut = (*paths(operator), richest(operator))
    cases = {case.name: case for case in (*operator.cases, *cut)}
    return expected(operator, cases[case_name], base)
