"""I_x(a, b) of every row as a table of polynomials, made by one program a row.

The method, and what the cells and scores below are, is derived in
``torch_eager/incomplete_beta.py``: the density in z = logit(x), relative to its mode, is integrated
over cells that are fine at the mode and coarse along the tails, and so are its products with the
scores in a and b. A cell keeps the coefficients of the CDF (0) and of its derivatives in a (1) and
b (2) next to each other, so that a look-up reads one line of memory.
"""

from typing import NamedTuple

import numpy as np
import triton
import triton.language as tl

from implementations.triton.launch import Launch, Output, power_of_two
from implementations.triton.numerics import sigmoid


class Rule(NamedTuple):
    """Cells on each side of the mode, Gauss points in each, log of the mass left outside."""

    cells: int
    points: int
    depth: int


RULES = {"float32": Rule(48, 4, 20), "float64": Rule(80, 10, 42)}
FIELDS = tl.constexpr(8)
"""Of a row: a, b, mode, 1 / width, 1 / cell, log f(0), log B(a, b), and nothing."""


def _gauss(points):
    """Gauss points on [0, 1]; point by point, what it weighs in an integral's coefficients."""
    nodes, weights = np.polynomial.legendre.leggauss(points)
    to_coefficients = np.linalg.inv(np.polynomial.polynomial.polyvander(nodes, points - 1))
    integral = np.polynomial.polynomial.polyint(to_coefficients, lbnd=-1, axis=0).T
    table = np.column_stack((integral, weights)) / 2
    return tuple(((nodes + 1) / 2).tolist()), tuple(table.ravel().tolist())


POINTS_4, INTEGRALS_4 = map(tl.constexpr, _gauss(4))
POINTS_10, INTEGRALS_10 = map(tl.constexpr, _gauss(10))


@triton.jit
def column(C: tl.constexpr, G: tl.constexpr, WIDTH: tl.constexpr, INTEGRALS: tl.constexpr):
    """What the values at the Gauss points weigh in coefficient C, (1, WIDTH)."""
    g = tl.arange(0, WIDTH)
    weights = tl.zeros((WIDTH,), tl.float64)
    for i in tl.static_range(G):
        weights = tl.where(g == i, weights + INTEGRALS[i * (G + 2) + C], weights)
    return weights[None, :]


@triton.jit
def points(G: tl.constexpr, WIDTH: tl.constexpr, POINTS: tl.constexpr):
    """The Gauss points, (1, WIDTH)."""
    g = tl.arange(0, WIDTH)
    at = tl.zeros((WIDTH,), tl.float64)
    for i in tl.static_range(G):
        at = tl.where(g == i, at + POINTS[i], at)
    return at[None, :]


@triton.jit
def beta_tables(a, b, pieces, fields, A_STEP: tl.constexpr, B_STEP: tl.constexpr,
                SYMMETRIC: tl.constexpr, CELLS: tl.constexpr, BLOCK: tl.constexpr,
                G: tl.constexpr, WIDTH: tl.constexpr, DEPTH: tl.constexpr):  # fmt: skip
    """pieces (T, 2 CELLS, 3, G + 1) and fields (T, 8) of parameters a, b: (T,) or one for all."""
    POINTS: tl.constexpr = POINTS_4 if G == 4 else POINTS_10
    INTEGRALS: tl.constexpr = INTEGRALS_4 if G == 4 else INTEGRALS_10
    row = tl.program_id(0).to(tl.int64)
    a = tl.load(a + row * A_STEP).to(tl.float64)
    b = 1.0 - a if SYMMETRIC else tl.load(b + row * B_STEP).to(tl.float64)
    a = tl.where((a > 0.0) & (a < float("inf")), a, float("nan"))
    b = tl.where((b > 0.0) & (b < float("inf")), b, float("nan"))
    mode = tl.log(a / b)
    below, above = sigmoid(mode), sigmoid(-mode)
    width = tl.minimum(tl.sqrt(1.0 / a + 1.0 / b), 1.0)
    left = (DEPTH - (a + b) * tl.log(above)) / a
    right = (DEPTH - (a + b) * tl.log(below)) / b
    cell = tl.log(1.0 + tl.where(left > right, left, right) / width) / CELLS

    # Values at the Gauss points of every cell, (BLOCK, WIDTH).
    index = tl.arange(0, BLOCK)
    inside = index < 2 * CELLS
    lower = (index < CELLS)[:, None]
    u = (index - CELLS).to(tl.float64)[:, None] + points(G, WIDTH, POINTS)
    slope, share = tl.where(lower, a, b), tl.where(lower, below, above)
    stretch = tl.abs(u) * cell
    distance = width * (tl.exp(stretch) - 1.0)
    bend = tl.log(1.0 + share * (tl.exp(-distance) - 1.0))
    mass = tl.where(inside[:, None], tl.exp(stretch - slope * distance - (a + b) * bend), 0.0)
    score_a = tl.where(lower, -distance, 0.0) - bend
    score_b = tl.where(lower, 0.0, -distance) - bend

    weights = column(G + 1, G, WIDTH, INTEGRALS)
    whole = tl.sum(tl.sum(mass * weights, 1), 0)
    mass /= whole
    mass_a, mass_b = mass * score_a, mass * score_b
    mass_a -= mass * tl.sum(tl.sum(mass_a * weights, 1), 0)
    mass_b -= mass * tl.sum(tl.sum(mass_b * weights, 1), 0)
    own, own_a, own_b = (
        tl.sum(mass * weights, 1),
        tl.sum(mass_a * weights, 1),
        tl.sum(mass_b * weights, 1),
    )
    before, before_a, before_b = (
        tl.cumsum(own, 0) - own,
        tl.cumsum(own_a, 0) - own_a,
        tl.cumsum(own_b, 0) - own_b,
    )
    pieces += row * (2 * CELLS * 3 * (G + 1)) + index * (3 * (G + 1))
    for c in tl.static_range(G + 1):
        weights = column(c, G, WIDTH, INTEGRALS)
        part, part_a, part_b = (
            tl.sum(mass * weights, 1),
            tl.sum(mass_a * weights, 1),
            tl.sum(mass_b * weights, 1),
        )
        if c == 0:
            part, part_a, part_b = part + before, part_a + before_a, part_b + before_b
        tl.store(pieces + c, part, mask=inside)
        tl.store(pieces + (G + 1 + c), part_a, mask=inside)
        tl.store(pieces + (2 * (G + 1) + c), part_b, mask=inside)

    log_beta = tl.log(whole * width * cell) + a * mode + (a + b) * tl.log(above)
    fields += row * FIELDS
    tl.store(fields, a)
    tl.store(fields + 1, b)
    tl.store(fields + 2, mode)
    tl.store(fields + 3, 1.0 / width)
    tl.store(fields + 4, 1.0 / cell)
    tl.store(fields + 5, -log_beta - (a + b) * 0.6931471805599453)
    tl.store(fields + 6, log_beta)
    tl.store(fields + 7, 0.0)


def tables(dtype, symmetric, a_count, b_count):
    """The launch for that many different a and b; see ``beta_tables``."""
    rule, count = RULES[dtype], max(a_count, b_count)
    shape = count, 2 * rule.cells, 3, rule.points + 1
    constants = {
        "A_STEP": int(a_count > 1),
        "B_STEP": int(b_count > 1),
        "SYMMETRIC": symmetric,
        "CELLS": rule.cells,
        "BLOCK": power_of_two(2 * rule.cells),
        "G": rule.points,
        "WIDTH": power_of_two(rule.points),
        "DEPTH": rule.depth,
    }
    outputs = Output(shape, dtype), Output((count, FIELDS.value), "float64")
    warps = 16 if dtype == "float64" else 4
    return Launch(beta_tables, (count,), outputs, (), constants, warps)
