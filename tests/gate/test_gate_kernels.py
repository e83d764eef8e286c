"""Kernels of two trees: compiled by both where their sources differ, else nothing to compare."""

import pytest

from suite.gate import kernels
from suite.gate.settings import of_table

HEAD = "architecture,source,kernel,registers,spills\n"
PRINTS = "import sys\nprint(open('implementations/cuda/rows.cu').read(), end='')\n"
FAILS = "raise ImportError('no compiler here')\n"


def tree(folder, registers, module=PRINTS, kept=None):
    """A tree whose compiler prints what its source says."""
    place = folder / "implementations" / "cuda"
    place.mkdir(parents=True)
    for package in (place, place.parent):
        (package / "__init__.py").touch()
    (place / "ceilings.py").write_text(module)
    table = f"{HEAD}sm_90,rows.cu,rows,{registers},0\n"
    (place / "rows.cu").write_text(table)
    (place / "ceilings.csv").write_text(table if kept is None else kept)
    return folder


@pytest.fixture(autouse=True)
def one_family(monkeypatch):
    monkeypatch.setattr(kernels, "FAMILIES", {"cuda": ("implementations.cuda.ceilings",)})


def lines(found):
    return [str(f) for f in kernels.kernel_findings(found.changes, of_table({}))]


def test_a_register_more_is_told_by_compiling_both_whatever_ceilings_are_kept(tmp_path):
    kept = f"{HEAD}sm_90,rows.cu,rows,40,0\n"
    a, b = tree(tmp_path / "a", 40, kept=kept), tree(tmp_path / "b", 41, kept=kept)
    assert lines(kernels.kernels(a, b)) == ["cuda sm_90 rows.cu rows: registers 40 -> 41"]
    assert lines(kernels.kernels(b, a)) == []


def test_equal_sources_are_not_compiled(tmp_path):
    a, b = (tree(tmp_path / name, 40, FAILS) for name in "ab")
    found = kernels.kernels(a, b)
    assert found.changes == () and found.notes == ()


def test_where_nothing_can_be_compiled_ceilings_are_compared_and_why_is_told(tmp_path):
    a, b = tree(tmp_path / "a", 40, FAILS), tree(tmp_path / "b", 48, FAILS)
    found = kernels.kernels(a, b)
    assert lines(found) == ["cuda sm_90 rows.cu rows: registers 40 -> 48"]
    (note,) = found.notes
    assert "kept ceilings compared" in note and "no compiler here" in note


def test_compilers_get_no_more_time_than_there_is(tmp_path):
    slow = "import time\ntime.sleep(60)\n"
    a, b = tree(tmp_path / "a", 40, slow), tree(tmp_path / "b", 48, slow)
    found = kernels.kernels(a, b, patience=0.1)
    assert len(lines(found)) == 1 and "the time was up" in found.notes[0]
