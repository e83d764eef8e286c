"""What an edge makes of a sample anywhere in a cell, as a polynomial in t: (edges, cells, terms).

A function is interpolated at the cell's Chebyshev nodes. That is linear in the function, so that a
bin's mass, the difference of two tails, is as exact relative to itself as the tails are.
"""

import torch

from implementations.moments.accuracy import nodes
from implementations.torch_eager.kernels import density, upper_tail

_BLOCK = 1 << 18


def tail(kernel, z, side):
    """Mass beyond the edge: above it on the side of larger samples, minus that below it."""
    return upper_tail(z.mul_(side), kernel).mul_(side)


def height(kernel, z, side):
    """The kernel's density at the edge."""
    return density(z, kernel)


def stretch(kernel, z, side):
    """Density times distance."""
    return density(z, kernel).mul_(z)


def _blocks(function, kernel, cells, edges, bandwidth):
    """Slices of edges, the cells in their windows (e, W), and the coefficients there (e, W, K)."""
    at, matrix = (torch.as_tensor(a, device=edges.device) for a in nodes(cells.terms))
    step = max(1, _BLOCK // (cells.window * cells.terms))
    window = torch.arange(cells.window, device=edges.device)
    for start in range(0, edges.shape[0], step):
        block = slice(start, min(start + step, edges.shape[0]))
        where = cells.first[block, None] + window
        away = edges[block, None] - cells.centre[where]
        side = torch.where(away < 0, -1.0, 1.0).to(away.dtype)[..., None]
        z = (away[..., None] - cells.half[where][..., None] * at).div_(bandwidth)
        yield block, where, torch.matmul(function(kernel, z, side), matrix.T)


def sums_at_edges(function, kernel, cells, edges, bandwidth, moments):
    """Sum over all samples of the function of every edge: moments (R, K, C) to (R, E)."""
    sums = moments.new_empty(moments.shape[0], edges.shape[0])
    for block, where, table in _blocks(function, kernel, cells, edges, bandwidth):
        for row, out in zip(moments, sums, strict=True):  # one by one, see Cells
            out[block] = torch.einsum("kew,ewk->e", row[:, where], table)
    return sums


def sum_over_edges(function, kernel, cells, edges, bandwidth, steps):
    """Every cell's polynomial of the sum over the edges, times steps (R, E): to (R, K, C)."""
    rows = steps.shape[0]
    found = steps.new_zeros(rows, cells.terms, len(cells.centre))
    for block, where, table in _blocks(function, kernel, cells, edges, bandwidth):
        terms = steps[:, None, block, None] * table.movedim(-1, 0)
        where = where.reshape(-1).expand(rows, cells.terms, -1)
        found.scatter_add_(2, where, terms.reshape(rows, cells.terms, -1))
    return found
