"""The priors of batch shaping at samples: CDF, its slope in the sample, its slopes in a and b.

Formulas in ``suite/priors.py``. Everything is float64, whatever the samples are: a data centre's
GPU does that at half the rate of float32, and no logarithm or power loses digits. Parameters
outside their range give NaN.
"""

import triton
import triton.language as tl

from implementations.triton.beta_table import FIELDS
from implementations.triton.numerics import LARGEST, SMALLEST, logit, sigmoid

PRIORS = ("beta", "symbeta", "relaxed_bernoulli", "normal")
BETA, SYMBETA, RELAXED_BERNOULLI, NORMAL = (tl.constexpr(i) for i in range(4))


@triton.jit
def power_limit(y, k, log_c):
    """c y^(k - 1), its limit at y = 0 included."""
    exponent = k - 1.0
    return tl.exp(tl.where(exponent == 0.0, 0.0, exponent * tl.log(y)) + log_c)


@triton.jit
def density_in_x(x, density, log_density, low, log_low, high, log_high):
    """The density in x from that in z = logit(x): near 0 c x^(low - 1), near 1 c (1 - x)^(high - 1)

    with the logarithms of c given. log_density: right where the density in z is lost to underflow.
    """
    spread = (1.0 - x) * x
    lost = (density < SMALLEST) & (spread > 0.0)
    inside = tl.where(lost, tl.exp(log_density - tl.log(spread)), density / spread)
    at_end = tl.where(x < 0.5, power_limit(x, low, log_low), power_limit(1.0 - x, high, log_high))
    return tl.where(spread == 0.0, at_end, inside)


@triton.jit
def normal(sample, a, b, LOGITS: tl.constexpr):
    a = tl.where(tl.abs(a) < float("inf"), a, float("nan"))
    b = tl.where((b > 0.0) & (b < float("inf")), b, float("nan"))
    x = sigmoid(sample) if LOGITS else sample
    u = (x - a) / b
    height = tl.exp(-0.5 * u * u) * 0.3989422804014327 / b
    density = height * x * sigmoid(-sample) if LOGITS else height
    # Clamped, since an infinite u times a vanished density would be NaN.
    near = tl.minimum(tl.maximum(u, -10000.0), 10000.0)
    return 0.5 + 0.5 * tl.erf(u * 0.7071067811865476), density, -height, -near * height


@triton.jit
def relaxed_bernoulli(sample, a, b, LOGITS: tl.constexpr):
    a = tl.where((a > 0.0) & (a < 1.0), a, float("nan"))
    b = tl.where((b > 0.0) & (b < float("inf")), b, float("nan"))
    z = sample if LOGITS else logit(sample)
    log_odds, log_b = logit(a), tl.log(b)
    t = b * z - log_odds
    cdf = sigmoid(t)
    height = cdf * sigmoid(-t)
    density = height * b
    if not LOGITS:
        density = density_in_x(
            sample, density, log_b - tl.abs(t), b, log_b - log_odds, b, log_b + log_odds
        )
    finite = tl.minimum(tl.maximum(z, -LARGEST), LARGEST)
    return cdf, density, -height / (a * (1.0 - a)), finite * height


@triton.jit
def horner(piece, t, TERMS: tl.constexpr):
    value = tl.load(piece + (TERMS - 1)).to(tl.float64)
    for c in tl.static_range(1, TERMS):
        value = value * t + tl.load(piece + (TERMS - 1 - c)).to(tl.float64)
    return value


@triton.jit
def beta(sample, pieces, fields, LOGITS: tl.constexpr, SYMMETRIC: tl.constexpr,
         SLOPES: tl.constexpr, CELLS: tl.constexpr, TERMS: tl.constexpr):  # fmt: skip
    """pieces, fields: one row's of ``beta_table``."""
    z = sample if LOGITS else logit(sample)
    a, b, mode = tl.load(fields), tl.load(fields + 1), tl.load(fields + 2)
    offset = z - mode
    u = tl.log(1.0 + tl.abs(offset) * tl.load(fields + 3)) * tl.load(fields + 4)
    known = u < CELLS  # beyond, nothing is left; NaN is not known
    u = tl.where(known, tl.where(offset < 0.0, -u, u), 0.0)
    start = tl.floor(u)
    cell = tl.minimum(tl.maximum(start.to(tl.int32) + CELLS, 0), 2 * CELLS - 1)
    t = 2.0 * (u - (cell - CELLS).to(tl.float64)) - 1.0
    piece = pieces + cell * (3 * TERMS)
    poison = 0.0 * (a + b) + tl.where(z == z, 0.0, z)
    far = tl.where(offset < 0.0, 0.0, 1.0)
    cdf = tl.where(known, horner(piece, t, TERMS), far) + poison
    slope_a, slope_b = poison, poison
    if SLOPES:
        slope_a = tl.where(known, horner(piece + TERMS, t, TERMS), 0.0) + poison
        slope_b = tl.where(known, horner(piece + 2 * TERMS, t, TERMS), 0.0) + poison
    if SYMMETRIC:
        slope_a -= slope_b
    log_beta = tl.load(fields + 6)
    fall = tl.maximum(-a * z, b * z)
    log_density = tl.load(fields + 5) - fall
    log_density -= (a + b) * tl.log(0.5 + 0.5 * tl.exp(-tl.abs(z)))
    density = tl.exp(log_density)
    if not LOGITS:
        density = density_in_x(sample, density, log_density, a, -log_beta, b, -log_beta)
    return cdf, density + poison, slope_a, slope_b


@triton.jit
def terms(sample, row, a, b, pieces, fields, A_STEP: tl.constexpr, B_STEP: tl.constexpr,
          PRIOR: tl.constexpr, LOGITS: tl.constexpr, SLOPES: tl.constexpr, CELLS: tl.constexpr,
          TERMS: tl.constexpr):  # fmt: skip
    """Of a row's prior at samples: CDF, density, slopes in a and b."""
    if PRIOR == BETA or PRIOR == SYMBETA:  # noqa: SIM109 (Triton has no `in`)
        own = row if A_STEP + B_STEP > 0 else row * 0
        pieces += own * (2 * CELLS * 3 * TERMS)
        fields += own * FIELDS
        return beta(sample, pieces, fields, LOGITS, PRIOR == SYMBETA, SLOPES, CELLS, TERMS)
    a = tl.load(a + row * A_STEP).to(tl.float64)
    b = tl.load(b + row * B_STEP).to(tl.float64)
    if PRIOR == NORMAL:
        return normal(sample, a, b, LOGITS)
    return relaxed_bernoulli(sample, a, b, LOGITS)
