"""Batch shaping: loss and every gradient of a row in one pass over its sorted samples.

``rows``: a program takes a row, sorts it and goes through it in order. ``sorted_rows``: the
framework has sorted; a program takes a tile of a row and leaves the sums of its terms. Both write
the gradient to x that a cotangent of one has, at the samples' own places, and, in float64, sums of

    (F - p)^2,    2 (F - p) dF/da,    2 (F - p) dF/db.
"""

import triton
import triton.language as tl

from implementations.triton.beta_table import RULES
from implementations.triton.launch import Launch, Output, blocks, power_of_two, row_and_tile, tiled
from implementations.triton.numerics import product
from implementations.triton.priors import PRIORS, terms
from implementations.triton.ranks import (
    PLOTTING_POSITIONS,
    TIES,
    TILE,
    chunk,
    position,
    sort_row,
    tied_ranks,
    warps,
)


@triton.jit
def outside(least, most, UNIT: tl.constexpr):
    """Whether a row has samples where its prior has no CDF."""
    bad = (least != least) | (most != most)
    if UNIT:
        bad = bad | (least < 0.0) | (most > 1.0)
    return bad


@triton.jit
def sorted_terms(ascending, place, x, gradient, i, n, row, least, bad, a, b, pieces, fields, low,
                 high, A_STEP: tl.constexpr, B_STEP: tl.constexpr, PRIOR: tl.constexpr,
                 LOGITS: tl.constexpr, SLOPES: tl.constexpr, WANT_X: tl.constexpr,
                 CELLS: tl.constexpr, TERMS: tl.constexpr, TIES: tl.constexpr,
                 PLOTTING: tl.constexpr, CLIP: tl.constexpr):  # fmt: skip
    """The three terms of the samples at places i of an ascending row, NaN in a bad one.

    The gradient to them is written. ascending, place, x, gradient: the row's own.
    """
    inside = i < n
    own = tl.load(ascending + i, mask=inside, other=0.0)
    doubled = tied_ranks(ascending, own, i, n, TIES)
    sample = tl.where(inside, own, least).to(tl.float64)
    cdf, density, slope_a, slope_b = terms(
        sample, row, a, b, pieces, fields, A_STEP, B_STEP, PRIOR, LOGITS, SLOPES, CELLS, TERMS
    )
    poison = tl.where(bad, float("nan"), 0.0)
    residual = cdf - position(doubled, n, PLOTTING) + poison
    double = 2.0 * residual
    if WANT_X:
        push = product(double / (tl.zeros_like(residual) + n), density) + poison
        there = tl.load(place + i, mask=inside, other=0)
        if CLIP:
            raw = tl.load(x + there, mask=inside, other=0.0)
            push = tl.where(((raw < low) | (raw > high)) & (push == push), 0.0, push)
        tl.store(gradient + there, push, mask=inside)
    return (
        tl.where(inside, residual * residual, 0.0),
        tl.where(inside, double * slope_a, 0.0),
        tl.where(inside, double * slope_b, 0.0),
    )


@triton.jit
def rows(x, a, b, pieces, fields, bounds, sums, gradient, ascending, place, n,
         BLOCK: tl.constexpr, CHUNK: tl.constexpr, A_STEP: tl.constexpr, B_STEP: tl.constexpr,
         PRIOR: tl.constexpr, LOGITS: tl.constexpr, UNIT: tl.constexpr, SLOPES: tl.constexpr,
         WANT_X: tl.constexpr, CELLS: tl.constexpr, TERMS: tl.constexpr, TIES: tl.constexpr,
         PLOTTING: tl.constexpr, CLIP: tl.constexpr):  # fmt: skip
    """x (R, n) float32; bounds (2,); sums (R, 1, 3); gradient (R, n), or (1,) without WANT_X.

    ascending, place: (R, n), where it sorts to.
    """
    row = tl.program_id(0).to(tl.int64)
    start = row * n
    i = tl.arange(0, BLOCK)
    given = tl.load(x + start + i, mask=i < n, other=0.0)
    low, high = tl.load(bounds).to(tl.float32), tl.load(bounds + 1).to(tl.float32)
    if CLIP:
        given = tl.where(given < low, low, tl.where(given > high, high, given))
    missing = given != given
    real = (i < n) & ~missing
    least = tl.min(tl.where(real, given, float("inf")), 0)
    most = tl.max(tl.where(real, given, -float("inf")), 0)
    bad = outside(least, most, UNIT) | (tl.max(missing.to(tl.int32), 0) > 0)
    x, gradient, ascending, place = x + start, gradient + start, ascending + start, place + start
    sort_row(given, ascending, place, n, BLOCK)
    squares = tl.zeros((CHUNK,), tl.float64)
    to_a, to_b = tl.zeros((CHUNK,), tl.float64), tl.zeros((CHUNK,), tl.float64)
    for first in range(0, n, CHUNK):
        j = first + tl.arange(0, CHUNK)
        square, term_a, term_b = sorted_terms(
            ascending, place, x, gradient, j, n, row, least, bad, a, b, pieces, fields, low, high,
            A_STEP, B_STEP, PRIOR, LOGITS, SLOPES, WANT_X, CELLS, TERMS, TIES, PLOTTING, CLIP,
        )  # fmt: skip
        squares, to_a, to_b = squares + square, to_a + term_a, to_b + term_b
    tl.store(sums + row * 3, tl.sum(squares, 0))
    tl.store(sums + row * 3 + 1, tl.sum(to_a, 0))
    tl.store(sums + row * 3 + 2, tl.sum(to_b, 0))


@triton.jit
def sorted_rows(ascending, place, x, a, b, pieces, fields, bounds, sums, gradient, n, tiles,
                BLOCK: tl.constexpr, A_STEP: tl.constexpr, B_STEP: tl.constexpr,
                PRIOR: tl.constexpr, LOGITS: tl.constexpr, UNIT: tl.constexpr,
                SLOPES: tl.constexpr, WANT_X: tl.constexpr, CELLS: tl.constexpr,
                TERMS: tl.constexpr, TIES: tl.constexpr, PLOTTING: tl.constexpr,
                CLIP: tl.constexpr):  # fmt: skip
    """ascending (R, n), clamped, NaN last; place (R, n); x as given; sums (R, tiles, 3)."""
    row, first, _ = row_and_tile(n, BLOCK)
    start = row * n
    x, gradient, ascending, place = x + start, gradient + start, ascending + start, place + start
    least, most = tl.load(ascending), tl.load(ascending + n - 1)
    bad = outside(least, most, UNIT)
    low, high = tl.load(bounds).to(least.dtype), tl.load(bounds + 1).to(least.dtype)
    square, to_a, to_b = sorted_terms(
        ascending, place, x, gradient, first + tl.arange(0, BLOCK), n, row, least, bad, a,
        b, pieces, fields, low, high, A_STEP, B_STEP, PRIOR, LOGITS, SLOPES, WANT_X, CELLS, TERMS,
        TIES, PLOTTING, CLIP,
    )  # fmt: skip
    sums += (row * tiles + first // BLOCK) * 3
    tl.store(sums, tl.sum(square, 0))
    tl.store(sums + 1, tl.sum(to_a, 0))
    tl.store(sums + 2, tl.sum(to_b, 0))


def _constants(options, dtype, block, a_count, b_count, wanted):
    rule = RULES[dtype]
    return {
        "BLOCK": block,
        "A_STEP": int(a_count > 1),
        "B_STEP": int(b_count > 1),
        "PRIOR": PRIORS.index(options.prior),
        "LOGITS": options.from_logits,
        "UNIT": options.prior != "normal" and not options.from_logits,
        "SLOPES": wanted[1] or wanted[2],
        "WANT_X": wanted[0],
        "CELLS": rule.cells,
        "TERMS": rule.points + 1,
        "TIES": TIES.index(options.ties),
        "PLOTTING": PLOTTING_POSITIONS.index(options.plotting_position),
        "CLIP": options.clip,
    }


def inside_launch(options, dtype, shape, a_count, b_count, wanted):
    """``rows`` for x of that shape; options: ``Options``; wanted: gradients to x, a, b."""
    block = power_of_two(max(shape[1], 16))
    outputs = (
        Output((shape[0], 1, 3), "float64"),
        Output(shape if wanted[0] else (1,), dtype),
        Output(shape, dtype),
        Output(shape, "int32"),
    )
    constants = _constants(options, dtype, block, a_count, b_count, wanted)
    constants["CHUNK"] = chunk(block)
    return Launch(rows, shape[:1], outputs, shape[1:], constants, warps(block))


def sorted_launch(options, dtype, shape, a_count, b_count, wanted):
    """``sorted_rows``, the same."""
    block = min(TILE, power_of_two(max(shape[1], 16)))
    tiles = blocks(shape[1], block)
    outputs = Output((shape[0], tiles, 3), "float64"), Output(shape if wanted[0] else (1,), dtype)
    constants = _constants(options, dtype, block, a_count, b_count, wanted)
    grid = tiled(*shape, block)
    return Launch(sorted_rows, grid, outputs, (shape[1], tiles), constants)
