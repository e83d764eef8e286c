"""Grids that CUDA takes: for every case of every operator, and every launch that it makes."""

import itertools

import pytest

pytest.importorskip("triton", reason="needs triton: pip install 'cdfbench[triton]'")

pytest.importorskip("torch")

import torch
import triton
import triton.language as tl
from interpreter import missing

from implementations.triton import (
    batch_shaping_rows,
    beta_table,
    direct_counts,
    moments,
    occupancy,
    pairs,
    positions,
)
from implementations.triton.batch_shaping_options import Options
from implementations.triton.launch import row_and_tile
from implementations.triton.ranks import sorts_inside
from suite.operators import get

MOST = 2**31 - 1, 65535, 65535
"""Programs on each axis (CUDA programming guide, technical specifications)."""


def batch_shaping(case, dtype, shape):
    options = Options(case.options["prior"], "weibull", "mid", False, False)
    inside = sorts_inside(dtype, shape[1])
    rows = batch_shaping_rows.inside_launch if inside else batch_shaping_rows.sorted_launch
    yield rows(options, dtype, shape, shape[0], shape[0], (True, True, True))
    yield beta_table.tables(dtype, False, shape[0], shape[0])


def ecdf(case, dtype, shape):
    inside = sorts_inside(dtype, shape[1])
    rows = positions.inside_launch if inside else positions.sorted_launch
    yield rows(shape, dtype, "mid", "hazen")
    if case.options["surrogate"] != "identity":
        yield pairs.pairs_launch(shape, dtype, case.options["surrogate"], "hazen")


def occupancy_entropy(case, dtype, shape):
    estimator = case.options["estimator"]
    yield occupancy.sums_launch(shape, True, estimator)
    yield occupancy.entropies_launch(shape, dtype, estimator)
    yield occupancy.gradients_launch(shape, dtype, True, estimator)


def soft_histogram(case, dtype, shape):
    kernel, edges = case.options.get("kernel", "gaussian"), case.sizes["E"]
    shapes = [shape]
    if one := moments.plan(kernel, shape[1], edges):
        shapes.append((shape[0], one.cells * one.terms))
        yield moments.deposit_launch(shape, one, True)
        yield moments.evaluate_launch(shape, dtype, one, True)
    for shape in shapes:
        yield direct_counts.counts_launch(shape, edges, kernel, True)
        yield direct_counts.at_edges_launch(shape, edges, kernel, True)
        yield direct_counts.at_samples_launch(shape, dtype, edges, kernel, True, True, True)


LAUNCHES = (batch_shaping, ecdf, occupancy_entropy, soft_histogram)


@pytest.mark.parametrize("launches", LAUNCHES, ids=lambda function: function.__name__)
def test_no_case_has_more_programs_on_an_axis_than_cuda_takes(launches):
    for case in get(launches.__name__).cases:
        dtype = case.dtype if case.dtype == "float64" else "float32"
        for step in launches(case, dtype, (case.sizes["R"], case.sizes["N"])):
            axes = itertools.zip_longest(step.grid, MOST, fillvalue=1)
            named = f"{step.kernel.__name__} in {case.name}: {step.grid}"
            assert all(1 <= programs <= most for programs, most in axes), named


def test_the_largest_histogram_needs_more_programs_than_the_second_axis_has():
    case = get("soft_histogram").case("n2p24-B1000")
    grids = [s.grid for s in soft_histogram(case, "float32", (1, case.sizes["N"]))]
    assert max(grids) > (65535,)


@triton.jit
def tell(told, extent, BLOCK: tl.constexpr):
    """told (3,): what ``row_and_tile`` says, in 64 bits."""
    row, first, left = row_and_tile(extent, BLOCK)
    tl.store(told, row)
    tl.store(told + 1, first)
    tl.store(told + 2, left.to(tl.int64))


@pytest.mark.skipif(missing() is not None, reason=str(missing()))
def test_a_tile_may_start_beyond_32_bits(monkeypatch):
    from triton.runtime.interpreter import interpreter_builder as builder

    program, told = 2**26, torch.zeros(3, dtype=torch.int64)
    plain = builder.set_grid_idx
    monkeypatch.setattr(builder, "set_grid_idx", lambda x, y, z: plain(program, y, z))
    monkeypatch.setattr(
        builder, "set_grid_dim", lambda *_: setattr(builder, "grid_dim", (2**30, 1, 1))
    )
    tell[(1,)](told, 2**32 + 5, BLOCK=64)
    assert told.tolist() == [0, 2**32, 5]
