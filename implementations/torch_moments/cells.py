"""Cells that samples are counted in, so small that in each a polynomial stands for the kernel.

A smooth kernel has cells of one width over all samples that any edge can see: wide ones, a part of
a bandwidth and many terms, for what has to do with edges, each divided into fine ones of few terms
for what has to do with samples. A compact kernel, whose tail is a polynomial between its kinks, has
a cell between any two neighbouring kinks of any edges, not divided. Where a sample is within its
cell is t, from -1 to 1. An edge sees the cells of its window: outside it the kernel's tail is zero
in the samples' dtype.
"""

import functools
import math
from dataclasses import dataclass

import torch

from implementations.moments.accuracy import COMPACT, NARROW, SMOOTH, finer

DIRECT, TABLE, SERIES, PRODUCT, CELL, OVERHEAD = 4.0, 8.0, 1.0, 0.5, 6.0, 3e5
LOCATE, TERM, FAR_TERM = 0.8, 0.3, 1.2
"""About how many nanoseconds of a forward pass on two cores: a sample at an edge; an entry of the
table, one summed from a series, one product, a fine cell's term, starting all this; where a sample
is, adding a term, one out of cache."""

FITS = 1 << 18
"""Fine cells that a processor's caches hold."""


_POINT = 1e-300
"""Half of the width of a cell for one number."""

MOST = 1 << 22
"""Cells that are made, at most."""


@dataclass
class Cells:
    """Cells of rows that share edges and bandwidth.

    centre, half: (C,) in float64. first: (E,) index of the first cell in an edge's window, window:
    its length. terms: of a cell's polynomial. split: fine cells a cell, fine_terms: of theirs.
    alone: they are one row's. Cells of one width have a density, which is how many are in a
    bandwidth, and places (E,), where in the middle cell of its window an edge is, from -1 to 1,
    with the terms of a series in that; others have bounds (C - 1,) between them.
    """

    centre: torch.Tensor
    half: torch.Tensor
    first: torch.Tensor
    window: int
    terms: int
    split: int
    fine_terms: int
    alone: bool
    density: int = 0
    places: torch.Tensor | None = None
    place_terms: int = 0
    bounds: torch.Tensor | None = None

    @property
    def fine_count(self):
        return len(self.centre) * self.split

    @functools.cached_property
    def _scale(self):
        """Where the fine cells start, and how many there are in a unit of x."""
        return float(self.centre[0] - self.half[0]), self.split / (2 * float(self.half[0]))

    def locate(self, x, at, cell):
        """Every sample's fine cell and its place in it; samples outside are at the ends.

        x: (R, b), not NaN. at, cell: (R, b), float64 and int64, overwritten and returned as place
        and cell. A place is t, or in cells that are divided (1 + t) / 2.
        """
        at.copy_(x)
        if self.bounds is not None:
            flat = torch.searchsorted(self.bounds, at, out=cell).reshape(-1)
            middle, half = (a.index_select(0, flat).view(x.shape) for a in (self.centre, self.half))
            return cell, at.sub_(middle).div_(half).clamp_(-1, 1)
        lo, per_unit = self._scale
        at.sub_(lo).mul_(per_unit).clamp_(0, self.fine_count * (1 - 1e-15))
        cell.copy_(at)
        at.frac_()
        return cell, at if self.split > 1 else at.mul_(2).sub_(1)

    def bins(self, edges):
        """The bin, 0 to E, that every cell is taken to be in: before the edge that lies in it."""
        if self.places is None:
            return torch.searchsorted(edges.contiguous(), self.centre)
        own = self.first + self.window // 2
        return torch.searchsorted(own, torch.arange(len(self.centre), device=own.device))

    def gather_up(self, moments):
        """Moments of fine cells (R, k, C split) to those of cells (R, K, C)."""
        if self.split == 1:
            return moments
        return self._each(moments.unflatten(2, (-1, self.split)), "kcs,jks->jc")

    def hand_down(self, polynomials):
        """Polynomials of cells (R, K, C) to those of fine cells (R, k, C split)."""
        if self.split == 1:
            return polynomials
        return self._each(polynomials, "jc,jks->kcs").flatten(2)

    def _each(self, rows, product):
        """Row by row, as a row's roundings must not depend on how many others there are."""
        matrix = torch.as_tensor(finer(self.terms, self.fine_terms, self.split), device=rows.device)
        return torch.stack([torch.einsum(product, row, matrix) for row in rows])


def cells_of(kernel, double, edges, bandwidth, rows, samples):
    """The cheapest cells for edges (E,) and a bandwidth, a number; None where none are worth it.

    double: whether float64 is asked for. rows, samples: how many there are in the whole batch.
    """
    too_narrow = float(edges.diff().min()) < NARROW[double] * bandwidth
    if too_narrow or (double and kernel in COMPACT):
        return None
    direct = DIRECT * rows * samples * len(edges)
    if kernel in COMPACT:
        cells = _between_kinks(edges, bandwidth, COMPACT[kernel], rows == 1)
        return cells if _cost(cells, rows, samples) < direct else None
    smooth = SMOOTH[kernel, double]
    span = float(edges[-1] - edges[0]) / bandwidth + 2 * smooth.reach
    if span * smooth.wide[0] > MOST:
        return None
    choices = [_even(edges, bandwidth, smooth, fine, rows == 1) for fine in smooth.fine]
    cells = min(choices, key=lambda cells: _cost(cells, rows, samples))
    return cells if _cost(cells, rows, samples) < direct else None


def _cost(cells, rows, samples):
    """Of a forward pass: the table and its product, the cells, the deposit."""
    row = cells.window * cells.terms
    entries = len(cells.first) * row
    changing = cells.terms * PRODUCT if cells.split > 1 else 0.0
    each = LOCATE + cells.fine_terms * (TERM if cells.fine_count < FITS else FAR_TERM)
    moments = rows * cells.fine_count * cells.fine_terms
    table = row * cells.place_terms * TABLE + entries * (SERIES if cells.place_terms else TABLE)
    table += entries * rows * PRODUCT
    return table + moments * (CELL + changing) + rows * samples * each + OVERHEAD


def _even(edges, bandwidth, smooth, fine, alone):
    (density, terms), (fine_density, fine_terms) = smooth.wide, fine
    width, reach = bandwidth / density, math.ceil(smooth.reach * density)
    lo = edges[0] - reach * width
    first = ((edges - edges[0]) / width).long()
    count, window = int(first[-1]) + 2 * reach + 1, 2 * reach + 1
    centre = lo + width * (torch.arange(count, device=edges.device, dtype=torch.float64) + 0.5)
    half = torch.full_like(centre, width / 2)
    places = ((edges - centre[first + reach]) / (width / 2)).clamp_(-1, 1)
    split = fine_density // density
    own = density, places, smooth.places
    return Cells(centre, half, first, window, terms, split, fine_terms, alone, *own)


def _between_kinks(edges, bandwidth, terms, alone):
    """A cell for every gap between kinks and, as tails end exactly there, for every kink itself."""
    kinks = torch.cat((edges - bandwidth, edges, edges + bandwidth)).unique()
    before = torch.nextafter(kinks, torch.full_like(kinks, -torch.inf))
    gaps = torch.cat((kinks[:1] - bandwidth, (kinks[1:] + kinks[:-1]) / 2, kinks[-1:] + bandwidth))
    widths = torch.nn.functional.pad(kinks.diff() / 2, (1, 1), value=bandwidth)
    centre = torch.cat((_paired(gaps[:-1], kinks), gaps[-1:]))
    half = torch.cat((_paired(widths[:-1], torch.full_like(kinks, _POINT)), widths[-1:]))
    first = 2 * torch.searchsorted(kinks, edges - bandwidth) + 1
    last = 2 * torch.searchsorted(kinks, edges + bandwidth, right=True) - 1
    window = int((last - first).max()) + 1
    first.clamp_(max=len(centre) - window)
    bounds = _paired(before, kinks)
    return Cells(centre, half, first, window, terms, 1, terms, alone, bounds=bounds)


def _paired(one, other):
    return torch.stack((one, other), dim=1).view(-1)
