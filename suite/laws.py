"""Laws of samples whose parameters have a gradient: a noise, and an increasing map from it.

    x = Q(noise; theta),    dx/dtheta = -(dF/dtheta)(x; theta) / f(x; theta)

The noise is free of the parameters, so that x is a differentiable function of them along which any
gradient to x is carried back (implicit reparameterisation). Since Q increases, F(x) is the noise's
own CDF, and an expectation over the law is an integral over the noise:

    normal     x = mu + sigma e,                e standard normal            mu, sigma
    uniform    x = location + width (u - 1/2),  u = sigmoid(t)               location, width
    beta       F = I_x(a, b),                   F(x) = u                     a, b
    mixture    F = weight Phi((x - mu)/sigma) + (1 - weight) Phi((x - m)/s)  weight, mu, sigma

with t standard logistic, and m, s fixed in ``mixture(m, s)``. The last two have no formula for Q:
it is solved for at the nodes of a grid and interpolated by a cubic spline, good to 1e-8 in F
(for components of the mixture that overlap: between separate ones Q is a step).

Source: M. Figurnov, S. Mohamed, A. Mnih, "Implicit reparameterization gradients", 2018,
arXiv 1805.08498.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special
from scipy.interpolate import CubicSpline

from suite.priors import PRIORS

Array = NDArray[np.float64]
Slopes = dict[str, Array]
Parameters = Mapping[str, float]

_STEP = 1 / 64


@dataclass(frozen=True)
class Noise:
    """What drives a law: draw(rng, shape) -> noise, its CDF, nodes and weights of an expectation.

    E g(noise) = weights @ g(nodes): the trapezoidal rule over the real line, whose error falls
    exponentially in 1/step for an analytic g; the mass beyond the nodes is below 1e-17.
    """

    draw: Callable[[np.random.Generator, tuple[int, ...]], Array]
    cdf: Callable[[Array], Array]
    nodes: Array
    weights: Array


def _noise(draw, cdf, density, end: float) -> Noise:
    nodes = np.arange(-end, end + _STEP / 2, _STEP)
    return Noise(draw, cdf, nodes, _STEP * density(nodes))


STANDARD_NORMAL = _noise(
    lambda rng, shape: rng.normal(size=shape),
    special.ndtr,
    lambda e: np.exp(-0.5 * e * e) / np.sqrt(2 * np.pi),
    9.0,
)
STANDARD_LOGISTIC = _noise(
    lambda rng, shape: rng.logistic(size=shape),
    special.expit,
    lambda t: special.expit(t) * special.expit(-t),
    40.0,
)


@dataclass(frozen=True)
class Law:
    """One row of the table above.

    sample(noise, parameters) -> x, of the noise's shape. slopes(noise, parameters) -> {parameter:
    dx/dparameter}. cdf(x, parameters) -> F. cdf_slopes(x, parameters) -> {parameter: dF/d...}.
    """

    noise: Noise
    sample: Callable[[Array, Parameters], Array]
    slopes: Callable[[Array, Parameters], Slopes]
    cdf: Callable[[Array, Parameters], Array]
    cdf_slopes: Callable[[Array, Parameters], Slopes]

    def expectation(self, values: Array) -> float:
        """E g(noise), by quadrature; values: g at the noise's nodes."""
        return float(self.noise.weights @ values)


def _normal() -> Law:
    prior = PRIORS["normal"]

    def cdf_slopes(x, p):
        return dict(zip(("mu", "sigma"), prior.parameter_derivatives(x, *_of(p)), strict=True))

    def _of(p):
        return p["mu"], p["sigma"]

    return Law(
        noise=STANDARD_NORMAL,
        sample=lambda e, p: p["mu"] + p["sigma"] * e,
        slopes=lambda e, p: {"mu": np.ones_like(e), "sigma": np.array(e)},
        cdf=lambda x, p: prior.cdf(x, *_of(p)),
        cdf_slopes=cdf_slopes,
    )


def _uniform() -> Law:
    def cdf(x, p):
        return np.clip((x - p["location"]) / p["width"] + 0.5, 0.0, 1.0)

    def cdf_slopes(x, p):
        share = (x - p["location"]) / p["width"]
        inside = np.abs(share) < 0.5
        return {
            "location": np.where(inside, -1 / p["width"], 0.0),
            "width": np.where(inside, -share / p["width"], 0.0),
        }

    return Law(
        noise=STANDARD_LOGISTIC,
        sample=lambda t, p: p["location"] + p["width"] * 0.5 * np.tanh(0.5 * t),
        slopes=lambda t, p: {"location": np.ones_like(t), "width": 0.5 * np.tanh(0.5 * t)},
        cdf=cdf,
        cdf_slopes=cdf_slopes,
    )


def _beta() -> Law:
    prior = PRIORS["beta"]

    @functools.lru_cache(maxsize=32)
    def splines(a: float, b: float) -> tuple[CubicSpline, ...]:
        """logit(x) and its slopes in a and b, as functions of the noise."""
        t = STANDARD_LOGISTIC.nodes
        lower = special.betaincinv(a, b, special.expit(t))
        upper = special.betaincinv(b, a, special.expit(-t))
        z = np.where(lower < 0.5, special.logit(lower), -special.logit(upper))
        rises = prior.pdf(z, a, b, from_logits=True)
        falls = prior.parameter_derivatives(z, a, b, from_logits=True)
        return _splines(z, *(-fall / rises for fall in falls))

    def sample(t, p):
        return special.expit(splines(p["a"], p["b"])[0](t))

    def slopes(t, p):
        z, d_a, d_b = (spline(t) for spline in splines(p["a"], p["b"]))
        steep = special.expit(z) * special.expit(-z)
        return {"a": d_a * steep, "b": d_b * steep}

    def cdf_slopes(x, p):
        falls = prior.parameter_derivatives(x, p["a"], p["b"])
        return dict(zip(("a", "b"), falls, strict=True))

    return Law(
        noise=STANDARD_LOGISTIC,
        sample=sample,
        slopes=slopes,
        cdf=lambda x, p: prior.cdf(x, p["a"], p["b"]),
        cdf_slopes=cdf_slopes,
    )


@dataclass(frozen=True)
class _TwoNormals:
    """weight N(mu, sigma) + (1 - weight) N(m, s); tails from the side on which they are small."""

    weight: float
    mu: float
    sigma: float
    m: float
    s: float

    def log_tail(self, x: Array, side: int) -> Array:
        """log F(x) for side -1, log (1 - F(x)) for side 1."""
        first = special.log_ndtr(-side * (x - self.mu) / self.sigma)
        second = special.log_ndtr(-side * (x - self.m) / self.s)
        return np.logaddexp(np.log(self.weight) + first, np.log1p(-self.weight) + second)

    def density(self, x: Array) -> Array:
        first = PRIORS["normal"].pdf(x, self.mu, self.sigma)
        return self.weight * first + (1 - self.weight) * PRIORS["normal"].pdf(x, self.m, self.s)

    def cdf_slopes(self, x: Array) -> Slopes:
        first, second = (x - self.mu) / self.sigma, (x - self.m) / self.s
        below = special.ndtr(first) - special.ndtr(second)
        above = special.ndtr(-second) - special.ndtr(-first)
        d_mu, d_sigma = PRIORS["normal"].parameter_derivatives(x, self.mu, self.sigma)
        return {
            "weight": np.where(first + second < 0, below, above),
            "mu": self.weight * d_mu,
            "sigma": self.weight * d_sigma,
        }

    def quantile(self, t: Array) -> Array:
        """Q(sigmoid(t)) by bisection between the two components' own quantiles."""
        e = np.where(t < 0, special.ndtri_exp(special.log_expit(np.minimum(t, 0.0))),
                     -special.ndtri_exp(special.log_expit(np.minimum(-t, 0.0))))  # fmt: skip
        ends = np.stack([self.mu + self.sigma * e, self.m + self.s * e])
        low, high = ends.min(axis=0), ends.max(axis=0)
        while True:
            middle = low + 0.5 * (high - low)
            if not ((low < middle) & (middle < high)).any():
                return middle
            below = self.log_tail(middle, -1) - self.log_tail(middle, 1) < t
            low, high = np.where(below, middle, low), np.where(below, high, middle)


@functools.cache
def mixture(m: float, s: float) -> Law:
    """The law ``weight N(mu, sigma) + (1 - weight) N(m, s)``; m and s > 0 are no parameters."""

    def of(p: Parameters) -> _TwoNormals:
        return _TwoNormals(p["weight"], p["mu"], p["sigma"], m, s)

    @functools.lru_cache(maxsize=32)
    def splines(mixed: _TwoNormals) -> dict[str, CubicSpline]:
        t = STANDARD_LOGISTIC.nodes
        x = mixed.quantile(t)
        falls = mixed.cdf_slopes(x)
        rises = mixed.density(x)
        values = _splines(x, *(-fall / rises for fall in falls.values()))
        return dict(zip(("x", *falls), values, strict=True))

    return Law(
        noise=STANDARD_LOGISTIC,
        sample=lambda t, p: splines(of(p))["x"](t),
        slopes=lambda t, p: {k: s(t) for k, s in splines(of(p)).items() if k != "x"},
        cdf=lambda x, p: np.exp(of(p).log_tail(x, -1)),
        cdf_slopes=lambda x, p: of(p).cdf_slopes(x),
    )


def _splines(*values: Array) -> tuple[CubicSpline, ...]:
    """Functions of the noise, given at the logistic nodes."""
    return tuple(CubicSpline(STANDARD_LOGISTIC.nodes, value) for value in values)


NORMAL, UNIFORM, BETA = _normal(), _uniform(), _beta()
