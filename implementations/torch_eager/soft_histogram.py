"""Soft histogram in plain torch, blocked over samples: memory does not grow with N x B.

With S(z) the kernel's upper tail for z >= 0 and minus its lower tail for z < 0, a sample's mass
between two edges is S(z_l) - S(z_r), plus one if the sample lies between them: differences are
taken on the side where they are small, with one tail an edge. So the counts are an ordinary
histogram plus the step of one sum per edge. Two open bins catch what lies outside the edges.

Tails and sums are float64 inside a block, whatever the samples are: eight bandwidths away a
float32 z alone is off by 1e-5, and the tails at both ends of a bin of 0.002 bandwidths cancel.
Bins are right to 1e-5 of themselves down to widths of 1e-9 bandwidths.
"""

import torch

from implementations.torch_eager.first_order import batched_over_rows, never_twice
from implementations.torch_eager.kernels import density as kernel_density
from implementations.torch_eager.kernels import signed_tail
from suite.registry import implements

_CPU_BLOCK = 1 << 18
_CUDA_BLOCK = 1 << 24
_DIRECT = 10**9


def too_much_work(case):
    work = case.sizes["R"] * case.sizes["N"] * case.sizes["B"]
    return f"O(n B): n B = {work:.1e} is above {_DIRECT:.0e}" if work > _DIRECT else None


@implements(
    "soft_histogram",
    framework="torch",
    devices=("cpu", "cuda"),
    dtypes=("float32", "float64", "float16", "bfloat16"),
    skip=too_much_work,
)
def soft_histogram(
    x, edges, bandwidth, weights=None, *, kernel="gaussian", density=False, overflow="drop"
):
    """Soft counts of every row; arguments as in ``suite.operators.soft_histogram``."""
    apply = (Counts if torch.compiler.is_compiling() else _BatchedCounts).apply
    return histogram(apply, x, edges, bandwidth, weights, kernel, density, overflow)


def histogram(counts, x, edges, bandwidth, weights, kernel, density, overflow):
    """From counts(x, edges (R, E), bandwidth (R,), weights (R, N) or None, kernel) to the result.

    counts gives (R, E + 1), an open bin at either end; edges and bandwidth reach it in float64, the
    bandwidth of a row that cannot be counted as NaN.
    """
    rows = x.shape[0]
    bounds = edges.to(torch.float64)
    h = torch.as_tensor(bandwidth, dtype=torch.float64, device=x.device).expand(rows)
    # Added, not selected, so that the gradients of a poisoned row are NaN as well.
    h = h + _poison(x.detach(), bounds.detach(), h.detach(), weights)
    if weights is not None:
        weights = weights.expand(x.shape)
    found = counts(x, bounds.expand(rows, -1), h, weights, kernel)
    inside = found[:, 1:-1]
    if overflow == "reflect":
        rest = inside.shape[1] - 1
        pad = torch.nn.functional.pad
        inside = inside + pad(found[:, :1], (0, rest)) + pad(found[:, -1:], (rest, 0))
    if density:
        inside = inside / inside.sum(dim=1, keepdim=True) / bounds.diff()
    return inside.to(x.dtype)


def _poison(x, edges, bandwidth, weights):
    """NaN for rows with NaN or bad weights, and for all rows if the edges are bad; else zero."""
    good = edges.isfinite().all() & (edges.diff() > 0).all() & (bandwidth > 0)
    good = good & bandwidth.isfinite() & ~x.amax(dim=1).isnan()
    if weights is not None:
        weights = weights.detach()
        good = good & (weights.amin(dim=-1) >= 0) & (weights.amax(dim=-1) < torch.inf)
    return torch.where(good, 0.0, torch.nan).to(bandwidth.dtype)


def _blocks(rows, samples, edges, device):
    """Slices of rows and of samples whose distances to all edges fit into one block."""
    if torch.compiler.is_compiling():
        return [(slice(0, rows), slice(0, samples))]
    block = max(1, (_CUDA_BLOCK if device.type == "cuda" else _CPU_BLOCK) // edges)
    across = max(1, block // samples)
    return [
        (slice(r, min(r + across, rows)), slice(s, min(s + block, samples)))
        for r in range(0, rows, across)
        for s in range(0, samples, block)
    ]


def _distances(x, edges, h):
    """Samples in float64, and every edge's distance from them in bandwidths (rows, E, samples)."""
    # Infinite samples would make z k(z) NaN; a thousand bandwidths outside are as good.
    x = x.double().clamp(edges[:, :1] - 1000 * h, edges[:, -1:] + 1000 * h)
    return x, (edges[:, :, None] - x[:, None, :]).div_(h[:, :, None])


def _bins(edges, x):
    """The open or closed bin, 0 to E, that every sample lies in."""
    return torch.searchsorted(edges.contiguous(), x.contiguous())


def _over_samples(values, weights):
    """Weighted sum over a block's samples: (rows, E, samples) to (rows, E)."""
    if weights is None:
        return values.sum(dim=-1)
    if torch.compiler.is_compiling():  # a product with a matrix would store the matrix
        return (values * weights.double()[:, None, :]).sum(dim=-1)
    return torch.matmul(values, weights.double()[:, :, None]).squeeze(-1)


def _over_edges(steps, values):
    """Sum over the edges: (rows, E) and (rows, E, samples) to (rows, samples)."""
    if torch.compiler.is_compiling():
        return (steps[:, :, None] * values).sum(dim=1)
    return torch.matmul(steps[:, None, :], values).squeeze(1)


class Counts(torch.autograd.Function):
    """Counts (R, E + 1) of x (R, N) between edges (R, E), with one open bin at either end."""

    @staticmethod
    def forward(x, edges, bandwidth, weights, kernel):
        (rows, samples), size = x.shape, edges.shape[1]
        tails = edges.new_zeros(rows, size)
        hard = edges.new_zeros(rows, size + 1)
        for r, s in _blocks(rows, samples, size, x.device):
            near, z = _distances(x[r, s], edges[r], bandwidth[r, None])
            weight = None if weights is None else weights[r, s]
            tails[r] += _over_samples(signed_tail(z, kernel), weight)
            one = torch.ones_like(near) if weight is None else weight.double()
            hard[r] = hard[r].scatter_add(1, _bins(edges[r], near), one)
        return hard - torch.nn.functional.pad(tails, (1, 1)).diff()

    @staticmethod
    def setup_context(ctx, inputs, output):
        *tensors, ctx.kernel = inputs
        ctx.save_for_backward(*tensors)

    @staticmethod
    def backward(ctx, cotangent):
        wanted = tuple(ctx.needs_input_grad[:4])
        gradients = _gradients_once(cotangent, *ctx.saved_tensors, ctx.kernel, wanted)
        return (*(g if w else None for g, w in zip(gradients, wanted, strict=True)), None)


def gradients_of_counts(cotangent, x, edges, bandwidth, weights, kernel, wanted):
    """Gradients to x, edges, bandwidth, weights (R, ...); zeros (R, 1) where not wanted."""
    (rows, samples), size = x.shape, edges.shape[1]
    nothing = edges.new_zeros(rows, 1)
    step = cotangent.diff() / bandwidth[:, None]
    to_x = torch.empty_like(x, memory_format=torch.contiguous_format) if wanted[0] else nothing
    to_weights = x.new_empty(rows, samples) if wanted[3] else nothing
    to_edges, to_bandwidth = edges.new_zeros(rows, size), edges.new_zeros(rows, size)
    for r, s in _blocks(rows, samples, size, x.device):
        near, z = _distances(x[r, s], edges[r], bandwidth[r, None])
        weight = None if weights is None else weights[r, s]
        if any(wanted[:3]):
            k = kernel_density(z, kernel)
        if wanted[0]:
            pull = _over_edges(step[r], k)
            to_x[r, s] = pull if weight is None else pull * weight
        if wanted[1]:
            to_edges[r] -= step[r] * _over_samples(k, weight)
        if wanted[2]:
            to_bandwidth[r] += step[r] * _over_samples(k * z, weight)
        if wanted[3]:
            inside = cotangent[r].gather(1, _bins(edges[r], near))
            to_weights[r, s] = inside + _over_edges(cotangent[r].diff(), signed_tail(z, kernel))
    return to_x, to_edges, to_bandwidth.sum(dim=1), to_weights


_gradients_once = never_twice(gradients_of_counts, "soft_histogram")
_BatchedCounts = batched_over_rows(Counts)
