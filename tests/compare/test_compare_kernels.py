"""Kernels of a comparison: those of what was chosen, and how many one side alone has."""

import pytest

from suite import results
from suite.compare.kernels import KernelChange, changes_between, on_one_side
from suite.compare.revision import Unmeasurable, is_checkout
from suite.compare.side import of_path
from suite.sources import ROOT

HEAD = "architecture,source,kernel,registers,spills\n"
CHANGE = KernelChange("cuda", "sm_90 ecdf.cu rows", "registers", 40.0, 48.0)


def test_a_kernel_is_of_its_operator_and_of_its_family():
    assert CHANGE.is_of((), ()) and CHANGE.is_of(("ecdf",), ("cuda_torch",))
    assert not CHANGE.is_of(("soft_cut",), ()) and not CHANGE.is_of((), ("numpy_scipy",))


def test_kernels_of_one_side_are_counted():
    before, after = f"{HEAD}sm_90,a.cu,rows,40,0\n", f"{HEAD}sm_90,a.cu,other,40,0\n"
    changes = changes_between("cuda", before, after)
    assert not any(change.known for change in changes)
    told = on_one_side([*changes, CHANGE], ("A", "B"))
    assert sorted(told) == ["cuda: 1 kernel(s) of A alone", "cuda: 1 kernel(s) of B alone"]


def test_tables_laid_out_otherwise_share_no_kernel():
    older = "source,kernel,registers,spills\na.cu,rows,40,0\n"
    assert changes_between("cuda", older, f"{HEAD}sm_90,a.cu,rows,48,0\n") == []


def test_a_tree_without_the_package_itself_is_none_of_ours(tmp_path):
    (tmp_path / "suite").mkdir()
    for name in ("suite/__main__.py", "pyproject.toml"):
        (tmp_path / name).touch()
    assert not is_checkout(tmp_path) and is_checkout(ROOT)
    assert issubclass(Unmeasurable, RuntimeError) and not Unmeasurable("x").regressed


def test_a_file_that_belongs_to_no_run_is_no_side():
    stray = next((ROOT / "results").glob("*/honest-checks.csv"))
    with pytest.raises(ValueError, match="no timed run"):
        of_path(stray)


def test_a_run_that_has_lost_its_record_is_told_and_other_kinds_are_none(tmp_path):
    machine = next((ROOT / "results").glob("*/*/quality.csv.gz")).parent.parent
    assert not of_path(machine).errors
    lost = tmp_path / "machine" / "run"
    lost.mkdir(parents=True)
    (lost / "cells.csv").write_text("x\n")
    runs, (error,) = results.read_all(tmp_path)
    assert runs == [] and "run.json" in str(error)
