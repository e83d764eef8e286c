"""The populations of every operator, each in a file beside the operator's own."""

from __future__ import annotations

import importlib
from pathlib import Path

from suite.operators.population import Population


def of(operator: str) -> tuple[Population, ...]:
    """The populations of the operator of that name; none when it has no such file."""
    module = f"{operator}_populations"
    if not Path(__file__).with_name(f"{module}.py").is_file():
        return ()
    return importlib.import_module(f"suite.operators.{module}").POPULATIONS
