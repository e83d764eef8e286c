"""A reference is computed once, and never used for another case or other code."""

import dataclasses
import itertools
from pathlib import Path

import numpy as np
import pytest

from suite import cache, operators
from suite.judge import references
from suite.judge.correctness import Expected
from suite.judge.references import References
from suite.operators import get


def test_a_kept_reference_is_the_computed_one(tmp_path, monkeypatch):
    monkeypatch.setattr(references, "WORTH_KEEPING", 0.0)
    operator = get("soft_cut")
    case = operator.case("below-parameters")
    computed = References(tmp_path).of(operator, case)
    assert len(list(tmp_path.iterdir())) == 3
    monkeypatch.setattr(references, "expected", None)  # a second computation would fail
    kept = References(tmp_path).of(operator, case)
    for base, expected in computed.items():
        for name, array in expected.reference.items():
            np.testing.assert_array_equal(kept[base].reference[name], array)
            np.testing.assert_array_equal(kept[base].allowed[name], expected.allowed[name])


def test_another_case_has_another_reference(tmp_path, monkeypatch):
    monkeypatch.setattr(references, "WORTH_KEEPING", 0.0)
    operator = get("soft_cut")
    found = References(tmp_path)
    one = found.of(operator, operator.case("below-parameters"))[0].reference["output"]
    two = found.of(operator, operator.case("scalar-parameters-float64"))[0].reference["output"]
    assert one.shape == two.shape
    assert np.abs(one - two).max() > 0.1


def test_only_what_took_long_is_kept_and_under_a_name_that_says_whose_it_is(tmp_path, monkeypatch):
    operator = get("soft_cut")
    case = operator.case("below-parameters")
    ticks = itertools.count(step=0.9 * references.WORTH_KEEPING)
    monkeypatch.setattr(references.time, "perf_counter", lambda: float(next(ticks)))
    References(tmp_path / "quick").of(operator, case)
    assert not (tmp_path / "quick").exists()
    ticks = itertools.count(step=1.1 * references.WORTH_KEEPING)
    References(tmp_path / "a" / "slow").of(operator, case)
    key = references._key(operator, case)
    names = {f"soft_cut-below-parameters-{base}-{key}.npz" for base in range(3)}
    assert {path.name for path in (tmp_path / "a" / "slow").iterdir()} == names
    assert references.WORTH_KEEPING == 0.2
    assert len(key) == 16


def test_the_last_case_stays_in_memory_and_no_other(tmp_path, monkeypatch):
    operator = get("soft_cut")
    one, two = operator.case("below-parameters"), operator.case("steep")
    computed = []
    monkeypatch.setattr(references, "expected", lambda o, c, base: computed.append((c.name, base)))
    found = References(tmp_path)
    assert found.of(operator, one) is found.of(operator, one)
    assert computed == [("below-parameters", base) for base in range(3)]
    found.of(operator, two)
    found.of(operator, one)
    assert len(computed) == 9
    other = dataclasses.replace(operator, name="another")
    found.of(other, one)
    assert len(computed) == 12


@pytest.fixture
def copied(tmp_path, monkeypatch):
    """A copy of the code that a reference depends on, to be edited."""
    suite = Path(operators.__path__[0]).parent
    for path in (*suite.glob("*.py"), *suite.glob("operators/*.py"), *suite.glob("judge/*.py")):
        copy = tmp_path / "suite" / path.relative_to(suite)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(path.read_bytes())
    monkeypatch.setattr(operators, "__path__", [str(tmp_path / "suite" / "operators")])
    return tmp_path / "suite"


@pytest.mark.parametrize(
    ("file", "matters"),
    [
        ("operators/batch_shaping.py", True),
        ("operators/batch_shaping_cases.py", True),
        ("operators/base.py", True),
        ("priors.py", True),
        ("judge/correctness.py", True),
        ("operators/ecdf.py", False),
        ("judge/conduct.py", False),
    ],
)
def test_a_reference_belongs_to_the_code_that_computed_it(file, matters, copied):
    operator = get("batch_shaping")
    before = references._key(operator, operator.cases[0])
    assert references._key(operator, operator.cases[0]) == before
    with (copied / file).open("a") as source:
        source.write("# edited\n")
    assert (references._key(operator, operator.cases[0]) != before) == matters


def test_a_reference_belongs_to_its_case_and_to_the_libraries(monkeypatch):
    operator = get("soft_cut")
    case = operator.case("below-parameters")
    keys = {references._key(operator, case)}
    keys.add(references._key(operator, dataclasses.replace(case, seed=1)))
    for library in (references.np, references.scipy):
        with monkeypatch.context() as patch:
            patch.setattr(library, "__version__", "0.0")
            keys.add(references._key(operator, case))
    assert len(keys) == 4


def test_a_reference_is_written_aside_and_read_whatever_its_names(tmp_path):
    path = tmp_path / "new" / "folder" / "x.npz"
    found = Expected({"output": np.ones(2), "x": np.zeros(3)}, {"output": np.full(2, 0.5)})
    references._write(path, found)
    references._write(path, found)
    assert [p.name for p in path.parent.iterdir()] == ["x.npz"]
    read = references._read(path)
    assert list(read.reference) == ["output", "x"] and list(read.allowed) == ["output"]
    np.testing.assert_array_equal(read.allowed["output"], [0.5, 0.5])


def test_where_nobody_says_references_are_kept_in_the_cache():
    assert References().folder == cache.folder("references")


def test_a_reference_that_would_run_code_is_not_read(tmp_path):
    path = tmp_path / "pickled.npz"
    with path.open("wb") as stream:
        np.savez(stream, **{"reference/output": np.array([{"a": 1}], dtype=object)})
    with pytest.raises(ValueError, match="allow_pickle"):
        references._read(path)


def test_names_with_a_slash_are_kept_whole(tmp_path):
    found = Expected({"a/b": np.ones(2)}, {"a/b": np.zeros(2)})
    references._write(tmp_path / "x.npz", found)
    kept = references._read(tmp_path / "x.npz")
    np.testing.assert_array_equal(kept.reference["a/b"], [1, 1])
    np.testing.assert_array_equal(kept.allowed["a/b"], [0, 0])


def test_large_cases_are_prepared_beforehand_once_and_are_what_would_have_been_computed(
    tmp_path, monkeypatch
):
    operator = get("soft_cut")
    large, small = operator.case("above-64x4096"), operator.case("below-parameters")
    monkeypatch.setattr(references, "LARGE", 64 * 4096)
    found = References(tmp_path)
    assert list(found.prepare([(operator, small)], 2)) == []
    assert list(found.prepare([(operator, small), (operator, large)], 2)) == [
        (done, 3) for done in range(4)
    ]
    assert list(found.prepare([(operator, large)], 2)) == []
    want = references.expected(operator, large, 1)
    monkeypatch.setattr(references, "expected", None)  # a second computation would fail
    got = found.of(operator, large)[1]
    for name, array in want.reference.items():
        np.testing.assert_array_equal(got.reference[name], array)
        np.testing.assert_array_equal(got.allowed[name], want.allowed[name])
