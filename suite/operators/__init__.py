"""Operators: mathematical functions of a batch's empirical distribution, each defined once."""

from __future__ import annotations

import functools
import importlib
from pathlib import Path

from suite.operators.base import Operator


@functools.cache
def names() -> tuple[str, ...]:
    """Names of all operators, sorted: the files of this folder that end in ``OPERATOR = ...``."""
    files = Path(__path__[0]).glob("*.py")
    return tuple(sorted(f.stem for f in files if "\nOPERATOR = " in f.read_text(encoding="utf-8")))


def get(name: str) -> Operator:
    """The operator of that name; KeyError lists the names."""
    if name not in names():
        raise KeyError(f"operator {name!r}: expected one of {', '.join(names())}")
    return importlib.import_module(f"{__name__}.{name}").OPERATOR
