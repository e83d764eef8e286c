"""The priors of batch shaping in float64: CDF, density and derivatives in the parameters.

    beta               F = I_x(a, b), the incomplete beta function   a, b > 0
    symbeta            F = I_x(a, 1 - a), whose mean is a            0 < a < 1, no b
    relaxed_bernoulli  F = sigmoid(b logit(x) - logit(a))            0 < a < 1, temperature b > 0
    normal             F = Phi((x - a) / b)                          mean a, std b > 0

Every prior takes a sample x or, with ``from_logits=True``, its logit z: then x = sigmoid(z), and
``pdf`` is dF/dz = f(x) x (1 - x), finite everywhere; nothing is lost where x rounds to 0 or 1.
An infinite density is +inf; x outside the support, NaN and invalid parameters give NaN.

Sources: Bejnordi et al. 2020, arXiv 1907.06627 (the priors); Havtorn et al. 2023, arXiv 2307.02321
(gradients to the parameters).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from suite.incomplete_beta import UnitSample, incomplete_beta, vanishing_product

Array = NDArray[np.float64]

_LEADING_TERM = 1e-300


class Prior(Protocol):
    """What a prior offers; x, a and b broadcast against each other."""

    @property
    def name(self) -> str: ...

    @property
    def on_unit_interval(self) -> bool: ...

    @property
    def takes_b(self) -> bool: ...

    def cdf(
        self, x: ArrayLike, a: ArrayLike, b: ArrayLike | None = None, *, from_logits: bool = False
    ) -> Array:
        """Return F(x; a, b)."""
        ...

    def pdf(
        self, x: ArrayLike, a: ArrayLike, b: ArrayLike | None = None, *, from_logits: bool = False
    ) -> Array:
        """Return the derivative of F in its first argument: dF/dx, or dF/dz from logits."""
        ...

    def parameter_derivatives(
        self, x: ArrayLike, a: ArrayLike, b: ArrayLike | None = None, *, from_logits: bool = False
    ) -> tuple[Array, Array]:
        """Return dF/da and dF/db (zeros where the prior takes no b)."""
        ...


def _valid(parameter: ArrayLike, low: float, high: float = np.inf) -> Array:
    """Return the parameter in float64 with NaN outside the open interval (low, high)."""
    value = np.asarray(parameter, np.float64)
    return np.where((value > low) & (value < high), value, np.nan)


def _required(b: ArrayLike | None) -> ArrayLike:
    if b is None:
        raise TypeError("b is None; this prior needs its second parameter")
    return b


@dataclass(frozen=True)
class Beta:
    """Beta(a, b)."""

    name: str = "beta"
    on_unit_interval: bool = True
    takes_b: bool = True

    def cdf(
        self, x: ArrayLike, a: ArrayLike, b: ArrayLike | None = None, *, from_logits: bool = False
    ) -> Array:
        """Return I_x(a, b)."""
        return _beta_cdf(UnitSample.of(x, from_logits), _valid(a, 0), _valid(_required(b), 0))

    def pdf(
        self, x: ArrayLike, a: ArrayLike, b: ArrayLike | None = None, *, from_logits: bool = False
    ) -> Array:
        """Return x^(a-1) (1-x)^(b-1) / B(a, b), or x^a (1-x)^b / B(a, b) from logits."""
        a, b = _valid(a, 0), _valid(_required(b), 0)
        sample = UnitSample.of(x, from_logits)
        if from_logits:
            return np.exp(a * sample.log_x + b * sample.log_y - special.betaln(a, b))
        power = special.xlogy(a - 1, sample.x) + special.xlog1py(b - 1, -sample.x)
        with np.errstate(over="ignore"):
            return np.exp(power - special.betaln(a, b))

    def parameter_derivatives(
        self, x: ArrayLike, a: ArrayLike, b: ArrayLike | None = None, *, from_logits: bool = False
    ) -> tuple[Array, Array]:
        """Return the derivatives of I_x(a, b) in a and b."""
        _, d_a, d_b = incomplete_beta(
            UnitSample.of(x, from_logits), _valid(a, 0), _valid(_required(b), 0)
        )
        return d_a, d_b


@dataclass(frozen=True)
class SymBeta:
    """Beta(a, 1 - a), whose mean is a: mass piles up at 0 and 1."""

    name: str = "symbeta"
    on_unit_interval: bool = True
    takes_b: bool = False

    def cdf(
        self, x: ArrayLike, a: ArrayLike, b: ArrayLike | None = None, *, from_logits: bool = False
    ) -> Array:
        """Return I_x(a, 1 - a)."""
        a = _valid(a, 0, 1)
        return PRIORS["beta"].cdf(x, a, 1 - a, from_logits=from_logits)

    def pdf(
        self, x: ArrayLike, a: ArrayLike, b: ArrayLike | None = None, *, from_logits: bool = False
    ) -> Array:
        """Return the density of Beta(a, 1 - a)."""
        a = _valid(a, 0, 1)
        return PRIORS["beta"].pdf(x, a, 1 - a, from_logits=from_logits)

    def parameter_derivatives(
        self, x: ArrayLike, a: ArrayLike, b: ArrayLike | None = None, *, from_logits: bool = False
    ) -> tuple[Array, Array]:
        """Return dI_x(a, 1 - a)/da along both arguments, and zeros."""
        a = _valid(a, 0, 1)
        d_a, d_b = PRIORS["beta"].parameter_derivatives(x, a, 1 - a, from_logits=from_logits)
        return d_a - d_b, np.zeros_like(d_a)


@dataclass(frozen=True)
class RelaxedBernoulli:
    """The relaxed Bernoulli (binary Concrete) distribution of mean a and temperature b.

    a is the mean of the Bernoulli variable that it relaxes, P(X > 1/2) = a at every temperature;
    its own mean tends to a as b goes to 0 (a = 0.2, b = 0.25: 0.209).
    """

    name: str = "relaxed_bernoulli"
    on_unit_interval: bool = True
    takes_b: bool = True

    def _argument(self, x: ArrayLike, a: Array, b: Array, from_logits: bool) -> tuple[Array, Array]:
        """Return logit(x) and b logit(x) - logit(a)."""
        z = np.asarray(x, np.float64)
        if not from_logits:
            z = special.logit(z)
        return z, b * z - special.logit(a)

    def cdf(
        self, x: ArrayLike, a: ArrayLike, b: ArrayLike | None = None, *, from_logits: bool = False
    ) -> Array:
        """Return sigmoid(b logit(x) - logit(a))."""
        a, b = _valid(a, 0, 1), _valid(_required(b), 0)
        return special.expit(self._argument(x, a, b, from_logits)[1])

    def pdf(
        self, x: ArrayLike, a: ArrayLike, b: ArrayLike | None = None, *, from_logits: bool = False
    ) -> Array:
        """Return b F (1 - F) / (x (1 - x)), or b F (1 - F) from logits."""
        a, b = _valid(a, 0, 1), _valid(_required(b), 0)
        if from_logits:
            _, t = self._argument(x, a, b, True)
            return b * special.expit(t) * special.expit(-t)
        sample = UnitSample.of(x, False)
        # F (1 - F) / (x (1 - x)) in powers of x and 1 - x: its limits at 0 and 1 come out.
        power = special.xlogy(b - 1, sample.x) + special.xlog1py(b - 1, -sample.x)
        with np.errstate(over="ignore", invalid="ignore"):
            scale = np.logaddexp(b * sample.log_x + np.log1p(-a), b * sample.log_y + np.log(a))
            return b * np.exp(power + np.log(a) + np.log1p(-a) - 2 * scale)

    def parameter_derivatives(
        self, x: ArrayLike, a: ArrayLike, b: ArrayLike | None = None, *, from_logits: bool = False
    ) -> tuple[Array, Array]:
        """Return -F (1 - F) / (a (1 - a)) and F (1 - F) logit(x)."""
        a, b = _valid(a, 0, 1), _valid(_required(b), 0)
        z, t = self._argument(x, a, b, from_logits)
        slope = special.expit(t) * special.expit(-t)
        return -slope / (a * (1 - a)), vanishing_product(slope, z)


@dataclass(frozen=True)
class Normal:
    """The normal distribution of mean a and standard deviation b."""

    name: str = "normal"
    on_unit_interval: bool = False
    takes_b: bool = True

    def _standard(
        self, x: ArrayLike, a: ArrayLike, b: ArrayLike | None, from_logits: bool
    ) -> tuple[Array, Array, Array]:
        """Return u = (x - a) / b, the standard normal density at u, and b."""
        x = np.asarray(x, np.float64)
        scale = _valid(_required(b), 0)
        u = ((special.expit(x) if from_logits else x) - np.asarray(a, np.float64)) / scale
        return u, np.exp(-0.5 * u * u) / np.sqrt(2 * np.pi), scale

    def cdf(
        self, x: ArrayLike, a: ArrayLike, b: ArrayLike | None = None, *, from_logits: bool = False
    ) -> Array:
        """Return Phi((x - a) / b)."""
        return special.ndtr(self._standard(x, a, b, from_logits)[0])

    def pdf(
        self, x: ArrayLike, a: ArrayLike, b: ArrayLike | None = None, *, from_logits: bool = False
    ) -> Array:
        """Return phi((x - a) / b) / b, times x (1 - x) from logits."""
        _, density, scale = self._standard(x, a, b, from_logits)
        if from_logits:
            z = np.asarray(x, np.float64)
            density = density * special.expit(z) * special.expit(-z)
        return density / scale

    def parameter_derivatives(
        self, x: ArrayLike, a: ArrayLike, b: ArrayLike | None = None, *, from_logits: bool = False
    ) -> tuple[Array, Array]:
        """Return -phi(u) / b and -u phi(u) / b with u = (x - a) / b."""
        u, density, scale = self._standard(x, a, b, from_logits)
        return -density / scale, -vanishing_product(density, u) / scale


PRIORS: dict[str, Prior] = {
    prior.name: prior for prior in (Beta(), SymBeta(), RelaxedBernoulli(), Normal())
}


def _beta_cdf(sample: UnitSample, a: Array, b: Array) -> Array:
    """Return I_x(a, b) by SciPy, from whichever of x and 1 - x is the smaller."""
    x, y, log_x, log_y, a, b = np.broadcast_arrays(
        sample.x, sample.y, sample.log_x, sample.log_y, a, b
    )
    upper = x > y
    value = np.asarray(special.betainc(a, b, np.where(upper, np.nan, x)))
    value[upper] = special.betaincc(b[upper], a[upper], y[upper])
    # Below the smallest normal number only the logarithm still knows x; one term is then exact.
    tiny = x < _LEADING_TERM
    value[tiny] = _leading_term(log_x[tiny], a[tiny], b[tiny])
    tiny = y < _LEADING_TERM
    value[tiny] = 1 - _leading_term(log_y[tiny], b[tiny], a[tiny])
    return value


def _leading_term(log_x: Array, a: Array, b: Array) -> Array:
    """Return x^a / (a B(a, b)), the limit of I_x(a, b) for x -> 0."""
    return np.exp(a * log_x - np.log(a) - special.betaln(a, b))
