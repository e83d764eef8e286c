"""One captured graph answers whatever is put into its inputs, forward and backward."""

import pytest
from on_device import replayed

from suite.frameworks.contract import Uncapturable
from suite.operators.base import BASES, PASSES


@pytest.mark.parametrize("pass_", PASSES)
def test_a_replayed_graph_is_right_for_every_input(repeated, pass_):
    try:
        errors = replayed(repeated, pass_, tuple(range(BASES)))
    except Uncapturable as error:
        if "cpu" not in repeated.declaration.devices:
            raise
        pytest.skip(f"{repeated.declaration.name} {error}")
    assert max(errors) <= 1.0
