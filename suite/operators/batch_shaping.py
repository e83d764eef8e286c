"""Batch shaping: the Cramer-von Mises distance of a batch to a prior.

    L_r = 1/N sum_i (p_i - F(x_ri; a_r, b_r))^2

p_i is the plotting position of x_ri among its row (``suite.plotting_positions``), F the CDF of the
prior (``suite.priors``). ``reduction`` over rows: "mean", "sum", or "none" for (R,).

    dL_r/dx_i = 2/N (F_i - p_i) f(x_i)            dL_r/da = 2/N sum_i (F_i - p_i) dF_i/da

Ranks are held constant: they are a step function of x. Where the density f is infinite the
gradient is +-inf (0 if the residual or the cotangent is exactly 0), never NaN.

Arguments: x (R, N), samples, or with ``from_logits`` the logits z of samples sigmoid(z), for which
f becomes dF/dz, finite everywhere. a, b host scalars or arrays () or (R,): beta a, b > 0; symbeta
0 < a < 1, that is Beta(a, 1 - a), without b; relaxed_bernoulli mean a in (0, 1) and temperature
b > 0; normal mean a and standard deviation b > 0. ``ties``: equal values share their mean rank
("mid") or are ranked by a stable sort ("ordinal"). ``clip=(lo, hi)``: the samples (after their
sigmoid) are first clamped to [lo, hi], so that clamped ones are tied; their gradient is 0, that of
a sample on a bound is not. With a prior on [0, 1], x must lie in it unless clip puts it there.

Sources: B. E. Bejnordi, T. Blankevoort, M. Welling, "Batch-shaping for learning conditional channel
gated networks", 2020, arXiv 1907.06627; J. D. Havtorn et al., 2023, arXiv 2307.02321 (a and b).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import special

from suite.operators.arguments import (
    is_array,
    require_array,
    require_between,
    require_choice,
    require_parameter,
    require_scalar,
)
from suite.operators.base import ITEM_BYTES, Case, Cost, Operator, Pass
from suite.operators.batch_shaping_cases import CASES, ERROR_CASES, draw
from suite.plotting_positions import PLOTTING_POSITIONS, plotting_positions
from suite.priors import PRIORS

TIES = ("mid", "ordinal")
REDUCTIONS = ("mean", "sum", "none")
# Bounds of the parameters, exclusive.
BOUNDS_A = {
    "beta": (0.0, math.inf),
    "symbeta": (0.0, 1.0),
    "relaxed_bernoulli": (0.0, 1.0),
    "normal": (-math.inf, math.inf),
}
OPERATIONS = {"beta": 90, "symbeta": 90, "relaxed_bernoulli": 12, "normal": 8}


@dataclass(frozen=True)
class _Options:
    """The keyword arguments of the operator."""

    prior: str
    plotting_position: str = "weibull"
    ties: str = "mid"
    from_logits: bool = False
    clip: tuple[float, float] | None = None
    reduction: str = "mean"


@dataclass(frozen=True)
class _Batch:
    """Rows of samples with their prior: clamped samples, residuals F - p, and slopes of F."""

    samples: np.ndarray
    kept: np.ndarray
    residual: np.ndarray
    parameters: tuple[Any, Any]
    options: _Options

    @classmethod
    def of(cls, x, a, b, options: _Options) -> _Batch:
        samples, kept = _clamped(x, options)
        parameters = (_column(a), _column(b))
        prior = PRIORS[options.prior]
        cdf = prior.cdf(samples, *parameters, from_logits=options.from_logits)
        residual = cdf - plotting_positions(samples, options.plotting_position, options.ties)
        # One NaN has no rank, so the whole row has none.
        residual[np.isnan(residual).any(axis=1)] = np.nan
        return cls(samples, kept, residual, parameters, options)

    def density(self) -> np.ndarray:
        prior, logits = PRIORS[self.options.prior], self.options.from_logits
        return prior.pdf(self.samples, *self.parameters, from_logits=logits)

    def parameter_slopes(self) -> tuple[np.ndarray, np.ndarray]:
        prior, logits = PRIORS[self.options.prior], self.options.from_logits
        return prior.parameter_derivatives(self.samples, *self.parameters, from_logits=logits)

    def push(self, cotangent) -> np.ndarray:
        """2/N times the cotangent of every row's loss, () or (R, 1)."""
        rows, samples = self.residual.shape
        each = np.asarray(cotangent, np.float64)
        each = each / rows if self.options.reduction == "mean" else each
        return 2 * (each[:, None] if each.ndim else each) / samples

    def exponent(self) -> np.ndarray:
        """Size of the terms whose sum is exponentiated for the density."""
        (a, b), x, logits = self.parameters, self.samples, self.options.from_logits
        if self.options.prior == "normal":
            return (((special.expit(x) if logits else x) - a) / b) ** 2
        z = x if logits else special.logit(x)
        if self.options.prior == "relaxed_bernoulli":
            return np.abs(b * z) + np.abs(special.logit(a))
        b = 1 - a if b is None else b
        return -a * special.log_expit(z) - b * special.log_expit(-z) + np.abs(special.betaln(a, b))


def _column(value: Any) -> Any:
    """A parameter as a column that broadcasts along rows; None stays None."""
    array = np.asarray(value, dtype=np.float64)
    return None if value is None else array.reshape(-1, 1) if array.ndim else array


def _clamped(x, options: _Options):
    """The clamped samples, and where a sample was not moved."""
    if options.clip is None:
        return x, np.ones(x.shape, bool)
    bounds = np.array(options.clip, np.float64)
    lo, hi = special.logit(bounds) if options.from_logits else bounds
    return np.clip(x, lo, hi), ~((x < lo) | (x > hi))


def _reduced(rows: np.ndarray, reduction: str) -> np.ndarray:
    return rows if reduction == "none" else rows.mean() if reduction == "mean" else rows.sum()


def _like(terms: np.ndarray, parameter: Any) -> np.ndarray:
    """Sum (R, N) terms to the parameter's shape, () or (R,)."""
    return terms.sum(axis=1) if np.ndim(parameter) else terms.sum()


def _product(first, other):
    """first * other, 0 where first is 0 although the other is infinite."""
    with np.errstate(invalid="ignore"):
        return np.where(first == 0, 0.0, first * other)


def reference(x, a, b=None, **options):
    """The loss, () or with reduction="none" (R,), float64."""
    batch = _Batch.of(x, a, b, _Options(**options))
    return _reduced((batch.residual**2).mean(axis=1), batch.options.reduction)


def reference_gradient(cotangent, wrt, x, a, b=None, **options):
    """Gradients of sum(cotangent * loss) to each name of ``wrt``, ranks held constant."""
    batch = _Batch.of(x, a, b, _Options(**options))
    push = batch.residual * batch.push(cotangent)
    gradients = {}
    if "x" in wrt:
        moved = ~batch.kept & ~np.isnan(push)
        gradients["x"] = np.where(moved, 0.0, _product(push, batch.density()))
    if {"a", "b"} & set(wrt):
        d_a, d_b = batch.parameter_slopes()
        gradients |= {"a": _like(push * d_a, a), "b": _like(push * d_b, b)}
    return {name: gradients[name] for name in wrt}


@np.errstate(invalid="ignore")
def condition(cotangent, wrt, x, a, b=None, **options):
    """F errs by 1 absolutely, f by 1 and by its exponent's terms; dF/da by max(1, |dF/da|)."""
    batch = _Batch.of(x, a, b, _Options(**options))
    distance, push = np.abs(batch.residual), np.abs(batch.push(cotangent))
    # A term's rounding is one unit in the last place, the tolerance is eighty.
    spread = 1 + batch.exponent() / 16
    rows = (distance**2 + 2 * distance).mean(axis=1)
    result = {"output": _reduced(rows, batch.options.reduction)}
    if "x" in wrt:
        error = _product(batch.density(), push * (1 + distance * spread))
        # An infinite gradient is met exactly or not at all.
        result["x"] = np.where(batch.kept & np.isfinite(error), error, 0.0)
    if {"a", "b"} & set(wrt):
        for name, parameter, slope in zip("ab", (a, b), batch.parameter_slopes(), strict=True):
            slope = np.abs(slope)
            incomplete_beta = "beta" in batch.options.prior
            blur = np.maximum(1, slope) if incomplete_beta else _product(slope, spread)
            result[name] = _like(push * (slope + distance * blur), parameter)
    return {name: result[name] for name in ("output", *wrt)}


def tolerance(dtype):
    """What a careful incomplete beta reaches for a and b in [0.05, 50], of max(1, |.|)."""
    return 1e-12 if dtype == "float64" else 5e-6


def cost(case: Case, pass_: Pass) -> Cost:
    """Read x; backward, fused, writes the gradient. Sorting counts log2 N operations a sample."""
    rows, samples = case.sizes["R"], case.sizes["N"]
    backward = pass_ == "forward+backward"
    size = ITEM_BYTES[case.dtype]
    small = sum(math.prod(case.shape(name)) for name in case.dims if name != "x")
    moved = (2 if backward else 1) * (rows * samples + small) * size
    slopes = (3 if {"a", "b"} & set(case.wrt) else 1.5) if backward else 1
    work = slopes * OPERATIONS[case.options["prior"]]
    each = math.ceil(math.log2(samples + 1)) + int(work) + 4
    return Cost(moved, rows * samples * each, rows * samples)


def check(
    x,
    a,
    b=None,
    *,
    prior,
    plotting_position="weibull",
    ties="mid",
    from_logits=False,
    clip=None,
    reduction="mean",
):
    """Raise for wrong ranks, shapes, dtypes, unknown options, and host scalars out of range."""
    require_array("x", x, ndim=(2,))
    require_choice("prior", prior, tuple(PRIORS))
    require_choice("plotting_position", plotting_position, PLOTTING_POSITIONS)
    require_choice("ties", ties, TIES)
    require_choice("reduction", reduction, REDUCTIONS)
    if not isinstance(from_logits, bool):
        raise TypeError(f"from_logits={from_logits!r}: expected True or False")
    above, below = BOUNDS_A[prior]
    require_parameter("a", a, x.shape[0], like=x, above=above, below=below)
    if PRIORS[prior].takes_b:
        if b is None:
            raise TypeError(f"b=None: expected a number or an array, prior={prior!r} takes a and b")
        require_parameter("b", b, x.shape[0], like=x, above=0.0)
    elif b is not None:
        value = f"array of shape {tuple(b.shape)}" if is_array(b) else repr(b)
        raise ValueError(f"b={value}: expected None, prior={prior!r} takes a alone")
    if clip is not None:
        _check_clip(clip, PRIORS[prior].on_unit_interval or from_logits)


def _check_clip(clip, on_unit_interval):
    if not isinstance(clip, (tuple, list)) or len(clip) != 2:
        raise TypeError(f"clip={clip!r}: expected None or a pair (lo, hi)")
    for bound in clip:
        require_scalar("clip", bound)
    lo, hi = clip
    if not lo < hi:
        raise ValueError(f"clip={clip!r}: expected lo < hi")
    if on_unit_interval and not (lo >= 0 and hi <= 1):
        raise ValueError(f"clip={clip!r}: expected 0 <= lo < hi <= 1, the samples lie in [0, 1]")


def check_values(
    x,
    a,
    b=None,
    *,
    prior,
    plotting_position="weibull",
    ties="mid",
    from_logits=False,
    clip=None,
    reduction="mean",
):
    """Raise for parameters out of range and x outside [0, 1] on the device; NaN passes."""
    above, below = BOUNDS_A[prior]
    require_between("a", a, above=above, below=below)
    if b is not None:
        require_between("b", b, above=0.0)
    if PRIORS[prior].on_unit_interval and not from_logits and clip is None:
        require_between("x", x, above=0.0, below=1.0, closed=True)


OPERATOR = Operator(
    name="batch_shaping",
    summary="Cramer-von Mises distance of every row of samples to a prior",
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
    options={
        "prior": tuple(PRIORS),
        "plotting_position": PLOTTING_POSITIONS,
        "ties": TIES,
        "from_logits": (False, True),
        "clip": (None, (0.05, 0.9)),
        "reduction": REDUCTIONS,
    },
)
