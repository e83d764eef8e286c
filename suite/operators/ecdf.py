"""The empirical distribution function of every row, at the row's own samples.

    p_i = plotting position of the rank of x_i among its row        (``suite.plotting_positions``)

With plotting_position="ecdf" and ties="max", the defaults, p_i = #{j: x_j <= x_i} / N, the ECDF.
It is a step function, so its gradient is zero or nowhere. The gradient returned in its place, for a
cotangent g, is that of a named surrogate and exactly this:

    identity   g_i
    density    g_i 1/N sum_j phi((x_i - x_j) / s) / s
    soft_rank  u/s sum_j w_ij (g_i - g_j),    w_ij = sigmoid'((x_i - x_j) / s)

phi is the standard normal density, s the scale (in units of x), u the plotting position's step from
one rank to the next: 1/N, or 1/(N+1) for "weibull". "identity" is the straight-through gradient of
the forum. "density" is the diagonal of a smoothed ECDF, a Gaussian kernel density estimate with
the sample itself included; an estimated density integrates to one whatever the plotting
position. "soft_rank" is the transposed Jacobian, all of it, of u sum_j sigmoid((x_i - x_j) / s).

Arguments: x (R, N). plotting_position "ecdf", "weibull" or "hazen". ties: equal samples have the
largest of their ranks ("max"), the mean ("mid"), or the ranks of a stable sort ("ordinal").
scale a host scalar > 0 for density and soft_rank, None for identity. Returns (R, N) in input order.
A NaN makes value and gradient of its row NaN. Second derivatives are not defined.

Sources: PyTorch forum, "Differentiating w.r.t. empirical probability distributions" (identity);
B. W. Silverman, "Density estimation", 1986 (density); T. Qin, T.-Y. Liu, H. Li, "A general
approximation framework for direct optimization of information retrieval measures", 2010
(soft_rank).
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from scipy.special import expit

from suite import workloads
from suite.operators.arguments import require_array, require_choice, require_scalar
from suite.operators.base import EPSILON, ITEM_BYTES, Case, Cost, ErrorCase, Operator, Pass
from suite.plotting_positions import PLOTTING_POSITIONS, TIES, plotting_positions, unit

SURROGATES = ("identity", "density", "soft_rank")
_PAIRS = 1 << 20


def reference(x, *, plotting_position="ecdf", ties="max", surrogate="identity", scale=None):
    """The plotting position of every sample, (R, N), float64."""
    return _nan_rows(x, plotting_positions(x, plotting_position, ties))


def reference_gradient(
    cotangent, wrt, x, *, plotting_position="ecdf", ties="max", surrogate="identity", scale=None
):
    """The surrogate's gradient to x."""
    if surrogate == "identity":
        gradient = np.array(cotangent, np.float64)
    elif surrogate == "density":
        gradient = cotangent * _over_pairs(x, scale, lambda z, i, row: _normal(z))
        gradient /= x.shape[1] * scale
    else:
        gradient = _over_pairs(
            x, scale, lambda z, i, row: _bell(z) * (cotangent[row, i, None] - cotangent[row])
        )
        gradient *= unit(plotting_position, x.shape[1]) / scale
    gradients = {"x": _nan_rows(x, gradient)}
    return {name: gradients[name] for name in wrt}


def condition(
    cotangent, wrt, x, *, plotting_position="ecdf", ties="max", surrogate="identity", scale=None
):
    """A relative error of (x_i - x_j) / s moves phi by its square, sigmoid' by its size."""
    weight = np.abs(cotangent)
    # A rank is exact and its position one division; the pair sums have N roundings.
    result = {"output": np.abs(plotting_positions(x, plotting_position, ties)) / 64}
    if surrogate == "identity":
        result["x"] = weight / 64
    elif surrogate == "density":
        result["x"] = weight * _over_pairs(x, scale, lambda z, i, row: _normal(z) * (1 + z * z))
        result["x"] /= x.shape[1] * scale
    else:
        result["x"] = _over_pairs(
            x,
            scale,
            lambda z, i, row: _bell(z) * (1 + np.abs(z)) * (weight[row, i, None] + weight[row]),
        )
        result["x"] *= unit(plotting_position, x.shape[1]) / scale
    return {name: result[name] for name in ("output", *wrt)}


def _nan_rows(x: np.ndarray, values: np.ndarray) -> np.ndarray:
    """The values, NaN in every row of x that has a NaN."""
    values[np.isnan(x).any(axis=1)] = np.nan
    return values


def _over_pairs(x: np.ndarray, scale: float, term: Callable) -> np.ndarray:
    """sum_j term((x_i - x_j) / scale, i, row) for every sample i of every row, by blocks of i."""
    rows, samples = x.shape
    total = np.empty(x.shape)
    block = max(1, _PAIRS // samples)
    for row in range(rows):
        for start in range(0, samples, block):
            i = slice(start, start + block)
            z = (x[row, i, None] - x[row]) / scale
            total[row, i] = term(z, i, row).sum(axis=1)
    return total


def _normal(z: np.ndarray) -> np.ndarray:
    """The standard normal density."""
    return np.exp(-0.5 * z * z) / math.sqrt(2 * math.pi)


def _bell(z: np.ndarray) -> np.ndarray:
    """The derivative of the sigmoid."""
    half = expit(-np.abs(z))
    return half * (1 - half)


def tolerance(dtype):
    """A sum over thousands of pairs, each an exponential and a few products."""
    return 256.0 * EPSILON[dtype]


def cost(case: Case, pass_: Pass) -> Cost:
    """Read x, write p; backward reads the cotangent (and x), writes the gradient.

    Sorting counts log2 N operations a sample, the sum over pairs as written down 6 N.
    """
    rows, samples = case.sizes["R"], case.sizes["N"]
    pairs = case.options.get("surrogate", "identity") != "identity"
    each = math.ceil(math.log2(samples + 1)) + 2
    streams = 2
    if pass_ == "forward+backward":
        streams += 3 if pairs else 2
        each += 6 * samples if pairs else 1
    elements = rows * samples
    return Cost(streams * elements * ITEM_BYTES[case.dtype], elements * each, elements)


def check(x, *, plotting_position="ecdf", ties="max", surrogate="identity", scale=None):
    """Raise for a wrong rank or dtype, unknown options, a scale missing, idle or <= 0."""
    require_array("x", x, ndim=(2,))
    require_choice("plotting_position", plotting_position, PLOTTING_POSITIONS)
    require_choice("ties", ties, TIES)
    require_choice("surrogate", surrogate, SURROGATES)
    if surrogate == "identity":
        if scale is not None:
            raise ValueError(f"scale={scale!r}: expected None, surrogate='identity' has no scale")
    elif scale is None:
        raise TypeError(f"scale=None: expected a number > 0, surrogate={surrogate!r} needs it")
    else:
        require_scalar("scale", scale, above=0.0)


def check_values(x, *, plotting_position="ecdf", ties="max", surrogate="identity", scale=None):
    """No value of x is invalid."""


def draw(case, rng):
    """Samples as ``case.data`` says; real tensors come with their samples in a new order."""
    shape = case.shape("x")
    if case.data in workloads.names():
        return {"x": rng.permutation(workloads.load(case.data), axis=1)}
    x = rng.normal(size=shape)
    if case.data == "tied":
        x = np.maximum(x.round(1), 0.0)
    return {"x": x}


def _case(name, rows, samples, *, surrogate="identity", scale=None, **keywords):
    options = {"surrogate": surrogate, "scale": scale, **keywords.pop("options", {})}
    dims = {"x": ("R", "N"), "output": ("R", "N")}
    return Case(name, {"R": rows, "N": samples}, dims, options=options, **keywords)


_DIGITS = "channel-gated network on scikit-learn's digits"

CASES = (
    _case("identity-64x4096", 64, 4096, profile="quick", representative=True, memory=True),
    _case("density-16x1024", 16, 1024, surrogate="density", scale=0.1, profile="quick"),
    _case("soft_rank-16x1024", 16, 1024, surrogate="soft_rank", scale=0.1, profile="quick",
          representative=True, memory=True),
    _case("digits-gates", 16, 1024, surrogate="density", scale=0.05,
          options={"plotting_position": "hazen"}, data="digits_gates", source=_DIGITS,
          profile="quick"),
    _case("digits-activations-tied", 32, 512, surrogate="soft_rank", scale=0.25,
          options={"plotting_position": "weibull", "ties": "mid"}, data="digits_activations",
          source=_DIGITS, profile="quick"),
    _case("digits-activations-tied-max", 32, 512, data="digits_activations", source=_DIGITS,
          profile="quick"),
    _case("ties-ordinal", 8, 512, options={"ties": "ordinal", "plotting_position": "weibull"},
          data="tied", permute=("R",), profile="quick"),
    _case("ties-mid-hazen-float64", 8, 300, surrogate="soft_rank", scale=0.5, dtype="float64",
          options={"ties": "mid", "plotting_position": "hazen"}, data="tied", profile="quick"),
    _case("narrow-scale", 8, 300, surrogate="soft_rank", scale=1e-3, profile="quick"),
    _case("one-sample", 3, 1, surrogate="density", scale=0.5, profile="quick"),
    _case("float16", 8, 512, surrogate="density", scale=0.2, dtype="float16", profile="quick"),
    _case("bfloat16", 8, 512, dtype="bfloat16", profile="quick"),
    _case("wide-scale", 8, 300, surrogate="soft_rank", scale=30.0),
    _case("density-float64", 8, 300, surrogate="density", scale=0.2, dtype="float64"),
    _case("ties-ordinal-soft_rank", 8, 512, surrogate="soft_rank", scale=0.2,
          options={"ties": "ordinal"}, data="tied", permute=("R",)),
    *(_case(f"identity-{r}x{n}", r, n)
      for r, n in ((1, 500), (16, 1024), (512, 4096), (512, 16384), (1, 1 << 20))),
    *(_case(f"{surrogate}-{r}x{n}", r, n, surrogate=surrogate, scale=0.1)
      for surrogate in ("density", "soft_rank") for r, n in ((1, 500), (8, 4096))),
)  # fmt: skip


def _bad(name, raises, match, **changes):
    x = np.linspace(-1.0, 1.0, 6, dtype=np.float32).reshape(2, 3)
    return ErrorCase(name, {"x": x, "surrogate": "density", "scale": 0.5, **changes}, raises, match)


ERROR_CASES = (
    _bad("x-rank", ValueError, ("x", "(6,)"), x=np.zeros(6, np.float32)),
    _bad("x-no-samples", ValueError, ("x", "(2, 0)"), x=np.zeros((2, 0), np.float32)),
    _bad("x-no-rows", ValueError, ("x", "(0, 2)"), x=np.zeros((0, 2), np.float32)),
    _bad("x-integer", TypeError, ("x", "int64"), x=np.zeros((2, 3), np.int64)),
    _bad("x-number", TypeError, ("x", "float"), x=0.5),
    _bad("plotting-position", ValueError, ("plotting_position", "blom", "ecdf"),
         plotting_position="blom"),
    _bad("ties", ValueError, ("ties", "min", "max"), ties="min"),
    _bad("surrogate", ValueError, ("surrogate", "sign", "soft_rank"), surrogate="sign"),
    _bad("scale-zero", ValueError, ("scale", "0.0"), scale=0.0),
    _bad("scale-negative", ValueError, ("scale", "-1"), scale=-1, surrogate="soft_rank"),
    _bad("scale-nan", ValueError, ("scale", "nan"), scale=float("nan")),
    _bad("scale-infinite", ValueError, ("scale", "inf"), scale=float("inf")),
    _bad("scale-missing", TypeError, ("scale", "None", "density"), scale=None),
    _bad("scale-missing-soft_rank", TypeError, ("scale", "None"), scale=None,
         surrogate="soft_rank"),
    _bad("scale-idle", ValueError, ("scale", "0.5", "identity"), surrogate="identity"),
    _bad("scale-text", TypeError, ("scale", "wide"), scale="wide"),
)  # fmt: skip

OPERATOR = Operator(
    name="ecdf",
    summary="hard empirical CDF at every sample, with the gradient of a named surrogate",
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
    options={"plotting_position": PLOTTING_POSITIONS, "ties": TIES, "surrogate": SURROGATES},
)
