"""A reference is computed once, and never used for another case or other code."""

import numpy as np

from suite.judge import references
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
