"""The entropy of the on/off state of ReLU units over a batch, in nats.

A unit is on for a sample when its pre-activation is above 0. With v = (z + noise) / T,
s = sigmoid(v) and h(p) = -p log p - (1-p) log(1-p), for every unit with its N samples:

    estimator             value             gradient to z_n, for a cotangent g
    sigmoid               h(mean_n s_n)     g log((1-p)/p) s_n (1-s_n) / (N T),  p = mean_n s_n
    mean_bernoulli        mean_n h(s_n)     -g v_n s_n (1-s_n) / (N T)
    straight_through      h(k/N)            g log((1-c)/c) s_n (1-s_n) / (N T)
    gumbel_straight_through   the same; logistic noise must be given

k = #{n: z_n + noise_n > 0} and c = k/N clipped to [1/(2N), 1 - 1/(2N)], so that a unit which is
always off (or on) has entropy 0, a finite gradient, and can revive. The first two are
differentiable and their gradients exact; they are finite and accurate in saturation, where p or
1-p is far below the dtype's epsilon. The others are hard forward and go back through the sigmoid.

Arguments: z (units, batch), pre-activations. temperature T a host scalar > 0, the inverse of the
forum's H; it is not differentiated. noise None or an array of z's shape, a constant: logistic
noise is the difference of two Gumbel draws, normal noise works too. Returns (units,). A NaN makes
its unit's value and gradient NaN. Second derivatives are not defined.

Sources: PyTorch forum, "Differentiating w.r.t. empirical probability distributions"; E. Jang,
S. Gu, B. Poole, "Categorical reparameterization with Gumbel-softmax", 2016, arXiv 1611.01144.
"""

from __future__ import annotations

import math

import numpy as np
from scipy.special import entr, expit, log_expit, logsumexp

from suite import workloads
from suite.operators.arguments import (
    dtype_name,
    require_array,
    require_choice,
    require_scalar,
    require_shape,
)
from suite.operators.base import EPSILON, ITEM_BYTES, Case, Cost, ErrorCase, Operator, Pass

ESTIMATORS = ("sigmoid", "mean_bernoulli", "straight_through", "gumbel_straight_through")
# Below it, single precision runs out of exponent; no estimate is asked for there.
_FLOOR = 1e-30


def _argument(z, temperature, noise):
    """v = (z + noise) / T, NaN in the whole row of a unit that has a NaN."""
    v = (z if noise is None else z + noise) / temperature
    return np.where(np.isnan(v).any(axis=1, keepdims=True), np.nan, v)


def _product(slope, factor):
    """slope * factor, 0 where the slope has vanished although the factor is infinite."""
    with np.errstate(invalid="ignore"):
        return np.where(slope == 0, 0.0, slope * factor)


def _slope(v):
    """The sigmoid's derivative s (1 - s)."""
    return expit(v) * expit(-v)


def _log_means(v):
    """log p and log(1 - p) of p = mean sigmoid(v), (units, 1), however small they are."""
    samples = math.log(v.shape[1])
    on = logsumexp(log_expit(v), axis=1, keepdims=True) - samples
    off = logsumexp(log_expit(-v), axis=1, keepdims=True) - samples
    # A difference of logarithms has no digits left near log 1; the other one has them.
    on_near_one, off_near_one = (np.log1p(-np.exp(np.minimum(w, -0.5))) for w in (off, on))
    return np.where(on > -0.5, on_near_one, on), np.where(off > -0.5, off_near_one, off)


def _hard(v):
    """The fraction of samples that are on, (units, 1), NaN kept."""
    return np.where(np.isnan(v), np.nan, v > 0).mean(axis=1, keepdims=True)


def _log_odds_off(v):
    """log((1-c)/c) of the clipped hard fraction c."""
    half = 0.5 / v.shape[1]
    c = np.clip(_hard(v), half, 1 - half)
    return np.log1p(-c) - np.log(c)


def _entropies(v):
    """h(sigmoid(v)) of every sample: s softplus(-v) + (1-s) softplus(v)."""
    return -_product(expit(v), log_expit(v)) - _product(expit(-v), log_expit(-v))


def reference(z, *, estimator, temperature=1.0, noise=None):
    """The entropy of every unit, (units,), float64."""
    v = _argument(z, temperature, noise)
    if estimator == "mean_bernoulli":
        return _entropies(v).mean(axis=1)
    if estimator == "sigmoid":
        on, off = _log_means(v)
        return (-_product(np.exp(on), on) - _product(np.exp(off), off))[:, 0]
    p = _hard(v)[:, 0]
    return entr(p) + entr(1 - p)


def reference_gradient(cotangent, wrt, z, *, estimator, temperature=1.0, noise=None):
    """The gradient to z that the table above defines."""
    v = _argument(z, temperature, noise)
    if estimator == "mean_bernoulli":
        factor = -v
    elif estimator == "sigmoid":
        on, off = _log_means(v)
        factor = off - on
    else:
        factor = _log_odds_off(v)
    push = np.asarray(cotangent)[:, None] / (z.shape[1] * temperature)
    gradients = {"z": push * _product(_slope(v), factor)}
    return {name: gradients[name] for name in wrt}


@np.errstate(invalid="ignore", divide="ignore", over="ignore")
def condition(cotangent, wrt, z, *, estimator, temperature=1.0, noise=None):
    """A relative error of v moves s by |v| s (1-s), and the logarithms of p and 1-p with it."""
    v = _argument(z, temperature, noise)
    slope, size = _slope(v), np.abs(v)
    value = reference(z, estimator=estimator, temperature=temperature, noise=noise)
    if estimator == "mean_bernoulli":
        value = value + _product(slope, v * v).mean(axis=1)
        factor = size * (2 + size)
    elif estimator == "sigmoid":
        on, off = _log_means(v)
        moved = _product(slope, 1 + size).mean(axis=1, keepdims=True)
        value = value + _product(moved, np.abs(off - on))[:, 0]
        # The relative errors of p and of 1-p, and the rounding of their logarithms.
        blur = moved / np.exp(on) + moved / np.exp(off) + np.abs(on) + np.abs(off)
        factor = np.abs(off - on) * (1 + size) + np.where(np.isfinite(blur), blur, 0.0) + 2
    else:
        factor = np.abs(_log_odds_off(v)) * (2 + size) + 1
    push = np.abs(np.asarray(cotangent))[:, None] / (z.shape[1] * temperature)
    result = {"output": value + _FLOOR, "z": push * (_product(slope, factor) + _FLOOR)}
    return {name: result[name] for name in ("output", *wrt)}


def tolerance(dtype):
    """A mean of exponentials, two logarithms, a handful of products."""
    return 128.0 * EPSILON[dtype]


def cost(case: Case, pass_: Pass) -> Cost:
    """Read z and noise, write a number a unit; backward reads them again, writes the gradient."""
    elements = case.sizes["R"] * case.sizes["N"]
    reads = len(case.arrays)
    moved, each = reads * elements + case.sizes["R"], 6
    if pass_ == "forward+backward":
        moved, each = 2 * moved + elements, 14
    return Cost(moved * ITEM_BYTES[case.dtype], elements * each, elements)


def check(z, *, estimator, temperature=1.0, noise=None):
    """Raise for a wrong rank, dtype or shape, unknown estimators, a temperature <= 0."""
    require_array("z", z, ndim=(2,))
    require_choice("estimator", estimator, ESTIMATORS)
    require_scalar("temperature", temperature, above=0.0)
    if noise is None:
        if estimator == "gumbel_straight_through":
            raise TypeError(f"noise=None: expected logistic noise of z's shape {tuple(z.shape)}")
        return
    require_array("noise", noise, ndim=(2,))
    require_shape("noise", noise, [tuple(z.shape)])
    if dtype_name(noise) != dtype_name(z):
        raise TypeError(f"noise has dtype {dtype_name(noise)}: expected {dtype_name(z)}, as z has")


def check_values(z, *, estimator, temperature=1.0, noise=None):
    """No value of z or noise is invalid."""


def draw(case, rng):
    """Pre-activations as ``case.data`` says; "saturated" has units that never switch."""
    shape = case.shape("z")
    if case.data in workloads.names():
        z = rng.permutation(workloads.load(case.data), axis=1)
    else:
        z = rng.normal(size=shape) + rng.normal(size=(shape[0], 1))
        if case.data == "saturated":
            z += np.resize([-20.0, -5.0, 0.0, 5.0, 20.0], shape[0])[:, None]
    if "noise" not in case.dims:
        return {"z": z}
    normal = case.data.endswith("+normal")
    return {"z": z, "noise": rng.normal(size=shape) if normal else rng.logistic(size=shape)}


def _case(name, units, batch, estimator, *, temperature=1.0, noise=False, **keywords):
    dims = {"z": ("R", "N"), **({"noise": ("R", "N")} if noise else {}), "output": ("R",)}
    options = {"estimator": estimator, "temperature": temperature}
    keywords = {"wrt": ("z",), "data": "preactivations", **keywords}
    return Case(name, {"R": units, "N": batch}, dims, options=options, **keywords)


_REAL = {"data": "digits_preactivations", "profile": "quick",
         "source": "channel-gated network on scikit-learn's digits"}  # fmt: skip
_NOISY = {"gumbel_straight_through"}

CASES = (
    _case("sigmoid-64x4096", 64, 4096, "sigmoid", temperature=0.2, profile="quick",
          representative=True, memory=True),
    _case("gumbel_straight_through-64x4096", 64, 4096, "gumbel_straight_through", noise=True,
          profile="quick", representative=True, memory=True),
    _case("digits-sigmoid", 32, 512, "sigmoid", temperature=0.1, **_REAL),
    _case("digits-mean_bernoulli", 32, 512, "mean_bernoulli", temperature=0.1, **_REAL),
    _case("digits-straight_through", 32, 512, "straight_through", **_REAL),
    _case("digits-gumbel_straight_through", 32, 512, "gumbel_straight_through", noise=True,
          temperature=0.5, **_REAL),
    _case("sigmoid-normal-noise", 8, 500, "sigmoid", temperature=0.5, noise=True,
          data="preactivations+normal", profile="quick"),
    *(_case(f"saturated-{estimator}", 10, 500, estimator, temperature=0.5,
            noise=estimator in _NOISY, data="saturated", profile="quick")
      for estimator in ESTIMATORS),
    _case("hot-sigmoid", 8, 500, "sigmoid", temperature=0.01, profile="quick"),
    _case("mean_bernoulli-float64", 8, 500, "mean_bernoulli", dtype="float64", profile="quick"),
    _case("sigmoid-float16", 8, 512, "sigmoid", dtype="float16", profile="quick"),
    _case("straight_through-bfloat16", 8, 512, "straight_through", dtype="bfloat16",
          profile="quick"),
    _case("saturated-sigmoid-float64", 10, 500, "sigmoid", temperature=0.05, data="saturated",
          dtype="float64"),
    _case("mean_bernoulli-noise", 8, 500, "mean_bernoulli", temperature=2.0, noise=True),
    _case("straight_through-normal-noise", 8, 500, "straight_through", noise=True,
          data="preactivations+normal"),
    *(_case(f"{estimator}-{r}x{n}", r, n, estimator, noise=estimator in _NOISY)
      for estimator in ("sigmoid", "mean_bernoulli", "gumbel_straight_through")
      for r, n in ((1, 500), (512, 4096), (512, 16384))),
)  # fmt: skip


def _bad(name, raises, match, **changes):
    z = np.linspace(-1.0, 1.0, 6, dtype=np.float32).reshape(2, 3)
    return ErrorCase(name, {"z": z, "estimator": "sigmoid", **changes}, raises, match)


ERROR_CASES = (
    _bad("z-rank", ValueError, ("z", "(6,)"), z=np.zeros(6, np.float32)),
    _bad("z-no-samples", ValueError, ("z", "(2, 0)"), z=np.zeros((2, 0), np.float32)),
    _bad("z-no-units", ValueError, ("z", "(0, 2)"), z=np.zeros((0, 2), np.float32)),
    _bad("z-integer", TypeError, ("z", "int32"), z=np.zeros((2, 3), np.int32)),
    _bad("z-list", TypeError, ("z", "list"), z=[[0.5]]),
    _bad("estimator", ValueError, ("estimator", "relu", "sigmoid"), estimator="relu"),
    _bad("temperature-zero", ValueError, ("temperature", "0.0"), temperature=0.0),
    _bad("temperature-negative", ValueError, ("temperature", "-2"), temperature=-2),
    _bad("temperature-nan", ValueError, ("temperature", "nan"), temperature=float("nan")),
    _bad("temperature-none", TypeError, ("temperature", "None"), temperature=None),
    _bad("temperature-array", TypeError, ("temperature",), temperature=np.ones(2, np.float32)),
    _bad("noise-missing", TypeError, ("noise", "None", "logistic"),
         estimator="gumbel_straight_through"),
    _bad("noise-shape", ValueError, ("noise", "(3, 2)", "(2, 3)"),
         noise=np.zeros((3, 2), np.float32)),
    _bad("noise-dtype", TypeError, ("noise", "float64", "float32"), noise=np.zeros((2, 3))),
    _bad("noise-number", TypeError, ("noise", "0.5"), noise=0.5),
)  # fmt: skip

OPERATOR = Operator(
    name="occupancy_entropy",
    summary="entropy of every ReLU unit's on/off state over a batch",
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
    options={"estimator": ESTIMATORS},
)
