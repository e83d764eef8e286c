"""Calls on two streams at once, and calls repeated, answer as one call alone."""

import pytest
from on_device import differences

from suite.operators.base import PASSES

torch = pytest.importorskip("torch")
BOTH = PASSES[1]


def test_two_streams_at_once_give_what_one_gives(repeated):
    target, calls = repeated.target(BOTH), 8
    alone = target(*repeated.given())
    streams = [torch.cuda.Stream() for _ in range(2)]
    given = [repeated.given() for _ in range(2 * calls)]
    torch.cuda.synchronize()
    found = []
    for number, arguments in enumerate(given):
        with torch.cuda.stream(streams[number % 2]):
            found.append(target(*arguments))
    torch.cuda.synchronize()
    for answer in found:
        assert differences(repeated, alone, answer, BOTH) == []


def test_two_runs_agree(repeated):
    first, second = repeated.run(BOTH), repeated.run(BOTH)
    assert differences(repeated, first, second, BOTH) == []
