"""What is launched for a soft histogram: samples at the edges they see, or moments, or both.

Nothing is read back: where moments are tried, rows that they do not suit are found on the device,
and the launches of either way leave the other's rows alone.
"""

import bisect
import ctypes
from typing import NamedTuple

from implementations.cuda.launch import POINTER, WHOLE, Launch, Parameter, storage

SOURCE = "soft_histogram.cu"
KERNELS = ("gaussian", "logistic", "triangular", "epanechnikov")
MOMENTS = ("gaussian", "logistic")

LEAST = 1 << 16
"""Samples of a row from which on moments are tried: their cells cost as much as some thousands."""

FEWEST_WORDS, MOST_WORDS = 4096, 1 << 16
SHARE = 1 << 14
"""Samples that a block deposits, at least."""

THREADS, DEPOSITING = 256, 1024
SHARED = 4096
ITEMS, MANY = (1, 8), 1024
"""Samples that a thread of the direct sum has: the latter where its block has more than MANY."""

LEAST_SHARED = 12288
"""Bytes that putting samples in the order of bins takes, however few they are."""


FORWARD_WORK = ("spilled", "deposits", "sums", "partial")
BACKWARD_WORK = ("g", "own", "flags", "table", "sums", "partial")
"""What launches leave to each other."""


class Options(NamedTuple):
    """The operator's keyword arguments."""

    kernel: str
    density: bool
    overflow: str


class Sizes(NamedTuple):
    """How a call is divided, as in soft_histogram_rows.cuh. moments: whether tried."""

    rows: int
    samples: int
    edges: int
    words: int
    blocks: int
    parts: int
    processors: int
    dtype: str
    moments: bool

    @property
    def item(self):
        """Bytes of an item as computed with."""
        return 8 if self.dtype == "float64" else 4


class Call(ctypes.Structure):
    """``Histogram`` in soft_histogram_rows.cuh."""

    _fields_ = [
        *((name, POINTER) for name in (
            "x", "edges", "weights", "cotangent", "output", "to_x", "to_weights", "to_edges",
            "to_bandwidth", "table", "spilled", "nodes", "sums", "partial", "counts", "g", "own",
            "deposits", "flags", "before",
        )),
        ("bandwidth", Parameter),
        *((name, WHOLE) for name in (
            "rows", "samples", "edge_count", "edge_stride", "weight_stride", "words", "blocks",
            "parts",
        )),
        *((name, ctypes.c_int) for name in ("kernel", "density", "reflect", "moments")),
    ]  # fmt: skip


def sizes(rows, samples, edges, dtype, kernel, weighted, device):
    """How a call of rows of samples is divided."""
    fixed, words = dtype != "float64" and not weighted, 0
    if kernel in MOMENTS and samples >= LEAST:
        most = device.shared // 4 if dtype != "float64" else MOST_WORDS
        words = min(most, max(FEWEST_WORDS, samples // 4))
    moments = words > 0
    each = -(-device.processors // rows)
    blocks = min(each, -(-samples // SHARE)) if moments and fixed else 0
    parts = -(-8 * device.processors // (rows * _tiles(edges)))
    parts = max(1, min(parts, -(-samples // THREADS)))
    return Sizes(
        rows, samples, edges, words, blocks, parts, device.processors, dtype, moments
    )  # fmt: skip


def _tiles(edges):
    """Of edges, the open bin's included, of which a block of the direct sum has one."""
    return -(-(edges + 1) // THREADS)


def forward_work(size):
    """Shapes of a row, and dtypes, of what the forward launches leave to each other, by name."""
    bins = size.edges + 1
    shapes = (
        ((size.words,), "float64"),
        ((size.blocks, size.words), "int32"),
        ((2, bins), "float64"),
        ((size.parts, 2, bins), "float64"),
    )
    return dict(zip(FORWARD_WORK, shapes, strict=True))


def backward_work(size):
    """The same of the backward launches."""
    bins = size.edges + 1
    shapes = (
        ((bins,), "float64"),
        ((size.edges,), "float64"),
        ((), "int32"),
        ((size.words,), "float64" if size.item == 8 else "float32"),
        ((2, bins), "float64"),
        ((size.parts, 2, bins), "float64"),
    )
    return dict(zip(BACKWARD_WORK, shapes, strict=True))


def call(size, options, arrays, bandwidth, edge_stride, weight_stride):
    """The structure for arrays' addresses by name; what is left out is null."""
    made = Call(**arrays)
    made.bandwidth = bandwidth
    made.rows, made.samples, made.edge_count = size.rows, size.samples, size.edges
    made.edge_stride, made.weight_stride = edge_stride, weight_stride
    made.words, made.blocks, made.parts = size.words, size.blocks, size.parts
    made.kernel = KERNELS.index(options.kernel)
    made.density, made.reflect = options.density, options.overflow == "reflect"
    made.moments = size.moments
    return made


def forward(size, made):
    """The launches that fill output, counts, flags and, with moments, nodes."""
    kind = storage(size.dtype)
    start = [_launch(f"plan<{kind}>", size.rows, THREADS, 0, made)]
    if size.moments:
        if size.blocks:
            shared = 4 * size.words
            depositing = size.rows * size.blocks
            start.append(_launch(f"deposit<{kind}>", depositing, DEPOSITING, shared, made))
        else:
            over, parts = _with_parts(made, _passing(size))
            name = f"deposit_doubles<{kind}>"
            start.append(_launch(name, size.rows * parts, THREADS, 0, over))
        start += [
            _launch(f"nodes<{kind}>", size.rows * _across(size), THREADS, 0, made),
            *_sums(size, made, kind, "false"),
            _launch(f"faint<{kind}, {THREADS}>", size.rows, THREADS, SHARED, made),
        ]
    return [
        *start,
        _direct(size, made, kind, "false"),
        _launch(f"finish<{kind}, {THREADS}>", size.rows, THREADS, SHARED, made),
    ]


def backward(size, made):
    """The launches that fill those of to_x, to_weights, to_edges, to_bandwidth that are not null.

    Edges and bandwidths need nodes of the forward pass.
    """
    kind = storage(size.dtype)
    launches = [_launch(f"cotangent<{kind}, {THREADS}>", size.rows, THREADS, SHARED, made)]
    if made.to_x:
        launches += _to_samples(size, made, kind, "false")
    if made.to_weights:
        launches += _to_samples(size, made, kind, "true")
    if made.to_edges or made.to_bandwidth:
        if size.moments:
            launches += _sums(size, made, kind, "true")
        launches += [
            _direct(size, made, kind, "true"),
            _launch(f"edges<{kind}, {THREADS}>", size.rows, THREADS, SHARED, made),
        ]
    return launches


def _to_samples(size, made, kind, weights):
    launches = []
    shared = size.item * size.words if size.moments and size.item == 4 else 0
    if size.moments:
        name = f"polynomials<{kind}, {weights}>"
        launches = [_launch(name, size.rows * _across(size), THREADS, 0, made)]
    threads = DEPOSITING if shared else THREADS
    over, parts = _with_parts(made, _passing(size, threads))
    name = f"evaluate<{kind}, {weights}, {'true' if shared else 'false'}>"
    return [*launches, _launch(name, size.rows * parts, threads, shared, over)]


def _sums(size, made, kind, backward):
    blocks = size.rows * (size.edges + 1)
    return [_launch(f"sums<{kind}, {backward}, {THREADS}>", blocks, THREADS, SHARED, made)]


def _direct(size, made, kind, backward):
    items = ITEMS[-(-size.samples // size.parts) > MANY]
    held = THREADS * items * (2 * size.item + 4)
    blocks = size.rows * size.parts * _tiles(size.edges)
    name = f"direct<{kind}, {backward}, {THREADS}, {items}>"
    return _launch(name, blocks, THREADS, max(LEAST_SHARED, held) + 16 * THREADS, made)


def _passing(size, threads=THREADS):
    """Blocks a row of a pass over the samples: a few for every processor."""
    wanted = -(-size.processors * 2048 // (threads * size.rows))
    return max(1, min(wanted, -(-size.samples // threads)))


def _across(size):
    """Blocks a row with a thread for each of its cells, which have three words at least."""
    return -(-(size.words // 3) // THREADS)


def _with_parts(made, parts):
    other = Call.from_buffer_copy(made)
    other.parts = parts
    return other, parts


def _launch(name, blocks, threads, shared, made):
    return Launch(SOURCE, f"soft_histogram_{name}", blocks, threads, shared, made)


def route(edges, bandwidth, size, kernel):
    """In words, which way a row of those edges and that bandwidth goes, as on the device."""
    single = size.dtype != "float64"
    choices = CHOICES[kernel, single] if size.moments else ()
    span = (edges[-1] - edges[0]) / bandwidth + 2 * REACH[kernel, single]
    for terms, density in choices:
        count = -int(-span * density // 1)
        if count * terms <= size.words:
            return f"moments: {count:,} cells a row, {terms} terms"
    seen = _edges_seen(edges, REACH[kernel, False] * bandwidth)
    if seen == len(edges):
        return "every sample at every edge"
    return f"samples at the edges they see: of {len(edges):,} on average {seen:.1f}"


def _edges_seen(edges, reach):
    """How many edges see a bin's samples, the mean of all bins, as window_of has it."""
    windows = (
        bisect.bisect_left(edges, edge + reach) - bisect.bisect_right(edges, edge - reach) + 1
        for edge in edges
    )
    return sum(windows) / (len(edges) + 1)


REACH = {
    ("gaussian", True): 14.5, ("gaussian", False): 39.0,
    ("logistic", True): 105.0, ("logistic", False): 746.0,
    **{(kernel, single): 1.0 for kernel in KERNELS[2:] for single in (True, False)},
}  # fmt: skip
CHOICES = {
    ("gaussian", True): ((3, 128), (4, 32), (6, 8), (9, 4)),
    ("gaussian", False): ((12, 16),),
    ("logistic", True): ((3, 16), (4, 4), (6, 1)),
    ("logistic", False): ((8, 4),),
}
