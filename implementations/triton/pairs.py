"""Surrogate gradients of the ECDF: sums over all pairs of a row's samples, none of them stored.

A program has a tile of samples x_i in registers and goes through the row's x_j, a tile at a time.
Terms are in the samples' dtype, sums over tiles in float64.
"""

import triton
import triton.language as tl

from implementations.triton.launch import Launch, Output, row_and_tile, tiled

OWN = 32
OTHERS = 64
MOST = 1 << 34
"""Pairs of the largest case that is taken on."""

SURROGATES = ("density", "soft_rank")


@triton.jit
def pairs(x, cotangent, positions, scale, gradient, n, UNIT: tl.constexpr, SOFT: tl.constexpr,
          OWN: tl.constexpr, OTHERS: tl.constexpr):  # fmt: skip
    """x, cotangent, positions (NaN in rows that have one), gradient (R, n); scale (1,).

    UNIT: n + UNIT is the number of ranks that the positions divide by.
    """
    row, first_own, left = row_and_tile(n, OWN)
    start, i = row * n, tl.arange(0, OWN)
    here = start + first_own
    own = tl.load(x + here + i, mask=i < left, other=0.0)
    push = tl.load(cotangent + here + i, mask=i < left, other=0.0)
    width = tl.load(scale)
    per_width = (1.0 / width).to(own.dtype)
    total = tl.zeros((OWN,), tl.float64)
    for first in range(0, n, OTHERS):
        j = first + tl.arange(0, OTHERS)
        other = tl.load(x + start + j, mask=j < n, other=0.0)
        z = tl.abs(own[:, None] - other[None, :]) * per_width
        if SOFT:
            e = tl.exp(-z)
            pull = tl.load(cotangent + start + j, mask=j < n, other=0.0)
            term = e / ((1.0 + e) * (1.0 + e)) * (push[:, None] - pull[None, :])
        else:
            term = tl.exp(-0.5 * z * z)
        total += tl.sum(tl.where(j[None, :] < n, term, 0.0), 1).to(tl.float64)
    bad = tl.load(positions + here + i, mask=i < left, other=0.0)
    if SOFT:
        total /= (tl.zeros_like(total) + n + UNIT) * width
    else:
        total *= push.to(tl.float64) * 0.3989422804014327 / ((tl.zeros_like(total) + n) * width)
    total += tl.where(bad != bad, float("nan"), 0.0)
    tl.store(gradient + here + i, total, mask=i < left)


def pairs_launch(shape, dtype, surrogate, plotting_position):
    """The launch for x of that shape; see ``pairs``."""
    constants = {
        "UNIT": int(plotting_position == "weibull"),
        "SOFT": surrogate == "soft_rank",
        "OWN": OWN,
        "OTHERS": OTHERS,
    }
    return Launch(pairs, tiled(*shape, OWN), (Output(shape, dtype),), shape[1:], constants)


def too_many_pairs(case):
    """Reason to leave out a case whose surrogate sums over too many pairs, or None."""
    count = case.sizes["R"] * case.sizes["N"] ** 2
    if case.options.get("surrogate", "identity") == "identity" or count <= MOST:
        return None
    return f"O(N^2): R N^2 = {count:.1e} is above {MOST:.1e}"
