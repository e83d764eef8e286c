"""What an edge makes of a sample anywhere in a cell, as a polynomial in t: (edges, cells, terms).

A function is interpolated at the cell's Chebyshev nodes. That is linear in the function, so that a
bin's mass, the difference of two tails, is as exact relative to itself as the tails are. In cells
of one width it depends on where the edge is in its own cell and on how many cells away the sample's
is: of an edge's place, too, it is a polynomial, the same for all edges.
"""

import torch

from implementations.moments.accuracy import nodes, series
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


def _tables(function, kernel, cells, edges, bandwidth):
    """Slices of edges, and the coefficients in the cells of their windows (e, W, K)."""
    at, matrix = (torch.as_tensor(a, device=edges.device) for a in nodes(cells.terms))
    step = max(1, _BLOCK // (cells.window * cells.terms))
    blocks = [slice(s, min(s + step, len(edges))) for s in range(0, len(edges), step)]
    if cells.places is not None:
        shared = _by_place(function, kernel, cells, at, matrix)
        orders = torch.arange(len(shared), device=edges.device)
        terms = torch.cos(orders * torch.acos(cells.places)[:, None])
        for block in blocks:
            yield block, torch.matmul(terms[block], shared).view(-1, cells.window, cells.terms)
        return
    window = torch.arange(cells.window, device=edges.device)
    for block in blocks:
        where = cells.first[block, None] + window
        away = edges[block, None] - cells.centre[where]
        side = torch.where(away < 0, -1.0, 1.0).to(away.dtype)[..., None]
        z = (away[..., None] - cells.half[where][..., None] * at).div_(bandwidth)
        yield block, torch.matmul(function(kernel, z, side), matrix.T)


def _by_place(function, kernel, cells, at, matrix):
    """Coefficients in a window's cells as Chebyshev series of the edge's place: (P, W K)."""
    terms, reach = cells.place_terms, cells.window // 2
    places, to_series = (torch.as_tensor(a, device=at.device) for a in series(terms))
    cell = torch.arange(-reach, reach + 1, device=at.device)[:, None]
    side = torch.where(cell > 0, -1.0, 1.0).to(at.dtype)
    z = ((places[:, None, None] - at) / 2 - cell).div_(cells.density)
    values = torch.matmul(function(kernel, z, side), matrix.T)
    return torch.matmul(to_series, values.view(terms, -1))


def sums_at_edges(function, kernel, cells, edges, bandwidth, moments):
    """Sum over all samples of the function of every edge: moments (R, K, C) to (R, E)."""
    sums = moments.new_empty(moments.shape[0], edges.shape[0])
    # Every window of the cells, all of which overlap.
    starts, length = len(cells.centre) - cells.window + 1, cells.window * cells.terms
    rows = moments.transpose(1, 2).contiguous()
    windows = [row.as_strided((starts, length), (cells.terms, 1)) for row in rows]
    for block, table in _tables(function, kernel, cells, edges, bandwidth):
        for row, out in zip(windows, sums, strict=True):  # one by one, see Cells
            there = row.index_select(0, cells.first[block])
            out[block] = there.mul_(table.view_as(there)).sum(dim=1)
    return sums


def sum_over_edges(function, kernel, cells, edges, bandwidth, steps):
    """Every cell's polynomial of the sum over the edges, times steps (R, E): to (R, K, C)."""
    rows = steps.shape[0]
    found = steps.new_zeros(rows, cells.terms, len(cells.centre))
    window = torch.arange(cells.window, device=edges.device)
    for block, table in _tables(function, kernel, cells, edges, bandwidth):
        terms = steps[:, None, block, None] * table.movedim(-1, 0)
        where = (cells.first[block, None] + window).view(-1).expand(rows, cells.terms, -1)
        found.scatter_add_(2, where, terms.reshape(rows, cells.terms, -1))
    return found
