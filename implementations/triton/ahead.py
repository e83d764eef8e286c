"""Kernels compiled ahead of time, for a GPU that need not be here, and what each thread takes.

``python -m implementations.triton.ahead 80 90`` prints as CSV what ``ceilings.csv`` allows at most.
"""

import csv
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

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
from implementations.triton.launch import Launch

POINTERS = {"float32": "*fp32", "float64": "*fp64", "int32": "*i32", "int64": "*i64"}


class Resources(NamedTuple):
    """registers: a thread's. spills: bytes a thread stores for want of them. shared: bytes."""

    registers: int
    spills: int
    shared: int


def resources(step: Launch, inputs: tuple[str, ...], capability: int) -> Resources:
    """Compile a launch's kernel for inputs of those dtypes; capability: 90 for sm_90.

    Raises what Triton or ptxas raise.
    """
    kinds = [*inputs, *(output.dtype for output in step.outputs)]
    names = step.kernel.arg_names
    signature = dict.fromkeys(names, "constexpr")
    signature |= dict.fromkeys(names[: len(names) - len(step.constants)], "i32")
    signature |= {name: POINTERS[kind] for name, kind in zip(names, kinds, strict=False)}
    aligned = {(i,): [["tt.divisibility", 16]] for i in range(len(kinds))}
    source = ASTSource(step.kernel, signature, step.constants, aligned)
    target = GPUTarget("cuda", capability, 32)
    made = triton.compile(source, target=target, options={"num_warps": step.warps})
    registers, spills = _reported(made.asm["ptx"])
    return Resources(registers, spills, made.metadata.shared)


def _reported(ptx):
    """Registers and spilled bytes, as the wheel's ptxas reports them."""
    ptxas = Path(triton.__file__).parent / "backends" / "nvidia" / "bin" / "ptxas"
    architecture = re.search(r"\.target (\w+)", ptx)[1]
    with tempfile.TemporaryDirectory() as folder:
        text, cubin = Path(folder, "kernel.ptx"), Path(folder, "kernel.cubin")
        text.write_text(ptx, encoding="utf-8")
        command = [ptxas, "-v", f"--gpu-name={architecture}", text, "-o", cubin]
        said = subprocess.run(command, check=True, capture_output=True, text=True).stderr
    return int(re.search(r"Used (\d+) registers", said)[1]), int(
        re.search(r"(\d+) bytes spill stores", said)[1]
    )


def shipped():
    """Every kernel in the forms that take most: name, launch, its inputs' dtypes."""
    single, double, place = "float32", "float64", "int64"
    every = (True, True, True)
    for dtype in (single, double):
        yield f"beta_tables {dtype}", beta_table.tables(dtype, False, 4, 4), (dtype, dtype)
    for prior, samples in (("normal", 1024), ("relaxed_bernoulli", 1024), ("beta", 4096)):
        options = Options(prior, "weibull", "mid", False, True)
        step = batch_shaping_rows.inside_launch(options, single, (4, samples), 4, 4, every)
        inputs = (single, single, single, single, double, double)
        yield f"batch_shaping_rows.rows {prior} {samples}", step, inputs
    for dtype in (single, double):
        options = Options("beta", "weibull", "mid", False, True)
        step = batch_shaping_rows.sorted_launch(options, dtype, (4, 32768), 4, 4, every)
        inputs = (dtype, place, dtype, dtype, dtype, dtype, double, double)
        yield f"batch_shaping_rows.sorted_rows beta {dtype}", step, inputs
    step = positions.inside_launch((4, 4096), single, "mid", "hazen")
    yield "positions.rows 4096", step, (single,)
    for dtype in (single, double):
        step = positions.sorted_launch((4, 32768), dtype, "mid", "hazen")
        yield f"positions.sorted_rows {dtype}", step, (dtype, place)
        for surrogate in pairs.SURROGATES:
            step = pairs.pairs_launch((4, 4096), dtype, surrogate, "weibull")
            yield f"pairs {surrogate} {dtype}", step, (dtype, dtype, dtype, double)
    for kind in occupancy.ESTIMATORS:
        step = occupancy.sums_launch((4, 4096), True, kind)
        yield f"tile_sums {kind}", step, (single, single, double)
        yield f"entropies {kind}", occupancy.entropies_launch((4, 4096), single, kind), (double,)
        step = occupancy.gradients_launch((4, 4096), single, True, kind)
        yield f"gradients {kind}", step, (single, single, single, double, double)
    for kernel in direct_counts.KERNELS:
        given = (single, double, double, single)
        step = direct_counts.counts_launch((4, 4096), 51, kernel, True)
        yield f"counts {kernel}", step, given
        step = direct_counts.at_edges_launch((4, 4096), 51, kernel, True)
        yield f"at_edges {kernel}", step, given
        step = direct_counts.at_samples_launch((4, 4096), single, 51, kernel, True, True, True)
        yield f"at_samples {kernel}", step, (*given, double)
    one = moments.Plan(2880, 12, 39.0, 16)
    yield "deposit", moments.deposit_launch((4, 4096), one, True), (single, single, double)
    inputs = (single, single, double, double)
    yield "evaluate", moments.evaluate_launch((4, 4096), single, one, True), inputs


def main(capabilities):
    """Compile every shipped kernel for these, and write what each takes to standard output."""
    out = csv.writer(sys.stdout, lineterminator="\n")
    out.writerow(("architecture", "kernel", *Resources._fields))
    for capability in capabilities:
        for name, step, inputs in shipped():
            out.writerow((f"sm_{capability}", name, *resources(step, inputs, capability)))


if __name__ == "__main__":
    main(map(int, sys.argv[1:]))
