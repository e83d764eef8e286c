"""One captured graph answers whatever is put into its inputs, forward and backward."""

import pytest
from on_device import Problem, case_of, replayed

from suite import operators
from suite.frameworks.contract import Uncapturable
from suite.operators.base import BASES, PASSES


@pytest.mark.parametrize("pass_", PASSES)
def test_a_replayed_graph_is_right_for_every_input(implementation, pass_):
    problem = Problem(implementation, case_of(operators.get(implementation.operator)), "cuda")
    if reason := problem.unsupported():
        pytest.skip(reason)
    try:
        errors = replayed(problem, pass_, tuple(range(BASES)))
    except Uncapturable as error:
        if "cpu" not in implementation.devices:
            raise
        pytest.skip(f"{implementation.name} {error}")
    assert max(errors) <= 1.0
