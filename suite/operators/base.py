"""The contract every operator states: what it computes, on which inputs, how exactly, at what cost.

An operator file defines plain functions with the names below and collects them, at its end, in
``OPERATOR = Operator(...)``. It imports NumPy and SciPy, this file, and nothing of the harness.

Arrays are float64 when they reach ``reference``; they hold exactly the values that were rounded to
the case's dtype, so what is judged is the implementation's arithmetic and not the input's rounding.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

Pass = Literal["forward", "forward+backward"]
PASSES: tuple[Pass, ...] = ("forward", "forward+backward")
Profile = Literal["quick", "full"]

EPSILON = {"float64": 2.0**-53, "float32": 2.0**-24, "float16": 2.0**-11, "bfloat16": 2.0**-8}
# The smallest magnitude every framework keeps: normal numbers, as some flush subnormals to zero;
# float16 is only ever stored, so its subnormals survive and their spacing counts.
SMALLEST = {"float64": 2.3e-308, "float32": 1.2e-38, "float16": 6.0e-8, "bfloat16": 1.2e-38}
ITEM_BYTES = {"float64": 8, "float32": 4, "float16": 2, "bfloat16": 2}


@dataclass(frozen=True)
class Case:
    """One concrete input to an operator.

    name: unique within the operator, readable ("normal-64x4096").
    sizes: extent of every labelled axis, e.g. {"R": 64, "N": 4096}.
    dims: the axis labels of every array argument and of "output", e.g. {"x": ("R", "N"),
        "a": ("R",), "output": ()}. An argument that is missing here is not an array. The arrays
        of an argument that is a list have dotted names ("theta.mean", "theta.precision"), which
        sort as they stand in the list.
    options: everything else the function is called with (host scalars, strings, None).
    wrt: the array arguments that forward+backward differentiates.
    data: the operator's own word for how ``draw`` makes the arrays.
    permute: axes whose order changes nothing but the order of the results. Each timed round
        permutes them afresh. Stable ranks of tied samples, for one, forbid "N".
    profile: a quick case also belongs to the full profile.
    representative: the few cases (two at most per operator) that stand for the operator where
        every cell is expensive: slow compilers in the quick profile, and peak memory.
    memory: measure peak memory here too.
    source: where the sizes or the data come from ("notebook of arXiv 1907.06627", "digits gates").
    """

    name: str
    sizes: Mapping[str, int]
    dims: Mapping[str, tuple[str, ...]]
    options: Mapping[str, Any] = field(default_factory=dict)
    dtype: str = "float32"
    wrt: tuple[str, ...] = ("x",)
    data: str = "normal"
    seed: int = 0
    permute: tuple[str, ...] = ("R", "N")
    profile: Profile = "full"
    representative: bool = False
    memory: bool = False
    source: str = ""

    def __post_init__(self) -> None:
        if self.dtype not in EPSILON:
            raise ValueError(f"dtype={self.dtype!r}: expected one of {sorted(EPSILON)}")
        labels = {label for dims in self.dims.values() for label in dims}
        if missing := labels - set(self.sizes):
            raise ValueError(f"case {self.name!r}: axes {sorted(missing)} have no size")
        if unknown := set(self.wrt) - set(self.dims):
            raise ValueError(f"case {self.name!r}: wrt={sorted(unknown)} are no array arguments")
        if (dotted := [name for name in self.dims if "." in name]) != sorted(dotted):
            raise ValueError(f"case {self.name!r}: {dotted} do not sort as they stand")

    def shape(self, name: str) -> tuple[int, ...]:
        """Shape of an array argument or of "output"."""
        return tuple(self.sizes[label] for label in self.dims[name])

    @property
    def arrays(self) -> tuple[str, ...]:
        """Names of the array arguments, in the order of ``dims``."""
        return tuple(name for name in self.dims if name != "output")

    @property
    def row_axis(self) -> str:
        """The axis of what has a gradient of its own: "R", or "N" where there are no rows."""
        return "R" if "R" in self.sizes else "N"


@dataclass(frozen=True)
class ErrorCase:
    """Bad input and the error that every implementation must raise for it.

    arguments: NumPy arrays and host values, given by name; arrays are converted to the framework.
    raises: the exception's type. match: words that the message must contain (argument, value).
    by_value: the fault is in device values, so that it is caught with ``check_values`` on, and
        must give NaN (never a plausible number) when a caller has switched that off.
    """

    name: str
    arguments: Mapping[str, Any]
    raises: type[Exception]
    match: tuple[str, ...]
    by_value: bool = False


@dataclass(frozen=True)
class Cost:
    """The least work one pass can do.

    bytes: device memory that must be moved: every input read once, every output written once.
    operations: floating-point operations, a transcendental function counted as one.
    elements: samples processed, the unit of throughput.
    """

    bytes: int
    operations: int
    elements: int


@dataclass(frozen=True)
class Operator:
    """A mathematical function, defined once.

    draw(case, rng) -> arrays by name, float64, any values; the harness rounds them to the dtype.
    reference(**arrays, **options) -> float64 output. Dotted arrays come gathered into lists, here
        and wherever a function is called; gradients keep the dotted names.
    reference_gradient(cotangent, wrt, **arrays, **options) -> {name: float64 gradient}.
    condition(cotangent, wrt, **arrays, **options) -> {"output" and each of wrt: array}: the
        absolute error that a relative perturbation of size one of the intermediate quantities
        causes; the allowed error is ``tolerance(dtype) * condition``.
    tolerance(dtype) -> the relative size of the perturbations that a careful code may make.
    cost(case, pass) -> Cost.
    check(*signature): raises for bad shapes, dtypes and host scalars. Always called.
    check_values(*signature): raises for bad device values. May be switched off.
    options: every advertised value of every option, so that coverage can be counted.
    An implementation may return a tuple: its first is the output, the rest is not judged.
    twice: second derivatives are defined (otherwise they must raise).
    """

    name: str
    summary: str
    draw: Callable[[Case, np.random.Generator], dict[str, np.ndarray]]
    reference: Callable[..., np.ndarray]
    reference_gradient: Callable[..., dict[str, np.ndarray]]
    condition: Callable[..., dict[str, np.ndarray]]
    tolerance: Callable[[str], float]
    cost: Callable[[Case, Pass], Cost]
    check: Callable[..., None]
    check_values: Callable[..., None]
    cases: tuple[Case, ...]
    error_cases: tuple[ErrorCase, ...]
    options: Mapping[str, tuple[Any, ...]]
    twice: bool = False

    def __post_init__(self) -> None:
        names = [case.name for case in self.cases]
        if len(set(names)) != len(names):
            raise ValueError(f"operator {self.name!r}: case names repeat")

    def case(self, name: str) -> Case:
        """The case of that name; KeyError lists the names."""
        for case in self.cases:
            if case.name == name:
                return case
        names = ", ".join(case.name for case in self.cases)
        raise KeyError(f"{self.name} has no case {name!r}; it has: {names}")


def round_to(dtype: str, array: np.ndarray) -> np.ndarray:
    """Round to the values that ``dtype`` can hold, kept in a NumPy type that holds them exactly.

    float64 and float32 keep their type; float16 and bfloat16 come back as float32.
    """
    if dtype == "float64":
        return np.asarray(array, dtype=np.float64)
    single = np.asarray(array, dtype=np.float32)
    if dtype == "float32":
        return single
    if dtype == "float16":
        return single.astype(np.float16).astype(np.float32)
    bits = np.atleast_1d(single).view(np.uint32)
    # Round to nearest, ties to even, on the upper 16 bits; NaN keeps its quiet bit.
    rounded = (bits + np.uint32(0x7FFF) + ((bits >> 16) & np.uint32(1))) & np.uint32(0xFFFF0000)
    rounded = np.where(np.isnan(np.atleast_1d(single)), bits & np.uint32(0xFFFF0000), rounded)
    return rounded.astype(np.uint32).view(np.float32).reshape(single.shape)


BASES = 3
"""Base inputs of a timed cell; every round is a permutation of one of them."""


def inputs(operator: Operator, case: Case, base: int) -> dict[str, np.ndarray]:
    """The arrays of one base input (0 to BASES - 1), rounded to the case's dtype."""
    rng = np.random.Generator(np.random.Philox(key=[case.seed, base]))
    arrays = operator.draw(case, rng)
    for name, array in arrays.items():
        if np.shape(array) != case.shape(name):
            raise ValueError(
                f"{operator.name}/{case.name}: draw gave {name} of shape {np.shape(array)}, "
                f"the case says {case.shape(name)}"
            )
    return {name: round_to(case.dtype, array) for name, array in arrays.items()}


def gathered(arrays: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments of a call: arrays with dotted names become one list, in the order of their names.

    >>> gathered({"x": 1, "theta.mean": 2, "theta.precision": 3})
    {'x': 1, 'theta': [2, 3]}
    """
    arguments: dict[str, Any] = {name: array for name, array in arrays.items() if "." not in name}
    for name in sorted(name for name in arrays if "." in name):
        arguments.setdefault(name.partition(".")[0], []).append(arrays[name])
    return arguments


def first(returned: Any) -> Any:
    """The output among what a function returned: itself, or the first of a tuple."""
    return returned[0] if isinstance(returned, tuple) else returned


def cotangent(operator: Operator, case: Case, base: int) -> np.ndarray:
    """The seeded cotangent of the output: uniform in [0.5, 1.5], so that no term is lost."""
    rng = np.random.Generator(np.random.Philox(key=[case.seed + 0x5EED, base]))
    return round_to(case.dtype, rng.uniform(0.5, 1.5, size=case.shape("output")))
