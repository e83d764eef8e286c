"""Operators: mathematical functions of a batch's empirical distribution, each defined once."""

from __future__ import annotations

import importlib
import pkgutil

from suite.operators.base import Operator


def names() -> tuple[str, ...]:
    """Names of all operators, sorted; one file each in this folder."""
    found = (module.name for module in pkgutil.iter_modules(__path__))
    return tuple(sorted(name for name in found if name not in ("base", "arguments")))


def get(name: str) -> Operator:
    """The operator of that name; KeyError lists the names."""
    if name not in names():
        raise KeyError(f"operator {name!r}: expected one of {', '.join(names())}")
    return importlib.import_module(f"{__name__}.{name}").OPERATOR
