"""NVRTC compiles the shipped kernels for three generations of GPU, none of which is here.

Registers and spills are exact: a kernel that takes more of either than ``ceilings.csv`` allows
would run fewer blocks at a time, or go to memory.
"""

import pandas as pd
import pytest

pytest.importorskip("cuda.core", reason="needs cuda-core and NVRTC: pip install 'cdfbench[cuda]'")

from implementations.cuda import ceilings
from implementations.cuda import compile as module
from implementations.cuda.resources import Resources, resources

ALLOWED = pd.read_csv(ceilings.CEILINGS)
TAKEN_WITH = (13, 5)
"""NVRTC's version; another's compiler may take other registers for the same text."""

DEVICES = pytest.mark.parametrize("device", ceilings.DEVICES, ids=lambda d: d.architecture)


@DEVICES
def test_every_kernel_that_planners_launch_has_a_ceiling_and_no_other_has(device):
    rows = ALLOWED[ALLOWED["architecture"] == device.architecture]
    listed = {(row.source, row.kernel) for row in rows.itertuples()}
    launched = {(source, n) for source, names in ceilings.kernels(device).items() for n in names}
    assert listed == launched, "python -m implementations.cuda.ceilings writes the table anew"
    assert {source for source, _ in launched} == {p.name for p in module.SOURCES.glob("*.cu")}


@DEVICES
def test_no_kernel_takes_more_registers_or_spills_than_allowed(device, tmp_path):
    if (version := module.nvrtc_version()) != TAKEN_WITH:
        pytest.skip(f"ceilings were taken with NVRTC {TAKEN_WITH}, this is {version}")
    taken = pd.DataFrame(ceilings.taken(device, tmp_path), columns=ceilings.COLUMNS)
    assert all(cubin.read_bytes()[:4] == b"\x7fELF" for cubin in tmp_path.glob("*.cubin"))
    both = taken.merge(ALLOWED, on=list(ceilings.COLUMNS[:3]), suffixes=("", "_allowed"))
    assert len(both) == len(taken) > 0
    above = both.query("registers > registers_allowed or spills > spills_allowed")
    assert above.empty, above.to_string()


def test_what_is_compiled_is_found_again_and_another_header_is_another_kernel(
    tmp_path, monkeypatch
):
    sources = tmp_path / "sources"
    sources.mkdir()
    (sources / "twice.cuh").write_text("__device__ float twice(float x) { return 2 * x; }\n")
    text = '#include "twice.cuh"\n__global__ void go(float* x) { x[0] = twice(x[1]); }\n'
    (sources / "go.cu").write_text(text)
    monkeypatch.setattr(module, "SOURCES", sources)
    first = module.compiled("go.cu", ("go",), "sm_90", tmp_path / "cache")
    stamp = first.cubin.stat().st_mtime_ns
    again = module.compiled("go.cu", ("go",), "sm_90", tmp_path / "cache")
    assert again == first and again.cubin.stat().st_mtime_ns == stamp
    assert resources(first)["go"] == Resources(resources(again)["go"].registers, 0)
    (sources / "twice.cuh").write_text("__device__ float twice(float x) { return x + x + 1; }\n")
    assert module.compiled("go.cu", ("go",), "sm_90", tmp_path / "cache").cubin != first.cubin
    for other in ("sm_80", "sm_100"):
        assert module.compiled("go.cu", ("go",), other, tmp_path / "cache").cubin != first.cubin


def test_kernels_that_are_launched_together_are_compiled_together_and_found_one_by_one(
    tmp_path, monkeypatch
):
    sources = tmp_path / "sources"
    sources.mkdir()
    text = "template <int N> __global__ void go(float* x) { x[0] = N; }\n"
    (sources / "go.cu").write_text(text)
    monkeypatch.setattr(module, "SOURCES", sources)
    names, cache = ("go<1>", "go<2>", "go<3>"), tmp_path / "cache"
    first = module.kernel("go.cu", "go<2>", names[:2], "sm_90", cache)
    assert first == module.kernel("go.cu", "go<2>", names, "sm_90", cache)
    assert module.kernel("go.cu", "go<1>", (), "sm_90", cache)[0] == first[0]
    assert len(list(cache.glob("*.cubin"))) == 1
    cubin, symbol = module.kernel("go.cu", "go<3>", names, "sm_90", cache)
    assert len(list(cache.glob("*.cubin"))) == 2 and cubin != first[0]
    assert symbol.encode() in cubin.read_bytes() and first[1] != symbol


def test_what_does_not_compile_says_where(tmp_path, monkeypatch):
    (tmp_path / "broken.cu").write_text("__global__ void go() { nothing(); }\n")
    monkeypatch.setattr(module, "SOURCES", tmp_path)
    with pytest.raises(Exception, match='identifier "nothing" is undefined'):
        module.compiled("broken.cu", ("go",), "sm_90", tmp_path / "cache")
    assert not (tmp_path / "cache").exists()


def test_a_report_that_leaves_a_kernel_out_is_no_report(tmp_path):
    kernels = module.Kernels(tmp_path / "x.cubin", {"go": "_Z2gov"}, "ptxas info : nothing\n")
    with pytest.raises(ValueError, match="_Z2gov"):
        resources(kernels)
