"""Peak memory counts what a call needs beyond its input, to a tenth."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from suite.timing.plan import BUDGETS, CellPlan, Plan

ROOT = Path(__file__).resolve().parents[2]
SOURCE = """
import numpy as np
from suite.registry import implements

def _vjp(cotangent, wrt, x, *rest, **options):
    return (cotangent * x,)

@implements("soft_cut", framework="numpy", vjp=_vjp)
def soft_cut(x, threshold, steepness, *, keep="above"):
    hoard = np.ones({floats}, np.float64)
    return x + hoard[-1]
"""


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="needs Linux's /proc")
@pytest.mark.parametrize("megabytes", [64, 256])
def test_a_hoard_of_known_size_is_found(megabytes, tmp_path):
    file = tmp_path / "hoards.py"
    file.write_text(SOURCE.format(floats=megabytes << 17))
    cell = CellPlan("above-64x4096", "forward")
    plan = Plan("soft_cut", "hoards", "cpu", "memory", BUDGETS["quick"], (cell,), str(tmp_path),
                "journal.jsonl", (str(file),))  # fmt: skip
    plan.write(tmp_path / "plan.json")
    subprocess.run(
        [sys.executable, "-m", "suite.worker", str(tmp_path / "plan.json")], cwd=ROOT, check=True
    )
    lines = (tmp_path / "journal.jsonl").read_text().splitlines()
    (record,) = (json.loads(line) for line in lines if '"memory"' in line)
    expected = (megabytes + 1) << 20
    assert record["peak_memory"] == pytest.approx(expected, rel=0.1)
