"""Soft cut: a differentiable selection of events above or below a threshold.

    keep="above":  y_i = 1 / (1 + exp(-s (x_i - t)))
    keep="below":  y_i = 1 / (1 + exp(+s (x_i - t)))

with threshold t and steepness s > 0 (in units of 1/x). As s grows y becomes the step function; at
x_i = t it is 1/2 for every s. The formula is total: an infinite steepness or sample is read as the
largest finite number of its dtype, so neither value nor gradient is ever NaN for a number.

Arguments: x (R, N); threshold a host scalar, () or (R,); steepness likewise.
Returns (R, N). Gradients to x, threshold and steepness; second derivatives too.

Source: N. Simpson, L. Heinrich, "neos: End-to-End-Optimised Summary Statistics for High Energy
Physics", 2022, arXiv 2203.05570 (selection cuts as sigmoids).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import expit

from suite.operators.arguments import (
    is_array,
    require_array,
    require_choice,
    require_parameter,
    require_values,
)
from suite.operators.base import EPSILON, ITEM_BYTES, Case, Cost, ErrorCase, Operator, Pass

KEEP = ("above", "below")


def _column(value: Any) -> np.ndarray:
    """A parameter as a column that broadcasts along rows."""
    array = np.asarray(value, dtype=np.float64)
    return array.reshape(-1, 1) if array.ndim else array


def _parts(x, threshold, steepness, keep):
    """Distance to the threshold, steepness, signed argument of the sigmoid, all finite or NaN."""
    largest = np.finfo(np.float64).max
    distance = np.clip(x - _column(threshold), -largest, largest)
    slope = np.clip(_column(steepness), None, largest)
    sign = 1.0 if keep == "above" else -1.0
    with np.errstate(over="ignore"):
        return distance, slope, sign * slope * distance, sign


def reference(x, threshold, steepness, *, keep="above"):
    """The selection weight of every sample, (R, N), float64."""
    return expit(_parts(x, threshold, steepness, keep)[2])


def reference_gradient(cotangent, wrt, x, threshold, steepness, *, keep="above"):
    """Gradients of sum(cotangent * y) to each name of ``wrt``."""
    distance, slope, z, sign = _parts(x, threshold, steepness, keep)
    push = cotangent * sign * expit(z) * expit(-z)
    gradients = {
        "x": push * slope,
        "threshold": _like(-push * slope, threshold),
        "steepness": _like(push * distance, steepness),
    }
    return {name: gradients[name] for name in wrt}


def _like(terms: np.ndarray, parameter: Any) -> np.ndarray:
    """Sum (R, N) terms to the parameter's shape, () or (R,)."""
    return terms.sum(axis=1) if np.ndim(parameter) else terms.sum()


def condition(cotangent, wrt, x, threshold, steepness, *, keep="above"):
    """A relative error of s (x - t) moves y by y (1 - y) |z|, and its slope by up to |z| times."""
    distance, slope, z, _ = _parts(x, threshold, steepness, keep)
    with np.errstate(over="ignore", invalid="ignore"):
        spread = expit(z) * expit(-z) * (1.0 + np.where(np.abs(z) < 1e4, np.abs(z), 0.0))
    push = np.abs(cotangent) * spread
    result = {
        "output": expit(z) + spread,
        "x": push * slope,
        "threshold": _like(push * slope, threshold),
        "steepness": _like(push * np.abs(distance), steepness),
    }
    return {name: result[name] for name in ("output", *wrt)}


def tolerance(dtype):
    """Sixteen roundings: a subtraction, a product, an exponential, a division and a sum."""
    return 32.0 * EPSILON[dtype]


def cost(case: Case, pass_: Pass) -> Cost:
    """Read x, write y; backward reads x and the cotangent, writes the gradient."""
    elements = case.sizes["R"] * case.sizes["N"]
    streams = 2 if pass_ == "forward" else 4
    return Cost(streams * elements * ITEM_BYTES[case.dtype], 4 * elements, elements)


def check(x, threshold, steepness, *, keep="above"):
    """Raise for a wrong rank, dtype or shape, a steepness <= 0, an unknown ``keep``."""
    require_array("x", x, ndim=(2,))
    rows = x.shape[0]
    require_parameter("threshold", threshold, rows, like=x)
    require_parameter("steepness", steepness, rows, like=x, above=0.0, finite=False)
    require_choice("keep", keep, KEEP)


def check_values(x, threshold, steepness, *, keep="above"):
    """Raise for steepness <= 0 on the device; an infinite one is allowed, as for a scalar."""
    if is_array(steepness):
        require_values("steepness", steepness, steepness <= 0.0, "numbers > 0")


def draw(case, rng):
    """Normal samples with thresholds near zero; ``data="steep"`` puts samples on the threshold."""
    arrays = {"x": rng.normal(size=case.shape("x"))}
    if case.data == "steep":
        arrays["x"][:, ::3] = 0.25
    if "threshold" in case.dims:
        arrays["threshold"] = rng.uniform(-0.5, 0.5, size=case.shape("threshold"))
    if "steepness" in case.dims:
        arrays["steepness"] = rng.uniform(1.0, 8.0, size=case.shape("steepness"))
    return arrays


def _case(name, rows, samples, *, arrays=(), **keywords):
    dims = {"x": ("R", "N"), **dict(arrays), "output": ("R", "N")}
    return Case(name, {"R": rows, "N": samples}, dims, **keywords)


_FIXED = {"threshold": 0.25, "steepness": 5.0}

CASES = (
    _case("above-64x4096", 64, 4096, options=_FIXED, profile="quick", representative=True,
          memory=True),
    _case("below-parameters", 8, 512, arrays={"threshold": ("R",), "steepness": ("R",)},
          wrt=("x", "threshold", "steepness"), options={"keep": "below"}, profile="quick"),
    _case("scalar-parameters-float64", 8, 512, arrays={"threshold": (), "steepness": ()},
          dtype="float64", wrt=("x", "threshold", "steepness"), options={"keep": "above"},
          profile="quick"),
    _case("steep", 4, 300, options={"threshold": 0.25, "steepness": 1e30, "keep": "above"},
          data="steep", profile="quick"),
    _case("float16", 8, 512, options=_FIXED, dtype="float16", profile="quick"),
    _case("bfloat16", 8, 512, options=_FIXED, dtype="bfloat16"),
    *(_case(f"above-{rows}x{samples}", rows, samples, options=_FIXED)
      for rows, samples in ((1, 500), (16, 1024), (256, 8192), (512, 16384))),
)  # fmt: skip


def _bad(name, raises, match, *, by_value=False, **changes):
    arguments = {"x": np.linspace(-1.0, 1.0, 6, dtype=np.float32).reshape(2, 3), **_FIXED}
    return ErrorCase(name, {**arguments, **changes}, raises, match, by_value)


ERROR_CASES = (
    _bad("x-rank", ValueError, ("x", "(6,)"), x=np.zeros(6, np.float32)),
    _bad("x-empty", ValueError, ("x", "(2, 0)"), x=np.zeros((2, 0), np.float32)),
    _bad("x-integer", TypeError, ("x", "int32"), x=np.zeros((2, 3), np.int32)),
    _bad("x-no-array", TypeError, ("x", "float"), x=0.5),
    _bad("steepness-zero", ValueError, ("steepness", "0"), steepness=0.0),
    _bad("steepness-nan", ValueError, ("steepness", "nan"), steepness=float("nan")),
    _bad("steepness-text", TypeError, ("steepness", "steep"), steepness="steep"),
    _bad("steepness-shape", ValueError, ("steepness", "(3,)"), steepness=np.ones(3, np.float32)),
    _bad("steepness-negative", ValueError, ("steepness", "-1"), by_value=True,
         steepness=np.array([1.0, -1.0], np.float32)),
    _bad("threshold-shape", ValueError, ("threshold", "(3,)"), threshold=np.ones(3, np.float32)),
    _bad("threshold-dtype", TypeError, ("threshold", "float64"), threshold=np.ones(2)),
    _bad("keep", ValueError, ("keep", "inside"), keep="inside"),
)  # fmt: skip

OPERATOR = Operator(
    name="soft_cut",
    summary="sigmoid selection of samples above or below a threshold",
    draw=draw,
    reference=reference,
    reference_gradient=reference_gradient,
    condition=condition,
    tolerance=tolerance,
    cost=cost,
    check=check,
    check_values=check_values,
    cases=CASES,
    error_cases=ERROR_CASES,
    options={"keep": KEEP},
    twice=True,
)
