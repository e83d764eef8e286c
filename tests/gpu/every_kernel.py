"""Calls that between them launch every kernel of ``implementations/cuda``.

Sizes are odd, so that no block is full. A row of ``LONG`` samples is longer than a block sorts, one
of ``MOMENTS`` is tried by moments, and in float64 needs the room for cells of ``WIDE``.
"""

import dataclasses

from suite.operators.base import Case, Operator

SHORT = 5, 331
LONG = 2, 16384 + 7
MOMENTS = 2, 65536 + 7
WIDE = 2, 131072 + 7

CALLS = {
    "batch_shaping": (
        ("beta-parameters-64x4096", SHORT, "float32"),
        ("beta-parameters-64x4096", LONG, "float32"),
        ("beta-wide-float64", SHORT, "float64"),
        ("beta-float16", LONG, "float16"),
        ("symbeta-bfloat16", SHORT, "bfloat16"),
        ("clip", SHORT, "float32"),
        ("normal-64x4096", SHORT, "float32"),
    ),
    "ecdf": (
        ("identity-64x4096", SHORT, "float32"),
        ("identity-64x4096", LONG, "float32"),
        ("density-16x1024", SHORT, "float32"),
        ("ties-mid-hazen-float64", SHORT, "float64"),
        ("float16", SHORT, "float16"),
    ),
    "occupancy_entropy": (
        ("sigmoid-64x4096", SHORT, "float32"),
        ("sigmoid-64x4096", LONG, "float32"),
        ("gumbel_straight_through-64x4096", SHORT, "float32"),
        ("mean_bernoulli-float64", LONG, "float64"),
        ("straight_through-bfloat16", SHORT, "bfloat16"),
    ),
    "soft_histogram": (
        ("n1e5-B50", SHORT, "float32"),
        ("n1e5-B50", MOMENTS, "float32"),
        ("everything", SHORT, "float32"),
        ("everything", MOMENTS, "float32"),
        ("everything", WIDE, "float64"),
        ("float16", MOMENTS, "float16"),
        ("bfloat16", SHORT, "bfloat16"),
    ),
}
"""By operator: a case of its, rows and samples, a dtype."""


def sized(case: Case, rows: int, samples: int) -> Case:
    """A case in another size; () stays ()."""
    sizes = {**case.sizes, "R": rows, "N": samples}
    return dataclasses.replace(case, name=f"{case.name} at {rows}x{samples}", sizes=sizes)


def cases(operator: Operator) -> tuple[Case, ...]:
    """The cases of those calls."""
    known = {case.name: case for case in operator.cases}
    return tuple(
        sized(dataclasses.replace(known[name], name=f"{name}, {dtype},", dtype=dtype), *size)
        for name, size, dtype in CALLS.get(operator.name, ())
    )
