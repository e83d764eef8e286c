"""Passes over the samples: into the moments of fine cells, and out of their polynomials.

Both go block by block, in the same memory, so that what a block needs stays in the caches.
"""

import torch

_CPU_BLOCK = 1 << 18
_CUDA_BLOCK = 1 << 24
_CELLS = 1 << 20

COUNT = 2.0**22
"""Added to a place, so that one sum tells how many samples there were and the sum of their places,
as long as they are fewer than a quarter of it. A place keeps ten binary digits then: enough where
samples are float32."""


def row_blocks(rows, cells):
    """Slices of rows whose moments are held at a time."""
    step = max(1, _CELLS // (cells.fine_count * cells.fine_terms))
    return [slice(r, min(r + step, rows)) for r in range(0, rows, step)]


def moments(x, weights, cells):
    """Sums of w p^j over every fine cell's samples, p their places: (R, k, C split).

    x: (R, N), not NaN. weights: (R, N) or None.
    """
    parts = [_moments(*part, cells) for part in _shared_out(cells, x, weights)]
    return sum(part.sum(dim=0, keepdim=True) for part in parts) if cells.alone else parts[0]


def _shared_out(cells, *arrays):
    """Arrays (R, N) or None, in parts; torch shares out rows among threads, so one becomes two."""
    samples = arrays[0].shape[1]
    if not cells.alone or samples < 2:
        return [arrays]
    even = samples - samples % 2
    parts = [[None if a is None else a[:, :even].view(2, -1) for a in arrays]]
    return parts + [[None if a is None else a[:, even:] for a in arrays]] * (samples % 2)


def _moments(x, weights, cells):
    sums = x.new_zeros(x.shape[0], cells.fine_terms, cells.fine_count, dtype=torch.float64)
    if weights is not None or x.dtype == torch.float64:
        return _one_by_one(x, weights, cells, sums)
    packed, power, waiting = torch.zeros_like(sums[:, 0]), None, 0
    for _, cell, place in _located(x, cells):
        power = place.clone() if power is None else power[:, : place.shape[1]].copy_(place)
        for j in range(2, cells.fine_terms):
            sums[:, j].scatter_add_(1, cell, power.mul_(place))
        packed.scatter_add_(1, cell, place.add_(COUNT))
        waiting += place.shape[1]
        if waiting > COUNT / 8:
            waiting = int(packed.max() / COUNT) + 1
            if waiting > COUNT / 16:
                _unpack(packed, sums)
                waiting = 0
    _unpack(packed, sums)
    return sums


def _one_by_one(x, weights, cells, sums):
    power = None
    for s, cell, place in _located(x, cells):
        power = torch.empty_like(place) if power is None else power[:, : place.shape[1]]
        power.copy_(weights[:, s]) if weights is not None else power.fill_(1)
        sums[:, 0].scatter_add_(1, cell, power)
        for j in range(1, cells.fine_terms):
            sums[:, j].scatter_add_(1, cell, power.mul_(place))
    return sums


def _unpack(packed, sums):
    """Add count and sum of places of what was packed, which is left empty."""
    count = packed.div(COUNT).round_()
    sums[:, 0] += count
    sums[:, 1] += packed.sub_(count.mul_(COUNT))
    packed.zero_()


def evaluate(polynomials, x, weights, cells, out):
    """Each sample's fine cell's polynomial (R, k, C split) at the sample, times its weight.

    x, weights, out: (R, N), the latter written.
    """
    # In float32 the end of a compact kernel would be lost.
    dtype = x.dtype if cells.bounds is None else torch.float64
    terms = polynomials.to(dtype).unbind(dim=1)
    for part in _shared_out(cells, x, weights, out):
        _evaluate([term.expand(len(part[0]), -1) for term in terms], *part, cells)
    return out


def _evaluate(terms, x, weights, out, cells):
    at = term_there = None
    for s, cell, place in _located(x, cells):
        if at is None or at.shape != place.shape:
            at, term_there = (torch.empty_like(place, dtype=terms[0].dtype) for _ in range(2))
        at.copy_(place)
        value = out[:, s] if out.dtype == at.dtype else torch.empty_like(at)
        torch.gather(terms[-1], 1, cell, out=value)
        for term in terms[-2::-1]:
            torch.gather(term, 1, cell, out=term_there)
            value.mul_(at).add_(term_there)
        if weights is not None:
            value.mul_(weights[:, s])
        if out.dtype != at.dtype:
            out[:, s] = value


def _located(x, cells):
    """Block by block: a slice of samples, and their cells and places (R, b), to be overwritten."""
    rows, samples = x.shape
    block = max(1, (_CUDA_BLOCK if x.device.type == "cuda" else _CPU_BLOCK) // rows)
    at = x.new_empty(rows, min(block, samples), dtype=torch.float64)
    cell = torch.empty_like(at, dtype=torch.int64)
    for start in range(0, samples, block):
        s = slice(start, min(start + block, samples))
        if s.stop - start < at.shape[1]:
            at, cell = (a.new_empty(rows, s.stop - start) for a in (at, cell))
        yield s, *cells.locate(x[:, s], at, cell)
