"""Calls on two streams at once, and calls repeated, answer as one call alone."""

import pytest
from on_device import Problem, case_of, differences

from suite import operators
from suite.operators.base import PASSES

torch = pytest.importorskip("torch")
BOTH = PASSES[1]


@pytest.fixture
def problem(implementation):
    made = Problem(implementation, case_of(operators.get(implementation.operator)), "cuda")
    if reason := made.unsupported():
        pytest.skip(reason)
    return made


def test_two_streams_at_once_give_what_one_gives(problem):
    target, calls = problem.target(BOTH), 8
    alone = target(*problem.given())
    streams = [torch.cuda.Stream() for _ in range(2)]
    given = [problem.given() for _ in range(2 * calls)]
    torch.cuda.synchronize()
    found = []
    for number, arguments in enumerate(given):
        with torch.cuda.stream(streams[number % 2]):
            found.append(target(*arguments))
    torch.cuda.synchronize()
    for answer in found:
        assert differences(problem, alone, answer, BOTH) == []


def test_two_runs_agree(problem):
    first, second = problem.run(BOTH), problem.run(BOTH)
    assert differences(problem, first, second, BOTH) == []
