"""Budgets and cells of a gate, as a pyproject.toml has them."""

import pytest

from suite.compare.cells import Cell
from suite.gate.settings import of_table, read
from suite.sources import ROOT

CELL = Cell("soft_cut", "torch_eager", "torch", "steep", "forward", "cpu", "float32", "wall")
ON_GPU = CELL._replace(device="cuda")


def test_without_a_table_times_have_the_device_s_budget_and_counts_none():
    usual = of_table({})
    assert (usual.of(CELL, "time"), usual.of(ON_GPU, "time")) == (0.25, 0.05)
    assert usual.of(CELL, "flops") == usual.of(CELL, "registers") == 0
    assert usual.of(CELL, "value") == 1
    assert usual.processes == 6 and usual.environment["OMP_NUM_THREADS"] == "1"


def test_the_last_budget_that_fits_counts():
    settings = of_table(
        {
            "budget": [
                {"time": 0.5, "peak_memory": 0.2},
                {"implementation": "torch_*", "time": 1.0},
                {"implementation": "torch_eager", "case": "ties-*", "time": 3.0},
                {"device": "cuda", "time": 0.02},
            ]
        }
    )
    assert settings.of(CELL, "time") == 1.0
    assert settings.of(CELL._replace(case="ties-ordinal"), "time") == 3.0
    assert settings.of(CELL._replace(implementation="jax_xla"), "time") == 0.5
    assert settings.of(CELL, "peak_memory") == 0.2
    assert settings.of(ON_GPU, "time") == 0.02


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ({"proceses": 6}, "proceses: expected some of processes"),
        ({"processes": 0}, "processes = 0: expected a whole number, at least 1"),
        ({"threads": True}, "threads = True"),
        ({"cases": "tied"}, "cases = 'tied': expected a list"),
        ({"budget": {"time": 1}}, "array of tables"),
        ({"budget": [{"tim": 1}]}, "tim: expected some of"),
        ({"budget": [{"time": -0.1}]}, "time = -0.1: expected a number, at least 0"),
        ({"budget": [{"time": "25%"}]}, "time = '25%'"),
        ({"budget": [{"operator": "soft_cup", "time": 1}]}, "soft_cup"),
        ({"budget": [{"case": "steep"}]}, "allows nothing"),
        ({"budget": [{"case": "stepe", "time": 1}]}, "stepe"),
        ({"budget": [{"device": "gpu", "time": 1}]}, "device = .gpu."),
    ],
)
def test_what_a_table_may_not_have_is_named(table, says):
    with pytest.raises(ValueError, match=says.replace("(", r"\(")):
        of_table(table)


def test_a_file_that_is_no_toml_says_where(tmp_path):
    (tmp_path / "pyproject.toml").write_text("[tool\n")
    with pytest.raises(ValueError, match="pyproject.toml"):
        read(tmp_path / "pyproject.toml")


def test_the_house_s_own_table_is_sound():
    assert read(ROOT / "pyproject.toml").operators


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[tool]\ncdfbench = 3\n", "cdfbench = 3: expected a table"),
        ("[tool.cdfbench.gates]\n", "gates: expected some of gate"),
    ],
)
def test_a_table_of_another_name_or_kind_is_named(tmp_path, text, says):
    (tmp_path / "pyproject.toml").write_text(text)
    with pytest.raises(ValueError, match=says):
        read(tmp_path / "pyproject.toml")


def test_a_file_that_is_not_there_is_an_error_and_one_without_a_table_is_usual(tmp_path):
    with pytest.raises(ValueError, match="none.toml"):
        read(tmp_path / "none.toml")
    (tmp_path / "some.toml").write_text("[tool.other]\n")
    assert read(tmp_path / "some.toml") == of_table({})
