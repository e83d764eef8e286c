"""Implementations in torch work under torch.func and torch.compile as they do alone."""

import pytest
from small_cases import wanted

from suite.judge.correctness import units
from suite.operators.base import BASES, cotangent, first, gathered, inputs

torch = pytest.importorskip("torch")

pytestmark = pytest.mark.framework("torch")


class Given:
    """A case's arrays as tensors, and sum(cotangent * f) as a function of those of ``wrt``."""

    def __init__(self, path):
        self.subject, self.case = path
        if self.subject.declaration.slow_compile:
            pytest.skip("it is a transform of the eager function, which is examined")
        operator = self.subject.operator
        self.function = self.subject.function(check_values=True)
        self.arrays = self.tensors(inputs(operator, self.case, 0))
        self.weight = self.subject.array(cotangent(operator, self.case, 0))
        self.wrt = tuple(self.arrays[name] for name in self.case.wrt)

    def tensors(self, arrays):
        return {name: self.subject.array(values) for name, values in arrays.items()}

    def output(self, *values):
        changed = {**self.arrays, **dict(zip(self.case.wrt, values, strict=True))}
        return self.value(changed)

    def value(self, arrays):
        return first(self.function(**gathered(arrays), **self.case.options))

    def scalar(self, *values):
        return (self.output(*values) * self.weight).sum()

    def eager(self):
        """Value and gradients by autograd."""
        got = self.subject.run_native(self.case, self.arrays, self.weight)
        return [got[name] for name in ("output", *self.case.wrt)]

    def assert_same(self, names, got, want):
        """Equal to within the case's tolerance."""
        allowed = wanted(self.subject.operator, self.case).allowed
        for name, mine, other in zip(names, got, want, strict=True):
            assert mine.dtype == other.dtype, name
            mine, other = (self.subject.framework.numpy(array) for array in (mine, other))
            error = units(mine, other, allowed[name]).max()
            assert error <= 1.0, f"{name}: {error:.3g} tolerances"


def test_func_grad_is_autograd(path):
    given = Given(path)
    got = torch.func.grad(given.scalar, argnums=tuple(range(len(given.wrt))))(*given.wrt)
    given.assert_same(given.case.wrt, got, given.eager()[1:])


def test_vmap_over_batches_of_rows_is_a_loop(path):
    given = Given(path)
    case, operator = given.case, given.subject.operator
    batches = [given.tensors(inputs(operator, case, base)) for base in range(BASES)]
    # What all rows share, edges, all batches share.
    row = case.row_axis
    shared = {name for name in case.arrays if row not in case.dims[name] and case.dims[name]}
    for batch in batches:
        batch |= {name: batches[0][name] for name in shared}
    stacked = {
        name: batches[0][name] if name in shared else torch.stack([b[name] for b in batches])
        for name in case.arrays
    }

    in_dims = ({name: None if name in shared else 0 for name in case.arrays},)
    got = torch.func.vmap(given.value, in_dims=in_dims)(stacked)
    want = torch.stack([given.value(batch) for batch in batches])
    torch.testing.assert_close(got, want, rtol=2e-5, atol=1e-6)


def test_vmap_of_grad_is_a_loop_of_gradients(path):
    given = Given(path)
    case, operator = given.case, given.subject.operator
    main = case.arrays[0]
    others = {name: array for name, array in given.arrays.items() if name != main}
    batches = [given.tensors(inputs(operator, case, base))[main] for base in range(BASES)]

    def gradient(x):
        return torch.func.grad(lambda x: (given.value({main: x, **others}) * given.weight).sum())(x)

    got = torch.func.vmap(gradient)(torch.stack(batches))
    want = torch.stack([gradient(batch) for batch in batches])
    torch.testing.assert_close(got, want, rtol=1e-4, atol=1e-6)


def test_compiles_as_one_graph_forward_and_backward(path):
    given = Given(path)
    torch._dynamo.reset()
    compiled = torch.compile(given.output, fullgraph=True, backend="aot_eager")
    leaves = [value.clone().requires_grad_() for value in given.wrt]
    output = compiled(*leaves)
    got = [output, *torch.autograd.grad(output, leaves, given.weight)]
    given.assert_same(("output", *given.case.wrt), got, given.eager())
