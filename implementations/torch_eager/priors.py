"""The priors of batch shaping in torch: CDF, density and slopes in the parameters at every sample.

Each prior is a NamedTuple of what is known of every row, (R, 1) in x's dtype, or (1, 1) where all
rows share it, made from float64 parameters. Invalid parameters are NaN there, and so is all that
follows. Formulas in ``suite.priors``; nothing here is for autograd.
"""

import math
from typing import NamedTuple

import torch

from implementations.torch_eager.incomplete_beta import (
    BetaTable,
    beta_table,
    beta_terms,
    density_in_x,
)


class Terms(NamedTuple):
    """At samples (R, N): the CDF, its derivative in the sample, its derivatives in a and b.

    Those that were not asked for are None; the CDF shares no memory with them.
    """

    cdf: torch.Tensor
    density: torch.Tensor | None
    slopes: tuple[torch.Tensor | None, torch.Tensor | None]


class Normal(NamedTuple):
    """Phi((x - a) / b)."""

    mean: torch.Tensor
    std: torch.Tensor

    @classmethod
    def of(cls, a, b, dtype, slopes):
        a = torch.where(a.isfinite(), a, torch.nan)
        return cls(_column(a, dtype), _column(_inside(b, 0, math.inf), dtype))

    def terms(self, samples, from_logits, density, slopes):
        x = torch.sigmoid(samples) if from_logits else samples
        u = (x - self.mean).div_(self.std)
        cdf = (u * math.sqrt(0.5)).erf_().mul_(0.5).add_(0.5)
        if not (density or any(slopes)):
            return Terms(cdf, None, (None, None))
        height = u.square().mul_(-0.5).exp_().mul_(math.sqrt(0.5 / math.pi) / self.std)
        in_x = height
        if from_logits:
            in_x = height * (x * torch.sigmoid(-samples))
        # Clamped, since an infinite u times a vanished density would be NaN.
        to_std = u.clamp(-1e4, 1e4).mul_(height).neg_() if slopes[1] else None
        return Terms(cdf, in_x, (-height if slopes[0] else None, to_std))


class RelaxedBernoulli(NamedTuple):
    """sigmoid(b logit(x) - logit(a))."""

    logit: torch.Tensor
    temperature: torch.Tensor
    logit_slope: torch.Tensor

    @classmethod
    def of(cls, a, b, dtype, slopes):
        a, b = _inside(a, 0, 1), _inside(b, 0, math.inf)
        return cls(*(_column(p, dtype) for p in (torch.logit(a), b, 1 / (a * (1 - a)))))

    def terms(self, samples, from_logits, density, slopes):
        z = samples if from_logits else torch.logit(samples)
        cdf = torch.sigmoid(self._argument(z))
        if not (density or any(slopes)):
            return Terms(cdf, None, (None, None))
        height = self._argument(z).neg_().sigmoid_().mul_(cdf)
        in_x = None
        if density:
            in_x = height * self.temperature
            if not from_logits:
                scale = torch.log(self.temperature)
                in_x = density_in_x(
                    samples,
                    in_x,
                    lambda: scale - self._argument(z).abs_(),  # but for a factor (1 + e^-|.|)^2
                    (self.temperature, scale - self.logit),
                    (self.temperature, scale + self.logit),
                )
        to_mean = -height * self.logit_slope if slopes[0] else None
        largest = torch.finfo(z.dtype).max
        to_temperature = z.clamp(-largest, largest).mul_(height) if slopes[1] else None
        return Terms(cdf, in_x, (to_mean, to_temperature))

    def _argument(self, z):
        return torch.addcmul(-self.logit, self.temperature, z)


class Beta(NamedTuple):
    """I_x(a, b)."""

    table: BetaTable

    @classmethod
    def of(cls, a, b, dtype, slopes):
        derivatives = tuple(name for name, wanted in zip("ab", slopes, strict=True) if wanted)
        return cls(beta_table(a, b, dtype, derivatives))

    def terms(self, samples, from_logits, density, slopes):
        z = samples if from_logits else torch.logit(samples)
        log_density, cdf, *rest = beta_terms(self.table, z, density)
        in_x = None
        if density:
            in_x = torch.exp(log_density)
            if not from_logits:
                in_x = density_in_x(samples, in_x, lambda: log_density, *self.table.limits())
        return Terms(cdf, in_x, tuple(rest.pop(0) if wanted else None for wanted in slopes))


class SymBeta(NamedTuple):
    """I_x(a, 1 - a)."""

    table: BetaTable

    @classmethod
    def of(cls, a, b, dtype, slopes):
        a = _inside(a, 0, 1)
        return cls(beta_table(a, 1 - a, dtype, ("a-b",) if slopes[0] else ()))

    terms = Beta.terms


PRIORS = {
    "beta": Beta,
    "symbeta": SymBeta,
    "relaxed_bernoulli": RelaxedBernoulli,
    "normal": Normal,
}


def rows_of(state, rows):
    """A prior for a slice of the rows; what all rows share stays as it is."""
    if isinstance(state, tuple):
        parts = (rows_of(part, rows) for part in state)
        return type(state)(*parts) if hasattr(state, "_fields") else tuple(parts)
    return state if state.shape[0] == 1 else state[rows]


def _inside(parameter, low, high):
    """The parameter, NaN outside the open interval."""
    return torch.where((parameter > low) & (parameter < high), parameter, torch.nan)


def _column(parameter, dtype):
    return parameter.unsqueeze(-1).to(dtype)
