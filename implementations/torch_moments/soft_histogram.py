"""Soft histogram by moments: O(n K) for n samples and K terms, however many bins there are.

Samples are counted in fine cells, with the powers of where in its cell each of them is. What an
edge makes of a sample anywhere in a cell is a polynomial of K terms, so the counts are a product of
moments and a table; and the gradient to a sample is its cell's polynomial, there being one for the
sum over all edges. The table costs edges x cells in a window; where samples are few, and where bins
are so narrow that masses are lost in it, every sample is compared with every edge instead.
"""

import functools
import math

import torch

from implementations.moments.accuracy import FAINT
from implementations.torch_eager import soft_histogram as direct
from implementations.torch_eager.first_order import batched_over_rows, never_twice
from implementations.torch_moments.cells import cells_of
from implementations.torch_moments.deposit import evaluate, moments, row_blocks
from implementations.torch_moments.huge_pages import empty_rows
from implementations.torch_moments.tables import (
    height,
    stretch,
    sum_over_edges,
    sums_at_edges,
    tail,
)
from suite.registry import implements


def route(x, edges, bandwidth, weights=None, *, kernel="gaussian", density=False, overflow="drop"):
    """Which cells, or none, rows of this bandwidth get; of several bandwidths the first's."""
    together = not torch.is_tensor(bandwidth) or bandwidth.ndim == 0
    h = float(torch.as_tensor(bandwidth).reshape(-1)[0])
    double, rows = x.dtype == torch.float64, len(x) if together else 1
    cells = cells_of(kernel, double, edges.double(), h, rows, x.shape[1])
    if cells is None:
        return "every sample at every edge"
    return f"moments: {cells.fine_count:,} cells a row, {cells.fine_terms} terms"


@implements(
    "soft_histogram",
    framework="torch",
    devices=("cpu", "cuda"),
    dtypes=("float32", "float64", "float16", "bfloat16"),
    route=route,
)
def soft_histogram(
    x, edges, bandwidth, weights=None, *, kernel="gaussian", density=False, overflow="drop"
):
    """Soft counts of every row; arguments as in ``suite.operators.soft_histogram``.

    On a GPU it reads the edges and the bandwidth back. A compiled graph, which cannot, gets the
    direct sum.
    """
    counts = direct.Counts.apply
    if not torch.compiler.is_compiling():
        together = not torch.is_tensor(bandwidth) or bandwidth.ndim == 0
        counts = functools.partial(_Batched.apply, together)
    return direct.histogram(counts, x, edges, bandwidth, weights, kernel, density, overflow)


class _Counts(torch.autograd.Function):
    """As ``direct.Counts``; rows whose bandwidth is NaN have NaN counts and gradients.

    together: rows with a bandwidth share it, so that there is one table for all.
    """

    @staticmethod
    def forward(together, x, edges, bandwidth, weights, kernel):
        counts = edges.new_full((edges.shape[0], edges.shape[1] + 1), torch.nan)
        for rows, cells in _alike(together, kernel, x, edges, bandwidth):
            given, own, width, weight = _of(rows, x, edges, bandwidth, weights)
            if cells is None:
                counts[rows] = direct.Counts.forward(given, own, width, weight, kernel)
                continue
            sums = cells.gather_up(moments(given, weight, cells))
            tails = sums_at_edges(tail, kernel, cells, own[0], width[0], sums)
            hard = torch.zeros_like(counts[rows])
            hard.index_add_(1, cells.bins(own[0]), sums[:, 0])
            counts[rows] = hard - torch.nn.functional.pad(tails, (1, 1)).diff()
        if (rows := _faint(kernel, x, counts)).numel():
            given, own, width, weight = _of(rows, x, edges, bandwidth, weights)
            counts[rows] = direct.Counts.forward(given, own, width, weight, kernel)
        return counts

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.together, *tensors, ctx.kernel = inputs
        ctx.save_for_backward(*tensors, output)

    @staticmethod
    def backward(ctx, cotangent):
        wanted = tuple(ctx.needs_input_grad[1:5])
        options = ctx.together, ctx.kernel, wanted
        gradients = _gradients_once(cotangent, *ctx.saved_tensors, *options)
        return (None, *(g if w else None for g, w in zip(gradients, wanted, strict=True)), None)


def _gradients(cotangent, x, edges, bandwidth, weights, counts, together, kernel, wanted):
    """Gradients to x, edges, bandwidth, weights (R, ...); NaN, or nothing, where not wanted."""
    shapes = x.shape if wanted[0] else (len(x), 0), x.shape if wanted[3] else (len(x), 0)
    to_x, to_weights = (empty_rows(shape, x) for shape in shapes)
    to_edges, to_bandwidth = (
        torch.full_like(edges, torch.nan),
        torch.full_like(bandwidth, torch.nan),
    )
    faint = _faint(kernel, x, counts)
    for rows, cells in [
        *_alike(together, kernel, x, edges, bandwidth),
        *((faint, None) for _ in faint[:1]),
    ]:
        given, own, width, weight = _of(rows, x, edges, bandwidth, weights)
        g = cotangent[rows]
        if cells is None:
            found = direct.gradients_of_counts(g, given, own, width, weight, kernel, wanted)
            to_edges[rows], to_bandwidth[rows] = found[1], found[2]
            if wanted[0]:
                to_x[rows] = found[0]
            if wanted[3]:
                to_weights[rows] = found[3]
            continue
        at = kernel, cells, own[0], width[0]
        step = g.diff() / width[:, None]
        if wanted[1] or wanted[2]:
            sums = cells.gather_up(moments(given, weight, cells))
        if wanted[0]:
            pull = cells.hand_down(sum_over_edges(height, *at, step))
            _evaluate(pull, given, weight, cells, to_x, rows)
        if wanted[1]:
            to_edges[rows] = -step * sums_at_edges(height, *at, sums)
        if wanted[2]:
            to_bandwidth[rows] = (step * sums_at_edges(stretch, *at, sums)).sum(dim=1)
        if wanted[3]:
            masses = sum_over_edges(tail, *at, g.diff())
            masses[:, 0] += g[:, cells.bins(own[0])]
            masses = cells.hand_down(masses)
            _evaluate(masses, given, None, cells, to_weights, rows)
    # A sample that no edge sees would not notice that its row has no density.
    if (bad := bandwidth.isnan() | ~cotangent.isfinite().all(dim=1)).any():
        to_x[bad] = to_weights[bad] = torch.nan
    return to_x, to_edges, to_bandwidth, to_weights


def _evaluate(polynomials, x, weights, cells, out, rows):
    """Into those rows of ``out``, in place where they are a slice."""
    if isinstance(rows, slice):
        evaluate(polynomials, x, weights, cells, out[rows])
    else:
        out[rows] = evaluate(polynomials, x, weights, cells, torch.empty_like(out[rows]))


def _faint(kernel, x, counts):
    """Rows with next to nothing between the edges, of which float32's cells may have lost all."""
    if kernel not in FAINT or x.dtype == torch.float64:
        return torch.empty(0, dtype=torch.int64, device=x.device)
    return (counts[:, 1:-1].sum(1) < FAINT[kernel] * counts.sum(1)).nonzero()[:, 0]


def _alike(together, kernel, x, edges, bandwidth):
    """Rows that share edges and bandwidth, a slice or indices, and their cells or None.

    As many at a time as their moments allow; one by one unless they are ``together``. Rows without
    a bandwidth are left out.
    """
    groups: dict = {}
    others: list[int] = []
    for row, h in enumerate(bandwidth.tolist()):
        if not math.isnan(h):
            edged = 0 if edges.stride(0) == 0 else edges[row].numpy(force=True).tobytes()
            groups.setdefault((h, edged) if together else row, []).append(row)
    for mine in groups.values():
        h, own = float(bandwidth[mine[0]]), edges[mine[0]]
        # The whole batch's rows, so that a row's answer does not depend on others being good.
        rows = len(x) if together else 1
        cells = cells_of(kernel, x.dtype == torch.float64, own, h, rows, x.shape[1])
        if cells is None:
            others += mine
            continue
        for block in row_blocks(len(mine), cells):
            yield block if len(mine) == len(x) else torch.tensor(mine[block]), cells
    if others:
        yield slice(None) if len(others) == len(x) else torch.tensor(sorted(others)), None


def _of(rows, x, edges, bandwidth, weights):
    return x[rows], edges[rows], bandwidth[rows], None if weights is None else weights[rows]


_gradients_once = never_twice(_gradients, "soft_histogram")
_Batched = batched_over_rows(_Counts)
