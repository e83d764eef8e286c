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
    """Gauss points on [0, 1]; from values there to a running integral's coefficients and whole."""
    nodes, weights = np.polynomial.legendre.leggauss(points)
    to_coefficients = np.linalg.inv(np.polynomial.polynomial.polyvander(nodes, points - 1))
    integral = np.polynomial.polynomial.polyint(to_coefficients, lbnd=-1, axis=0).T
    table = np.column_stack((integral, weights)) / 2
    return tuple(((nodes + 1) / 2).tolist()), tuple(map(tuple, table.tolist()))


GAUSS_4, GAUSS_10 = (tl.constexpr(_gauss(points)) for points in (4, 10))


@triton.jit
def integrate(u, lower, a, b, below, above, width, cell, G: tl.constexpr, GAUSS: tl.constexpr,
              K: tl.constexpr, C: tl.constexpr):  # fmt: skip
    """Coefficient C of the cells' own integral of the mass (K = 0) or of mass times a score."""
    total = tl.zeros_like(u)
    slope, share = tl.where(lower, a, b), tl.where(lower, below, above)
    for g in tl.static_range(G):
        stretch = tl.abs(u + GAUSS[0][g]) * cell
        distance = width * (tl.exp(stretch) - 1.0)
        bend = tl.log(1.0 + share * (tl.exp(-distance) - 1.0))
        value = tl.exp(stretch - slope * distance - (a + b) * bend) * GAUSS[1][g][C]
        if K == 1:
            value *= tl.where(lower, -distance, 0.0) - bend
        if K == 2:
            value *= tl.where(lower, 0.0, -distance) - bend
        total += value
    return total


@triton.jit
def beta_tables(a, b, pieces, fields, A_STEP: tl.constexpr, B_STEP: tl.constexpr,
                SYMMETRIC: tl.constexpr, CELLS: tl.constexpr, BLOCK: tl.constexpr,
                G: tl.constexpr, DEPTH: tl.constexpr):  # fmt: skip
    """pieces (T, 2 CELLS, 3, G + 1) and fields (T, 8) of parameters a, b: (T,) or one for all."""
    GAUSS: tl.constexpr = GAUSS_4 if G == 4 else GAUSS_10
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

    index = tl.arange(0, BLOCK)
    inside = index < 2 * CELLS
    u, lower = (index - CELLS).to(tl.float64), index < CELLS
    cells = pieces + row * (2 * CELLS * 3 * (G + 1)) + index * (3 * (G + 1))
    mass = integrate(u, lower, a, b, below, above, width, cell, G, GAUSS, 0, G + 1)
    mass = tl.where(inside, mass, 0.0)
    whole = tl.sum(mass, 0)
    mass /= whole
    for k in tl.static_range(3):
        part = integrate(u, lower, a, b, below, above, width, cell, G, GAUSS, k, G + 1)
        part = tl.where(inside, part, 0.0) / whole
        mean = tl.sum(part, 0) if k > 0 else 0.0 * whole
        part -= mean * mass
        before = tl.cumsum(part, 0) - part
        for c in tl.static_range(G + 1):
            own = integrate(u, lower, a, b, below, above, width, cell, G, GAUSS, k, c) / whole
            if k > 0:
                base = integrate(u, lower, a, b, below, above, width, cell, G, GAUSS, 0, c)
                own -= mean * base / whole
            if c == 0:
                own += before
            tl.store(cells + (k * (G + 1) + c), own, mask=inside)

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
        "DEPTH": rule.depth,
    }
    outputs = Output(shape, dtype), Output((count, FIELDS.value), "float64")
    return Launch(beta_tables, (count,), outputs, (), constants)
