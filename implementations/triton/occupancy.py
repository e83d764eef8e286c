"""Occupancy entropy: sums over a unit's samples, the entropy of them, the gradient to samples.

Tiles of a unit's samples are summed by programs of their own; one more a unit makes of these sums
the entropy and the factor that the gradient of each sample has. All in float64, p and 1 - p apart,
so that neither loses its tail.
"""

import triton
import triton.language as tl

from implementations.triton.launch import Launch, Output, blocks, power_of_two, row_and_tile, tiled
from implementations.triton.numerics import log1p

TILE = 1024
SUMS = 32
"""Tiles whose sums a program takes at a time."""

ESTIMATORS = ("sigmoid", "mean_bernoulli", "hard")
SIGMOID, MEAN_BERNOULLI, HARD = (tl.constexpr(i) for i in range(3))


@triton.jit
def argument(z, noise, temperature, at, inside, NOISY: tl.constexpr):
    """v = (z + noise) / T, bounded so that a vanished slope times it is 0."""
    v = tl.load(z + at, mask=inside, other=0.0).to(tl.float64)
    if NOISY:
        v += tl.load(noise + at, mask=inside, other=0.0).to(tl.float64)
    v /= tl.load(temperature)
    return tl.where(v < -1e30, -1e30, tl.where(v > 1e30, 1e30, v))


@triton.jit
def tile_sums(z, noise, temperature, sums, n, tiles, BLOCK: tl.constexpr, NOISY: tl.constexpr,
              KIND: tl.constexpr):  # fmt: skip
    """z, noise (R, n); sums (R, tiles, 2): of p and 1 - p, of h(p), or of on and off."""
    row, first, left = row_and_tile(n, BLOCK)
    i, start = tl.arange(0, BLOCK), row * n + first
    inside = i < left
    v = argument(z + start, noise + start, temperature, i, inside, NOISY)
    poison = tl.where(v == v, 0.0, v)
    e = tl.exp(-tl.abs(v))
    if KIND == MEAN_BERNOULLI:
        one = log1p(e) + tl.abs(v) * (e / (1.0 + e))
        other = poison
    elif KIND == SIGMOID:
        one = tl.where(v < 0.0, e, 1.0) / (1.0 + e)
        other = tl.where(v < 0.0, 1.0, e) / (1.0 + e)
    else:
        one = tl.where(v > 0.0, 1.0, 0.0) + poison
        other = tl.where(v > 0.0, 0.0, 1.0) + poison
    sums += (row * tiles + first // BLOCK) * 2
    tl.store(sums, tl.sum(tl.where(inside, one, 0.0), 0))
    tl.store(sums + 1, tl.sum(tl.where(inside, other, 0.0), 0))


@triton.jit
def entropies(sums, values, factors, n, tiles, BLOCK: tl.constexpr, KIND: tl.constexpr):
    """sums (R, tiles, 2); values (R,); factors (R,), float64: of slopes, or of -v times them."""
    row = tl.program_id(0).to(tl.int64)
    sums += row * tiles * 2
    ones, others = tl.zeros((BLOCK,), tl.float64), tl.zeros((BLOCK,), tl.float64)
    for first in range(0, tiles, BLOCK):
        i = first + tl.arange(0, BLOCK)
        ones += tl.load(sums + 2 * i, mask=i < tiles, other=0.0)
        others += tl.load(sums + 2 * i + 1, mask=i < tiles, other=0.0)
    one, other = tl.sum(ones, 0), tl.sum(others, 0)
    count = 0.0 * one + n
    poison = count - n
    p, q = one / count, other / count
    if KIND == MEAN_BERNOULLI:
        value, factor = p, 1.0 + poison
    else:
        # A hard fraction is clipped for its factor; of a soft one only the logarithm's argument.
        least = 0.5 / count if KIND == HARD else 1e-300 + poison
        low_p, low_q = tl.maximum(p, least), tl.maximum(q, least)
        on = tl.where(p > 0.5, log1p(-tl.minimum(q, 0.5)), tl.log(low_p))
        off = tl.where(q > 0.5, log1p(-tl.minimum(p, 0.5)), tl.log(low_q))
        value = -(p * on + q * off)
        factor = off - on
        if KIND == HARD:
            most = 1.0 - least
            factor = tl.log(tl.minimum(low_q, most)) - tl.log(tl.minimum(low_p, most))
        factor += poison
    tl.store(values + row, value + poison)
    tl.store(factors + row, factor)


@triton.jit
def gradients(cotangent, z, noise, temperature, factors, gradient, n, BLOCK: tl.constexpr,
              NOISY: tl.constexpr, KIND: tl.constexpr):  # fmt: skip
    """cotangent, factors (R,); gradient (R, n)."""
    row, first, left = row_and_tile(n, BLOCK)
    i, start = tl.arange(0, BLOCK), row * n + first
    inside = i < left
    v = argument(z + start, noise + start, temperature, i, inside, NOISY)
    e = tl.exp(-tl.abs(v))
    slope = e / ((1.0 + e) * (1.0 + e))
    if KIND == MEAN_BERNOULLI:
        slope *= -v
    push = tl.load(cotangent + row).to(tl.float64) * tl.load(factors + row)
    push /= (0.0 * push + n) * tl.load(temperature)
    tl.store(gradient + start + i, push * slope, mask=inside)


def kind(estimator):
    """Which of the kernels' ways an estimator takes."""
    return ESTIMATORS.index(estimator if estimator in ESTIMATORS else "hard")


def _tiles(samples):
    block = min(TILE, power_of_two(max(samples, 16)))
    return block, blocks(samples, block)


def sums_launch(shape, noisy, estimator):
    """``tile_sums`` for z of that shape."""
    block, tiles = _tiles(shape[1])
    constants = {"BLOCK": block, "NOISY": noisy, "KIND": kind(estimator)}
    outputs = (Output((shape[0], tiles, 2), "float64"),)
    return Launch(tile_sums, tiled(*shape, block), outputs, (shape[1], tiles), constants)


def entropies_launch(shape, dtype, estimator):
    """``entropies`` of its sums."""
    tiles = _tiles(shape[1])[1]
    outputs = Output(shape[:1], dtype), Output(shape[:1], "float64")
    constants = {"BLOCK": SUMS, "KIND": kind(estimator)}
    return Launch(entropies, shape[:1], outputs, (shape[1], tiles), constants, 1)


def gradients_launch(shape, dtype, noisy, estimator):
    """``gradients`` to z of that shape."""
    block = _tiles(shape[1])[0]
    constants = {"BLOCK": block, "NOISY": noisy, "KIND": kind(estimator)}
    outputs = (Output(shape, dtype),)
    return Launch(gradients, tiled(*shape, block), outputs, shape[1:], constants)
