"""Torch and jax descend side by side in float64, and what counts as parting."""

import numpy as np
import pytest

from suite import operators
from suite.reproduce import forum_entropy, forum_network, relaxed_shift
from suite.reproduce.agreement import AGAINST, in_tolerances
from suite.reproduce.claims import Evidence, Found, Record, Trial, Unsupported
from suite.reproduce.published import published
from suite.reproduce.side_by_side import side_by_side, stay_together
from suite.reproduce.training import Path

pytest.importorskip("torch")


@pytest.mark.parametrize("source", [forum_network, forum_entropy, relaxed_shift])
def test_jax_takes_torchs_steps(source):
    pytest.importorskip("jax")
    n = source.agreement(Trial("jax_xla")).numbers
    assert n["operator"] < 0.1
    assert n["apart"] < 1e-10
    assert n["moved"] > 5e-3


def same(name):
    return 0.5, {"x": np.array([1.0, -2.0])}


def path(at):
    return Path(np.zeros(2), {}, np.arange(3), {"x": np.array([[0.0], [1.0], [at]])})


def test_the_largest_difference_of_any_step_counts():
    paths = {AGAINST: path(2.0), "other": path(2.0 + 3e-9)}
    record = side_by_side("ecdf", same, paths.__getitem__, Trial("other"))
    told = {"operator": 0.0, "steps": 2.0, "apart": 3e-9, "moved": 2.0}
    assert record.numbers == pytest.approx(told, rel=1e-6)
    paths["other"] = path(np.nan)
    lost = side_by_side("ecdf", same, paths.__getitem__, Trial("other")).numbers
    assert np.isnan(lost["apart"])

    def refuted(apart, operator=0.5):
        changed = {"apart": apart, "operator": operator}
        found = Found({("e", "i", "exact"): Record({**record.numbers, **changed})})
        return stay_together(
            Evidence(published("forum")["networks-agree"], "e", "i", found)
        ).refutes

    assert refuted(3e-9)
    assert refuted(float("nan"))
    assert not refuted(1e-10)
    assert refuted(1e-10, operator=1.1)
    assert refuted(1e-10, operator=float("nan"))


def test_a_difference_at_the_start_is_counted_in_the_operators_tolerances():
    tolerance = operators.get("ecdf").tolerance("float64")
    slopes = np.array([1.0, -2.0])

    def at(loss, off):
        points = {AGAINST: (0.5, {"x": slopes}), "other": (loss, {"x": slopes + off})}
        return in_tolerances("ecdf", points.__getitem__, "other")

    assert at(0.5, 0.0) == 0
    # The largest slope is 2; a rounding of the number itself is allowed beside it.
    assert at(0.5, np.array([6 * tolerance, 0.0])) == pytest.approx(3, rel=0.02)
    assert at(0.5 * (1 + 4 * tolerance), 0.0) == pytest.approx(4, rel=0.02)
    assert np.isnan(at(0.5, np.array([0.0, np.nan])))
    hard = 0.5, {"x": np.array([1.0, 30.0])}
    off = {AGAINST: (0.5, {"x": slopes}), "other": (0.5, {"x": slopes + [0, 60 * tolerance]})}
    assert in_tolerances("ecdf", off.__getitem__, "other", hard) == pytest.approx(2, rel=0.02)


@pytest.mark.parametrize("name", [AGAINST, "published_forum"])
def test_nothing_is_held_against_itself_nor_another_formula(name):
    with pytest.raises(Unsupported):
        side_by_side("ecdf", same, lambda name: path(2.0), Trial(name))
