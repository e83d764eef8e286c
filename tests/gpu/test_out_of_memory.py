"""Memory that runs out is torch's own error, and the device goes on."""

import pytest
from on_device import Problem, case_of, little_memory, worst

from suite import operators
from suite.operators.base import PASSES

torch = pytest.importorskip("torch")
SPARE = 4 << 20


def test_running_out_of_memory_raises_and_leaves_the_device_usable(implementation):
    operator = operators.get(implementation.operator)
    small, large = (
        Problem(implementation, case_of(operator, 64, n), "cuda") for n in (512, 1 << 18)
    )
    if reason := large.unsupported() or small.unsupported():
        pytest.skip(reason)
    small.run(PASSES[1])  # whatever is compiled at first use
    target, given = large.target(PASSES[1]), large.given()
    with little_memory(SPARE), pytest.raises(torch.OutOfMemoryError):
        target(*given)
    del given
    torch.cuda.synchronize()
    found = small.run(PASSES[1])
    assert worst(small, found, small.expected(), PASSES[1]) <= 1.0
