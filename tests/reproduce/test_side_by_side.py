"""Torch and jax descend side by side in float64, and what counts as parting."""

import numpy as np
import pytest

from suite.reproduce import forum_entropy, forum_network, relaxed_shift
from suite.reproduce.agreement import AGAINST
from suite.reproduce.claims import Evidence, Found, Record, Trial, Unsupported
from suite.reproduce.published import published
from suite.reproduce.side_by_side import side_by_side, stay_together
from suite.reproduce.training import Path

pytest.importorskip("torch")


@pytest.mark.parametrize("source", [forum_network, forum_entropy, relaxed_shift])
def test_jax_takes_torchs_steps(source):
    pytest.importorskip("jax")
    n = source.agreement(Trial("jax_xla")).numbers
    assert n["apart"] < 1e-10
    assert n["moved"] > 5e-3


def path(at):
    return Path(np.zeros(2), {}, np.arange(3), {"x": np.array([[0.0], [1.0], [at]])})


def test_the_largest_difference_of_any_step_counts():
    paths = {AGAINST: path(2.0), "other": path(2.0 + 3e-9)}
    record = side_by_side(paths.__getitem__, Trial("other"))
    assert record.numbers == pytest.approx({"steps": 2.0, "apart": 3e-9, "moved": 2.0}, rel=1e-6)

    def refuted(apart):
        found = Found({("e", "i", "exact"): Record({**record.numbers, "apart": apart})})
        return stay_together(
            Evidence(published("forum")["networks-agree"], "e", "i", found)
        ).refutes

    assert refuted(3e-9)
    assert refuted(float("nan"))
    assert not refuted(1e-10)


@pytest.mark.parametrize("name", [AGAINST, "published_forum"])
def test_nothing_is_held_against_itself_nor_another_formula(name):
    with pytest.raises(Unsupported):
        side_by_side(lambda name: path(2.0), Trial(name))
