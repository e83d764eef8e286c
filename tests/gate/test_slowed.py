"""An implementation that is slowed by a known factor: the same answers, that much more time."""

import numpy as np
import pytest

from suite.gate import slowed
from suite.registry import implements

torch = pytest.importorskip("torch")


class Clock:
    """Ticks once whenever it is read, and by more when work is done."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        self.now += 1
        return self.now

    def work(self, ticks):
        self.now += ticks


@pytest.fixture
def clock(monkeypatch):
    found = Clock()
    monkeypatch.setattr(slowed, "CLOCK", found)
    return found


def numpy_function(clock):
    def vjp(cotangent, wrt, x):
        clock.work(2000)
        return (2 * x * cotangent,)

    @implements("soft_cut", framework="numpy", vjp=vjp)
    def square(x):
        clock.work(1000)
        return x**2

    return square


def ticks(clock, call):
    before = clock.now
    call()
    return clock.now - before


@pytest.mark.parametrize("factor", [1.1, 1.5])
def test_numpy_takes_the_factor_forward_and_backward_and_stays_right(clock, factor):
    plain = numpy_function(clock)
    slow = slowed.slowed(plain, factor)
    x = np.arange(3.0)
    assert np.array_equal(slow(x), x**2)
    assert ticks(clock, lambda: slow(x)) == pytest.approx(1000 * factor, abs=5)
    vjp = slow.__cdfbench__["vjp"]
    assert np.array_equal(vjp(np.ones(3), ("x",), x=x)[0], 2 * x)
    assert ticks(clock, lambda: vjp(np.ones(3), ("x",), x=x)) == pytest.approx(2000 * factor, abs=5)
    assert plain.__cdfbench__["vjp"] is not vjp, "the function itself stays as it is"


def test_torch_takes_the_factor_forward_and_backward_and_keeps_every_derivative(clock):
    class Cube(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            clock.work(1000)
            return x**3

        @staticmethod
        def backward(ctx, gradient):
            clock.work(2000)
            (x,) = ctx.saved_tensors
            return 3 * x**2 * gradient

    @implements("soft_cut", framework="torch")
    def cube(x):
        return Cube.apply(x)

    slow = slowed.slowed(cube, 1.5)
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    assert ticks(clock, lambda: slow(x.detach())) == pytest.approx(1500, abs=5)
    y = slow(x).sum()
    assert ticks(clock, lambda: torch.autograd.grad(y, x)) == pytest.approx(3000, abs=10)
    (first,) = torch.autograd.grad(slow(x).sum(), x, create_graph=True)
    (second,) = torch.autograd.grad(first.sum(), x)
    assert first.tolist() == [3, 12] and second.tolist() == [6, 12]
