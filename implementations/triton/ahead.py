"""Kernels compiled ahead of time, for a GPU that need not be here, and what each thread takes."""

import re
import subprocess
import tempfile
from pathlib import Path
from typing import NamedTuple

import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

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
