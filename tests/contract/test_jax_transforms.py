"""Implementations in jax work under jit, vmap and grad, their array parameters traced."""

import numpy as np
import pytest
from small_cases import wanted

from suite.judge.correctness import units
from suite.operators.base import BASES, cotangent, inputs

jax = pytest.importorskip("jax")

pytestmark = pytest.mark.framework("jax")


class Given:
    """A case's arrays and sum(cotangent * f) as a function of all of them."""

    def __init__(self, small):
        self.subject, self.case = small
        operator = self.subject.operator
        self.function = self.subject.function(check_values=True)
        self.arrays = self.native(inputs(operator, self.case, 0))
        self.weight = self.subject.array(cotangent(operator, self.case, 0))

    def native(self, arrays):
        return {name: self.subject.array(values) for name, values in arrays.items()}

    def output(self, arrays):
        return self.function(**arrays, **self.case.options)

    def scalar(self, arrays):
        return (self.output(arrays) * self.weight).sum()

    def direct(self):
        """Value and gradients as the harness takes them."""
        return self.subject.run_native(self.case, self.arrays, self.weight)

    def assert_same(self, name, got, want):
        allowed = wanted(self.subject.operator, self.case).allowed[name]
        assert got.dtype == want.dtype, name
        error = units(np.asarray(got), np.asarray(want), allowed).max()
        assert error <= 1.0, f"{name}: {error:.3g} tolerances"


def test_jit_with_traced_parameters_is_the_plain_call(small):
    given = Given(small)
    plain = given.output(given.arrays)
    given.assert_same("output", jax.jit(given.output)(given.arrays), plain)


def test_grad_under_jit_is_the_vjp(small):
    given = Given(small)
    want = given.direct()

    def scalar(chosen):
        return given.scalar({**given.arrays, **chosen})

    got = jax.jit(jax.grad(scalar))({name: given.arrays[name] for name in given.case.wrt})
    for name in given.case.wrt:
        given.assert_same(name, got[name], want[name])


def test_vmap_over_batches_of_rows_is_a_loop(small):
    given = Given(small)
    case, operator = given.case, given.subject.operator
    # What all rows share, edges, all batches share.
    shared = {name for name in case.arrays if "R" not in case.dims[name] and case.dims[name]}
    batches = [given.native(inputs(operator, case, base)) for base in range(BASES)]
    batches = [{**b, **{name: batches[0][name] for name in shared}} for b in batches]
    stacked = {
        name: batches[0][name] if name in shared else jax.numpy.stack([b[name] for b in batches])
        for name in case.arrays
    }
    in_axes = ({name: None if name in shared else 0 for name in case.arrays},)
    got = jax.jit(jax.vmap(given.output, in_axes=in_axes))(stacked)
    want = np.stack([given.output(batch) for batch in batches])
    np.testing.assert_allclose(np.asarray(got), want, rtol=2e-5, atol=1e-6)
