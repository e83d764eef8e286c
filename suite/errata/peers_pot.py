"""POT 0.9.7 as installed: its 1-d Wasserstein distance, on laws that are shifted and on ties."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy import special, stats

from suite.errata.entry import Erratum, Evidence
from suite.errata.evaluate import midpoints

_POT = ("ot", "torch")


def _distance(u: Any, v: Any, p: int = 2) -> Any:
    """W_p^p of two rows of positions; POT's are columns."""
    import ot

    return ot.wasserstein_1d(u[:, None], v[:, None], p=p)[0]


def _shifted(samples: int, dtype: str, p: int) -> tuple[float, np.ndarray]:
    """W_p^p of normal quantiles and the same plus 1, and N times its gradient."""
    import torch

    quantiles = stats.norm.ppf(midpoints(samples))
    x = torch.tensor(quantiles, dtype=getattr(torch, dtype), requires_grad=True)
    distance = _distance(x, torch.tensor(quantiles + 1, dtype=x.dtype), p)
    (gradient,) = torch.autograd.grad(distance, x)
    return float(distance.detach()), samples * gradient.numpy()


def _distances() -> tuple[Evidence, ...]:
    found = []
    for p in (1, 2):
        value, slope = _shifted(500, "float64", p)
        found.append(Evidence(f"W_{p}^{p} of N(0, 1) and N(1, 1), 500 quantiles", value, 1, 1e-9))
        found.append(
            Evidence(f"N times the derivative of W_{p}^{p} in a sample", slope[7], -p, 1e-9)
        )
    return tuple(found)


def _batch_shaping() -> tuple[Evidence, ...]:
    import torch

    u = np.random.Generator(np.random.Philox(0)).uniform(size=500)
    w2 = _distance(torch.from_numpy(u), torch.from_numpy(midpoints(500)))
    right = stats.cramervonmises(u, "uniform").statistic / 500 - 1 / (12 * 500**2)
    return (Evidence("W_2^2 of 500 samples and (i - 1/2) / N, Cramer-von Mises as it is",
                     float(w2), right, 1e-12),)  # fmt: skip


def _increments() -> tuple[Evidence, ...]:
    found = []
    for samples, dtype in ((4096, "float32"), (100_000, "float32"), (100_000, "float64")):
        _, slopes = _shifted(samples, dtype, 2)
        worst = slopes[np.abs(slopes + 2).argmax()]
        quantity = f"N times the worst derivative of W_2^2, N = {samples}, {dtype}"
        found.append(Evidence(quantity, float(worst), -2, 1e-4))
    return tuple(found)


def _equal() -> tuple[Evidence, ...]:
    import torch

    z = np.linspace(6, 7, 64)
    x = torch.tensor(np.r_[np.linspace(-2, 2, 448), z], dtype=torch.float32, requires_grad=True)
    positions = torch.tensor(midpoints(512), dtype=torch.float32)
    (gradient,) = torch.autograd.grad(_distance(torch.special.ndtr(x), positions), x)
    density = np.exp(-(z[0] ** 2) / 2) / math.sqrt(2 * math.pi)
    right = 2 * (special.ndtr(z[0]) - midpoints(512)[448]) * density
    top = float(gradient[-1]) * 512 / (np.exp(-(z[-1] ** 2) / 2) / math.sqrt(2 * math.pi))
    return (
        Evidence("N times the derivative in the least of 64 samples above 6, over its density",
                 float(gradient[448]) * 512 / density, right / density, 1e-3),
        Evidence("the same in the largest", top, 2 * (1 - midpoints(512)[-1]), 1e-3),
    )  # fmt: skip


_WHERE = "POT 0.9.7, lp/solver_1d.py, wasserstein_1d, "

ENTRIES = (
    Erratum(
        "pot-wasserstein-1d",
        _WHERE + "p = 1 and 2",
        "The p-th power of the 1-d Wasserstein distance, differentiable in the positions.",
        "int |F^-1(q) - G^-1(q)|^p dq",
        "",
        "none",
        "Holds in float64.",
        _POT,
        _distances,
    ),
    Erratum(
        "pot-cramer-von-mises",
        _WHERE + "p = 2",
        "The squared distance between a sample's CDF values and plotting positions is the "
        "Cramer-von Mises distance (our claim, on which the adaptor of POT rests).",
        "W_2^2({F(x_i)}, {p_i}) = mean (F(x_(i)) - p_i)^2",
        "",
        "none",
        "Holds for distinct samples.",
        _POT,
        _batch_shaping,
    ),
    Erratum(
        "pot-float32-increments",
        _WHERE + "qs[1:] - qs[:-1]",
        "The same in any dtype.",
        "weights as differences of cumulative weights near 1",
        "the weights themselves, where both sides have as many samples",
        "limit",
        "In float32 a weight 1/N has an error of 6e-8: 0.5% of a sample's gradient at N = 1e5. "
        "Exact where N is a power of two.",
        _POT,
        _increments,
    ),
    Erratum(
        "pot-equal-values",
        _WHERE + "argsort of values that are equal",
        "Transport of a sample's CDF values is batch shaping of the sample.",
        "equal values are dealt their positions in the sort's order, which is not the samples'",
        "rank the samples, not their CDF values",
        "bias",
        "In float32 the CDF is 1 from 5.4 standard deviations on, and any two of thousands of "
        "samples may share a value: their gradients are exchanged. The value holds.",
        _POT,
        _equal,
    ),
)
