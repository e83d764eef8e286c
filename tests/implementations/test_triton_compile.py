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


def taken(capability):
    """What ``implementations.triton.ahead`` prints: this process may have the interpreter."""
    environment = {k: v for k, v in os.environ.items() if k != "TRITON_INTERPRET"}
    command = [sys.executable, "-m", "implementations.triton.ahead", capability]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return pd.read_csv(io.StringIO(done.stdout)).set_index("kernel")


@pytest.mark.parametrize("architecture", sorted(CEILINGS["architecture"].unique()))
def test_no_kernel_takes_more_than_allowed(architecture):
    version = importlib.metadata.version("triton")
    if not version.startswith(f"{TAKEN_WITH}."):
        pytest.skip(f"ceilings were taken with triton {TAKEN_WITH}, this is {version}")
    allowed = CEILINGS[CEILINGS["architecture"] == architecture].set_index("kernel")
    found = taken(architecture.removeprefix("sm_"))
    assert set(found.index) == set(allowed.index)
    for resource in ("registers", "spills", "shared"):
        over = found[found[resource] > allowed[resource].reindex(found.index)]
        assert over.empty, f"{resource} of {list(over.index)}"
