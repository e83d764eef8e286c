"""torchsort 0.1.10 as installed: soft ranks of two values, whose projections are known by hand.

For values 0 < d and strength eps the l2 rank of the larger is 3/2 + min(1, d / eps) / 2; the kl
rank is 3 sigmoid(d / eps) up to d = eps log 2 and 2 from there on.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy import special, stats

from suite.errata.entry import Erratum, Evidence

_TORCHSORT = ("torchsort", "torch")


def _pair(distance: float, kind: str) -> tuple[float, float, float]:
    """Rank of the larger of two values, and its first two derivatives in it."""
    import torch
    import torchsort

    x = torch.tensor([[0.0, distance]], dtype=torch.float64, requires_grad=True)
    rank = torchsort.soft_rank(x, regularization=kind, regularization_strength=1.0)[0, 1]
    first = torch.autograd.grad(rank, x, create_graph=True)[0][0, 1]
    # Without a graph, which is the l2 rank's, it cannot be asked for.
    second = torch.autograd.grad(first, x)[0][0, 1] if first.requires_grad else math.nan
    return float(rank.detach()), float(first.detach()), float(second)


def _ranks() -> tuple[Evidence, ...]:
    import torch
    import torchsort

    found = []
    for d in (0.2, 0.5, 2.0):
        rank, slope, _ = _pair(d, "l2")
        found.append(Evidence(f"l2 rank of {d:g} beside 0", rank, 1.5 + min(1, d) / 2, 1e-9))
        found.append(Evidence(f"its derivative at {d:g}", slope, 0.5 if d < 1 else 0, 1e-9))
    for d in (0.2, 0.5, 2.0):
        rank, slope, _ = _pair(d, "kl")
        free = d < math.log(2)
        right = 3 * special.expit(d) if free else 2
        bell = 3 * special.expit(d) * special.expit(-d) if free else 0
        found.append(Evidence(f"kl rank of {d:g} beside 0", rank, right, 1e-9))
        found.append(Evidence(f"the kl rank's derivative at {d:g}", slope, bell, 1e-9))
    pair = torch.tensor([[0.0, 2.0]], dtype=torch.float64)
    top = torchsort.soft_sort(pair, regularization_strength=1.0)[0, 1]
    return (*found, Evidence("larger of 0 and 2, softly sorted by l2", float(top), 1.5, 1e-9))


def _second() -> tuple[Evidence, ...]:
    s = special.expit(0.5)
    right = 3 * s * (1 - s) * (1 - 2 * s)
    found = _pair(0.5, "kl")[2]
    return (Evidence("second derivative of the kl rank of 0.5 beside 0", found, right, 1e-9),)


def _apart() -> tuple[Evidence, ...]:
    rank, slope, _ = _pair(1.5, "l2")
    return (
        Evidence("l2 rank of 1.5 beside 0, strength 1", rank, 2, 1e-9),
        Evidence("its derivative, against that of 1 + sigmoid(d)", slope,
                 special.expit(1.5) * special.expit(-1.5), 1e-9),
    )  # fmt: skip


def _far() -> tuple[Evidence, ...]:
    import torch
    import torchsort

    x = torch.tensor([[0.0, 1000.0, 2000.0]], requires_grad=True)
    ranks = torchsort.soft_rank(x, regularization="kl")
    slope = torch.autograd.grad(ranks[0, 2], x)[0][0, 2]
    return (
        Evidence("kl rank of 2000 beside 0 and 1000", float(ranks[0, 2].detach()), 3, 1e-3),
        Evidence("its derivative", float(slope), 0, 1e-6),
    )


def _small() -> tuple[Evidence, ...]:
    import torch
    import torchsort

    x = np.random.Generator(np.random.Philox(0)).normal(size=(1, 4096)).astype(np.float32)
    hard, found = stats.rankdata(x), []
    for dtype, strength in ((torch.float32, 1e-6), (torch.float64, 1e-9)):
        given: Any = torch.from_numpy(x).to(dtype)
        ranks = torchsort.soft_rank(given, regularization_strength=strength).double().numpy()
        quantity = f"largest error of 4096 ranks, strength {strength:g}, {str(dtype)[6:]}"
        found.append(Evidence(quantity, float(np.abs(ranks - hard).max()), 0, 1e-3))
    return tuple(found)


_WHERE = "torchsort 0.1.10, "

ENTRIES = (
    Erratum(
        "torchsort-soft-rank",
        _WHERE + "soft_rank and soft_sort",
        "Ranks as projections onto the permutahedron (Blondel et al., 2020), l2 and kl.",
        "projection of x / eps onto the permutations of (N, ..., 1)",
        "",
        "none",
        "Holds, first derivatives too.",
        _TORCHSORT,
        _ranks,
    ),
    Erratum(
        "torchsort-second-derivative",
        _WHERE + "ops.py, SoftRank.backward",
        "Gradients by a custom backward pass, which for kl autograd differentiates again.",
        "g r - (a term that autograd takes for constant), r the rank",
        "differentiate it, or raise",
        "bias",
        "Autograd gives the first derivative where the second was asked for, and nothing says so.",
        _TORCHSORT,
        _second,
    ),
    Erratum(
        "torchsort-apart",
        _WHERE + "soft_rank, values further apart than eps",
        "A differentiable rank to train with.",
        "d rank / dx = 0 exactly where no two values are pooled",
        "a rank that is a sum of sigmoids has a slope everywhere",
        "zero gradient",
        "By its definition, not by mistake: a row whose gaps exceed eps has exact ranks and no "
        "gradient at all.",
        _TORCHSORT,
        _apart,
    ),
    Erratum(
        "torchsort-far",
        _WHERE + "soft_rank, regularization='kl'",
        "The same for values of any scale.",
        "exp of values over eps, summed within a block",
        "the same by log-sum-exp, derivative included",
        "nan",
        "In float32 ranks of values 1000 strengths apart are right, and their gradient is NaN.",
        _TORCHSORT,
        _far,
    ),
    Erratum(
        "torchsort-small-strength",
        _WHERE + "soft_rank, regularization_strength",
        "As the strength falls, soft ranks become ranks.",
        "x / eps - (its projection), in x's dtype",
        "the same in float64, or ranks from the sort where nothing is pooled",
        "limit",
        "x / eps has no digits left for a rank: in float32 ranks are off by 0.4 at 1e-6.",
        _TORCHSORT,
        _small,
    ),
)
