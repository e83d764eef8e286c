"""Triton compiles the shipped kernels for two generations of GPU, none of which is here.

Registers, spills and shared memory are exact: a kernel that takes more of any than ``ceilings.csv``
allows would run fewer programs at a time, or go to memory.
"""

import importlib.metadata
import io
import os
import subprocess
import sys

import pandas as pd
import pytest

pytest.importorskip("triton", reason="needs triton: pip install 'cdfbench[triton]'")

from suite.sources import ROOT

CEILINGS = pd.read_csv(ROOT / "implementations" / "triton" / "ceilings.csv")
TAKEN_WITH = "3.7"
"""Triton's version; another's compiler may take other registers for the same text."""


def said(*arguments):
    """By a Python of its own: in this one kernels may be interpreted."""
    environment = {k: v for k, v in os.environ.items() if k != "TRITON_INTERPRET"}
    command = [sys.executable, *arguments]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("architecture", sorted(CEILINGS["architecture"].unique()))
def test_no_kernel_takes_more_than_allowed(architecture):
    version = importlib.metadata.version("triton")
    if not version.startswith(f"{TAKEN_WITH}."):
        pytest.skip(f"ceilings were taken with triton {TAKEN_WITH}, this is {version}")
    allowed = CEILINGS[CEILINGS["architecture"] == architecture].set_index("kernel")
    out = said("-m", "implementations.triton.ahead", architecture.removeprefix("sm_"))
    found = pd.read_csv(io.StringIO(out)).set_index("kernel")
    assert set(found.index) == set(allowed.index)
    for resource in ("registers", "spills", "shared"):
        over = found[found[resource] > allowed[resource].reindex(found.index)]
        assert over.empty, f"{resource} of {list(over.index)}"


TRACED = """
import torch, triton
from torch._dynamo.backends.common import aot_autograd
from triton.backends.compiler import GPUTarget

class Driver:  # of a GPU that is not here: torch asks what to compile for, and nothing is run
    def get_current_target(self):
        return GPUTarget("cuda", 90, 32)

triton.runtime.driver.set_active(Driver())

class Traced(Exception):
    pass

def count(graph, inputs):
    calls = [str(node.target) for node in graph.graph.nodes if node.op == "call_function"]
    kernels = sum("triton_kernel_wrapper" in call for call in calls)
    print(name, kernels, sum("cdfbench" in call for call in calls))
    raise Traced

from suite import load

x = torch.rand(4, 100)
row = torch.rand(4)
for name, given, options in (
    ("batch_shaping", {"x": x, "a": row, "b": row}, {"prior": "beta", "clip": (0.1, 0.9)}),
    ("ecdf", {"x": x}, {"surrogate": "density", "scale": 0.3}),
    ("occupancy_entropy", {"z": x}, {"estimator": "sigmoid"}),
    ("soft_histogram", {"x": x, "edges": torch.rand(9), "bandwidth": row, "weights": x + 0}, {}),
):
    torch._dynamo.reset()
    given = {key: value.clone().requires_grad_() for key, value in given.items()}
    function = load(name, "triton_torch", check_values=False)
    backend = aot_autograd(fw_compiler=count)
    try:
        torch.compile(function, fullgraph=True, backend=backend)(**given, **options)
    except Exception as error:
        if "Traced" not in repr(error):
            raise
"""


def test_a_compiled_graph_sees_the_kernels_and_no_opaque_operator():
    pytest.importorskip("torch")
    found = {name: tuple(map(int, rest)) for name, *rest in map(str.split, _lines(TRACED))}
    assert found == {
        "batch_shaping": (2, 0),
        "ecdf": (1, 0),
        "occupancy_entropy": (2, 0),
        "soft_histogram": (1, 0),
    }


ON_A_CPU = """
import torch
from suite import load

x = torch.rand(4, 100)
try:
    load("ecdf", "triton_torch", check_values=False)(x)
except ValueError as error:
    print(error)
"""


def test_a_compiled_kernel_refuses_tensors_of_a_cpu():
    pytest.importorskip("torch")
    assert _lines(ON_A_CPU) == ["inputs are on cpu: triton_torch runs on cuda only"]


ON_ANOTHER_GPU = """
import contextlib
import torch
from implementations.triton.launch import Launch
from implementations.triton.positions import sorted_rows
from implementations.triton.torch import launch

class Given:  # as much of a tensor as a launch without outputs looks at
    device = torch.device("cuda:1")
    is_contiguous = staticmethod(lambda: True)

@contextlib.contextmanager
def current(device):
    print("enters", device)
    yield
    print("leaves", device)

def wrapped(kernel):
    return {(1,): lambda *given, **constants: print("launches")}

torch.cuda.device, launch.wrap_triton = current, wrapped
launch.launch(Launch(sorted_rows, (1,), (), (), {}), Given())
"""


def test_a_kernel_is_launched_on_the_gpu_of_its_tensors():
    pytest.importorskip("torch")
    assert _lines(ON_ANOTHER_GPU) == ["enters cuda:1", "launches", "leaves cuda:1"]


def _lines(program):
    return said("-c", program).strip().splitlines()
