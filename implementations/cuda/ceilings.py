"""Registers and spills that kernels may take, of what planners launch: ``ceilings.csv``.

    python -m implementations.cuda.ceilings > implementations/cuda/ceilings.csv

writes down what they take now. A source's launches are a line in ``launches``.
"""

import csv
import itertools
import sys
from pathlib import Path

from implementations.cuda import (
    batch_shaping,
    ecdf,
    occupancy_entropy,
    row_sort,
    soft_histogram,
)
from implementations.cuda.compile import compiled
from implementations.cuda.launch import Device, Parameter
from implementations.cuda.resources import resources

CEILINGS = Path(__file__).with_suffix(".csv")
COLUMNS = ("architecture", "source", "kernel", "registers", "spills")
DEVICES = (
    Device("sm_80", 163 * 1024, 108),
    Device("sm_90", 227 * 1024, 132),
    Device("sm_100", 227 * 1024, 148),
)
DTYPES = ("float32", "float64", "float16", "bfloat16")
SIZES = tuple(threads * items for threads, items in row_sort.BLOCKS)
ONE = Parameter.number(1.0)


def launches(device):
    """Of every source on a GPU, one launch or more of every template."""
    for dtype, prior, samples in (
        *itertools.product(("float32",), batch_shaping.PRIORS, SIZES),
        ("float64", "beta", 1024), ("float16", "normal", 4096), ("bfloat16", "normal", 4096),
    ):  # fmt: skip
        options = batch_shaping.Options(prior, "weibull", "mid", False, 0.0, 1.0)
        arrays = batch_shaping.Arrays(*(0,) * 5, ONE, ONE)
        rest = 1, samples, dtype, options
        if batch_shaping.block(samples, dtype, prior, device):
            yield from batch_shaping.rows(arrays, *rest, device)
        yield from batch_shaping.sorted_rows(arrays, 0, 0, 0, *rest, wide=True)
    for dtype, samples in itertools.product(DTYPES, SIZES):
        if row_sort.block(samples, dtype, device) and (dtype == "float32" or samples == SIZES[0]):
            yield from ecdf.rows(0, 0, 1, samples, dtype, "ecdf", "max", device)
    for dtype in DTYPES:
        yield from ecdf.sorted_rows(0, 0, 0, 1, 4096, dtype, "ecdf", "max", wide=True)
    for dtype, surrogate in itertools.product(DTYPES, ecdf.PAIRS):
        yield from ecdf.pairs(0, 0, 0, 1, 4096, dtype, "ecdf", surrogate, 1.0)
    for dtype, estimator in itertools.product(DTYPES, occupancy_entropy.ESTIMATORS):
        arrays = occupancy_entropy.Arrays(0, 0, ONE)
        rest = 1, 1 << 20, dtype, estimator
        yield from occupancy_entropy.values(arrays, 0, 0, 0, *rest, 2)
        yield from occupancy_entropy.gradient(arrays, 0, 0, 0, *rest)
    wanted = dict.fromkeys(("to_x", "to_weights", "to_edges", "to_bandwidth"), 1)
    options = soft_histogram.Options("gaussian", False, "drop")
    long = (1, 1 << 24, 51)
    shapes = (1, 4096, 51), (1, 4096, 1001), long
    for dtype, shape, weighted in (
        *itertools.product(("float32", "float64"), shapes, (False, True)),
        *(("bfloat16", long, weighted) for weighted in (False, True)),
    ):
        size = soft_histogram.sizes(*shape, dtype, "gaussian", weighted, device)
        made = soft_histogram.call(size, options, wanted, ONE, 0, 0)
        yield from soft_histogram.forward(size, made)
        yield from soft_histogram.backward(size, made)


def kernels(device):
    """Names of what is launched, by source."""
    found = {}
    for one in launches(device):
        found.setdefault(one.source, {})[one.kernel] = None
    return {source: tuple(names) for source, names in found.items()}


def taken(device, folder=None):
    """Rows of COLUMNS: what every kernel takes. folder: of the compiled, else the user's cache."""
    for source, names in kernels(device).items():
        used = resources(compiled(source, names, device.architecture, folder))
        for name in names:
            yield device.architecture, source, name, *used[name]


if __name__ == "__main__":
    written = csv.writer(sys.stdout, lineterminator="\n")
    written.writerow(COLUMNS)
    for device in DEVICES:
        written.writerows(taken(device))
