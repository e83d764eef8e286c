"""Operators: mathematical functions of a batch's empirical distribution, each defined once."""

from __future__ import annotations

import importlib
import pkgutil

from suite.operators.base import Operator


def names() -> tuple[str, ...]:
    """Names of all operators, sorted: one file each in this folder, some with a ``_cases`` file."""
    found = (module.name for module in pkgutil.iter_modules(__path__))
    others = ("base", "arguments")
    return tuple(sorted(n for n in found if n not in others and not n.endswith("_cases")))


def get(name: str) -> Operator:
    """The operator of that name; KeyError lists the names."""
    if name not in names():
        raise KeyError(f"operator {name!r}: expected one of {', '.join(names())}")
    return importlib.import_module(f"{__name__}.{name}").OPERATOR
