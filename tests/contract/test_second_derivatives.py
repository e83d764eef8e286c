"""Second derivatives are right where the operator promises them; else they are right or raise.

A gradient that was computed in the forward pass is a constant to autodiff, and would silently have
the derivative zero. "Right" is what central differences of the first gradient say, in float64.
"""

import dataclasses
import re

import numpy as np
import pytest

from suite.operators.base import cotangent, inputs

STEP = 1e-5
REFUSALS = r"(?i)second|twice|double|again|higher|forward-mode|once"


class Problem:
    """sum(cotangent * f(x)) of a case in float64, along one direction of its first array."""

    def __init__(self, subject, case):
        self.subject = subject
        self.case = dataclasses.replace(case, dtype="float64")
        operator = subject.operator
        self.arrays = inputs(operator, self.case, 0)
        self.weight = cotangent(operator, self.case, 0)
        self.name = case.wrt[0]
        rng = np.random.Generator(np.random.Philox(3))
        self.direction = rng.normal(size=self.arrays[self.name].shape)
        self.native = {k: subject.array(v, "float64") for k, v in self.arrays.items()}
        self.native_weight = subject.array(self.weight, "float64")
        self.native_direction = subject.array(self.direction, "float64")

    def scalar(self, x):
        output = self.subject.value(self.case, {**self.native, self.name: x})
        return (output * self.native_weight).sum()

    @property
    def x(self):
        return self.native[self.name]

    def gradient_along(self, gradient):
        """The gradient's component along the direction: a number to differentiate again."""
        return (gradient * self.native_direction).sum()

    def assert_right(self, found):
        """The Hessian times the direction, against differences of the first gradient."""
        found = self.subject.framework.numpy(found)
        if self.subject.operator.twice is False and self.kinked():
            pytest.skip("the first gradient is no smooth function of x")
        want = self.differences(STEP)
        scale = np.abs(want).max()
        assert np.abs(found - want).max() <= 1e-5 * scale + 1e-9, "wrong second derivative"

    def kinked(self):
        coarse, fine = self.differences(STEP), self.differences(STEP / 4)
        return np.abs(coarse - fine).max() > 1e-3 * (np.abs(fine).max() + 1e-9)

    def differences(self, step):
        gradients = []
        for sign in (1, -1):
            moved = self.arrays[self.name] + sign * step * self.direction
            result = self.subject.run(self.case, {**self.arrays, self.name: moved}, self.weight)
            gradients.append(result[self.name])
        return (gradients[0] - gradients[1]) / (2 * step)


def by_autograd(problem):
    """Double backward, as a gradient penalty asks for it."""
    torch = pytest.importorskip("torch")
    x = problem.x.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(problem.scalar(x), x, create_graph=True)
    if not gradient.requires_grad:
        # Next to any other term of a loss it would count as a constant.
        return torch.zeros_like(x)
    along = problem.gradient_along(gradient)
    return torch.autograd.grad(along, x)[0]


def by_func(problem):
    """torch.func.grad of torch.func.grad."""
    grad = pytest.importorskip("torch.func").grad
    return grad(lambda x: problem.gradient_along(grad(problem.scalar)(x)))(problem.x)


def by_jax_grad(problem):
    """jax.grad of jax.grad; under jit a refusal costs no compilation."""
    jax = pytest.importorskip("jax")

    def along(x):
        return problem.gradient_along(jax.grad(problem.scalar)(x))

    return jax.jit(jax.grad(along))(problem.x)


def by_jax_hessian(problem):
    """jax.hessian: forward over reverse."""
    jax = pytest.importorskip("jax")
    hessian = jax.jit(jax.hessian(problem.scalar))(problem.x)
    size = problem.x.size
    return (hessian.reshape(size, size) @ problem.native_direction.reshape(-1)).reshape(
        problem.x.shape
    )


def examine(small, route):
    subject, case = small
    if subject.declaration.slow_compile:
        pytest.skip("it compiles the eager function, which is examined")
    problem = Problem(subject, case)
    try:
        found = route(problem)
    except (RuntimeError, NotImplementedError, TypeError) as error:
        assert not subject.operator.twice, f"{subject.operator.name} has second derivatives"
        assert re.search(REFUSALS, str(error)), f"it refuses, but does not say what: {error}"
        return
    problem.assert_right(found)


@pytest.mark.framework("torch")
@pytest.mark.parametrize("route", [by_autograd, by_func])
def test_torch_differentiates_twice_rightly_or_refuses(small, route):
    examine(small, route)


@pytest.mark.framework("jax")
@pytest.mark.parametrize("route", [by_jax_grad, by_jax_hessian])
def test_jax_differentiates_twice_rightly_or_refuses(small, route):
    examine(small, route)


@pytest.mark.framework("torch")
def test_a_compiled_graph_refuses_a_second_derivative(small):
    """When a penalty on the gradient is differentiated, to one input or to all."""
    torch = pytest.importorskip("torch")
    subject, case = small
    if not subject.declaration.slow_compile:
        pytest.skip("nothing is compiled")
    arrays = {k: subject.array(v) for k, v in inputs(subject.operator, case, 0).items()}
    leaves = {name: arrays[name].requires_grad_() for name in case.wrt}
    output = subject.value(case, {**arrays, **leaves})
    weight = subject.array(cotangent(subject.operator, case, 0))
    try:
        gradients = torch.autograd.grad(output, list(leaves.values()), weight, create_graph=True)
    except RuntimeError as error:
        # Where the backward pass reuses the memory of what it is given, it refuses at once.
        assert "create_graph=False" in str(error)
        return
    first = next(iter(leaves.values()))
    # Beside another term in x, a second derivative that is left out would not be noticed.
    penalty = gradients[0].square().sum() + first.square().sum()
    with pytest.raises(RuntimeError, match=REFUSALS):
        torch.autograd.grad(penalty, first, retain_graph=True)
    with pytest.raises(RuntimeError, match=REFUSALS):
        penalty.backward()
