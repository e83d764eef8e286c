"""What the contract tests examine: one implementation of one operator, and how to call it."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping
from typing import Any

import numpy as np
from emulation import is_emulated, prepared

from suite import frameworks, operators, registry
from suite.operators.base import Case, Operator, first, gathered
from suite.registry import Declaration


@dataclasses.dataclass(frozen=True)
class Subject:
    """A declaration and everything the tests do with it. where: the device that is asked for."""

    declaration: Declaration
    where: str = ""

    @property
    def name(self) -> str:
        return f"{self.declaration.operator}-{self.declaration.name}"

    @property
    def operator(self) -> Operator:
        return operators.get(self.declaration.operator)

    @property
    def framework(self) -> Any:
        return frameworks.get(self.declaration.framework)

    @property
    def device(self) -> str:
        devices = self.declaration.devices
        if self.where:
            return self.where
        return "cpu" if "cpu" in devices or is_emulated(self.declaration) else devices[0]

    @functools.cached_property
    def implementation(self) -> registry.Implementation:
        return registry.load_declared(self.declaration)

    def missing(self) -> str | None:
        """What it needs that is not there, its framework, a device or a package; or None."""
        missing = self.framework.missing(self.device) or self.declaration.missing()
        if missing or not is_emulated(self.declaration):
            return missing
        return prepared(self.declaration.name)

    def unsupported(self, case: Case) -> str | None:
        """Why it cannot do a case, or None."""
        if missing := self.missing():
            return missing
        if case.dtype not in self.declaration.dtypes:
            return f"does not compute in {case.dtype}"
        skip = self.implementation.skip
        return skip(case) if skip else None

    def function(self, *, check_values: bool = False) -> Any:
        """The function people import."""
        return registry.checked(self.implementation, check_values=check_values)

    def value(self, case: Case, arrays: Mapping[str, Any], *, check_values: bool = False) -> Any:
        """The output for the framework's arrays of a case, by that function."""
        function = self.function(check_values=check_values)
        return first(function(**gathered(arrays), **case.options))

    def array(self, values: Any, dtype: str | None = None) -> Any:
        """The framework's array of NumPy values."""
        return self.framework.array(values, dtype or str(values.dtype), self.device)

    def run(self, case: Case, arrays: Mapping[str, np.ndarray], weight: np.ndarray):
        """Value and gradients for NumPy arrays, as NumPy arrays by name."""
        native = {name: self.array(values, case.dtype) for name, values in arrays.items()}
        output = self.run_native(case, native, self.array(weight, case.dtype))
        return {name: np.array(self.framework.numpy(value)) for name, value in output.items()}

    def run_native(self, case: Case, arrays: Mapping[str, Any], weight: Any) -> dict[str, Any]:
        """The same for the framework's arrays; what it compiles is kept for the next test."""
        target = _target(self, tuple(sorted(case.options.items())), case.wrt)
        return dict(zip(("output", *case.wrt), target(arrays, weight), strict=True))


@functools.cache
def _target(subject: Subject, options: tuple, wrt: tuple[str, ...]) -> Any:
    """One function to differentiate, so that a compiler sees it once for all tests."""
    vjp = subject.implementation.vjp
    return subject.framework.forward_backward(subject.function(), dict(options), wrt, vjp)
