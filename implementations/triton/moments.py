"""Soft histograms by moments: a row's samples as few weighted ones, for the same direct kernels.

The bandwidths around the edges are cut into cells so small that in each any bin's mass, as a
function of the sample, is a polynomial of K terms (``moments/accuracy.py``). K Chebyshev moments
of a cell's samples, sums of w T_k(t), then say all about them: with t_q the Chebyshev nodes,

    m_q = 2/K sum'_k T_k(t_q) S_k

weigh K samples at the nodes so that every polynomial has the same sum. What is direct over samples
is direct over nodes, for counts and for the gradients to edges and bandwidth; the gradient to a
sample is its cell's polynomial through the gradients to the nodes. Shapes fix how many cells there
are; a row whose edges are further apart than these reach has a bandwidth of NaN here, and the
direct kernels compute it. Nothing is read on the host.
"""

from typing import NamedTuple

import triton
import triton.language as tl

from implementations.moments.accuracy import SMOOTH
from implementations.triton.launch import Launch, Output, row_and_tile, tiled

TILE = 256

MASS, ATOMIC, START = 7.5e-12, 2e-11, 2e-5
"""Estimated seconds on an H200: a mass, one addition to a moment, the launches beside it."""

WIDEST = 2
"""Bandwidths of the mean bin that there are cells for."""


class Plan(NamedTuple):
    """cells: of a row. terms: of a cell's polynomial. reach: bandwidths. fine: cells in one."""

    cells: int
    terms: int
    reach: float
    fine: int


def plan(kernel, samples, edges):
    """The cells for rows of so many samples and edges; None where the direct way costs less."""
    if (kernel, True) not in SMOOTH:
        return None
    smooth = SMOOTH[kernel, True]
    fine, terms = smooth.wide
    cells = fine * int(2 * smooth.reach + WIDEST * edges)
    direct = MASS * samples * edges
    by_moments = samples * terms * ATOMIC + cells * terms * edges * MASS + START
    return Plan(cells, terms, smooth.reach, fine) if by_moments < direct else None


@triton.jit
def located(x, frame, i, left, cells):
    """Cells of samples i < left, their places t in them, and which are to be counted.

    Samples outside are at the ends. frame: the row's, where its cells start and how wide they are,
    or NaN.
    """
    start, width = tl.load(frame), tl.load(frame + 1)
    u = (tl.load(x + i, mask=i < left, other=0.0).to(tl.float64) - start) / width
    real = (i < left) & (u == u)
    u = tl.minimum(tl.maximum(tl.where(real, u, 0.0), 0.0), cells)
    # In integers: a float32 cannot say "just below cells".
    cell = tl.minimum(u.to(tl.int32), cells - 1)
    return cell, 2.0 * (u - cell.to(tl.float64)) - 1.0, real


@triton.jit
def deposit(x, weights, frame, moments, n, cells, TERMS: tl.constexpr, BLOCK: tl.constexpr,
            WEIGHTED: tl.constexpr):  # fmt: skip
    """Add w T_k(t) of x, weights (R, n) to moments (R, cells, TERMS), zeros at first."""
    row, first, left = row_and_tile(n, BLOCK)
    i, start = tl.arange(0, BLOCK), row * n + first
    cell, t, real = located(x + start, frame + 2 * row, i, left, cells)
    weight = tl.zeros((BLOCK,), tl.float64) + 1.0
    if WEIGHTED:
        weight = tl.load(weights + start + i, mask=real, other=0.0).to(tl.float64)
    own = moments + row * cells * TERMS + cell * TERMS
    before, term = t, tl.zeros((BLOCK,), tl.float64) + 1.0
    for k in tl.static_range(TERMS):
        tl.atomic_add(own + k, weight * term, mask=real, sem="relaxed")
        before, term = term, 2.0 * t * term - before


@triton.jit
def evaluate(x, weights, frame, coefficients, values, n, cells, TERMS: tl.constexpr,
             BLOCK: tl.constexpr, WEIGHTED: tl.constexpr):  # fmt: skip
    """sum_k c_k T_k(t) of a sample's cell, times its weight; coefficients (R, cells, TERMS)."""
    row, first, left = row_and_tile(n, BLOCK)
    i, start = tl.arange(0, BLOCK), row * n + first
    cell, t, real = located(x + start, frame + 2 * row, i, left, cells)
    own = coefficients + row * cells * TERMS + cell * TERMS
    before, term = t, tl.zeros((BLOCK,), tl.float64) + 1.0
    total = tl.zeros((BLOCK,), tl.float64)
    for k in tl.static_range(TERMS):
        total += tl.load(own + k, mask=real, other=float("nan")) * term
        before, term = term, 2.0 * t * term - before
    if WEIGHTED:
        total *= tl.load(weights + start + i, mask=real, other=0.0).to(tl.float64)
    tl.store(values + start + i, total, mask=i < left)


def _constants(one, weighted):
    return {"TERMS": one.terms, "BLOCK": TILE, "WEIGHTED": weighted}


def deposit_launch(shape, one, weighted):
    """``deposit`` of x of that shape; one: its ``Plan``."""
    outputs = (Output((shape[0], one.cells, one.terms), "float64", zeros=True),)
    grid = tiled(*shape, TILE)
    return Launch(deposit, grid, outputs, (shape[1], one.cells), _constants(one, weighted))


def evaluate_launch(shape, dtype, one, weighted):
    """``evaluate``, the same."""
    grid = tiled(*shape, TILE)
    sizes = shape[1], one.cells
    return Launch(evaluate, grid, (Output(shape, dtype),), sizes, _constants(one, weighted))
