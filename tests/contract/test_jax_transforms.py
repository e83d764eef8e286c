"""Implementations in jax work under jit, vmap and grad, their array parameters traced."""

import numpy as np
import pytest
from small_cases import richest, wanted

from suite.judge.correctness import units
from suite.operators.base import BASES, cotangent, inputs

jax = pytest.importorskip("jax")

pytestmark = pytest.mark.framework("jax")


class Given:
    """A case's arrays, and sum(cotangent * f) as a function of all of them."""

    def __init__(self, path):
        self.subject, self.case = path
        operator = self.subject.operator
        # What all rows share, edges, all batches share.
        dims, row = self.case.dims, self.case.row_axis
        self.shared = {name for name in self.case.arrays if dims[name] and row not in dims[name]}
        self.batches = [self.native(inputs(operator, self.case, base)) for base in range(BASES)]
        for batch in self.batches:
            batch |= {name: self.batches[0][name] for name in self.shared}
        self.weight = self.subject.array(cotangent(operator, self.case, 0))

    def native(self, arrays):
        return {name: self.subject.array(values) for name, values in arrays.items()}

    def output(self, arrays):
        return self.subject.value(self.case, arrays, check_values=True)

    def direct(self, batch):
        """Value and gradients as the harness takes them."""
        return self.subject.run_native(self.case, self.batches[batch], self.weight)

    def assert_same(self, name, got, want, batch=0):
        allowed = wanted(self.subject.operator, self.case, batch).allowed[name]
        assert got.dtype == want.dtype, name
        error = units(np.asarray(got), np.asarray(want), allowed).max()
        assert error <= 1.0, f"{name}: {error:.3g} tolerances"


def test_a_plain_call_is_the_jitted_one(subject):
    case = richest(subject.operator)
    if reason := subject.unsupported(case):
        pytest.skip(reason)
    given = Given((subject, case))
    given.assert_same("output", given.output(given.batches[0]), given.direct(0)["output"])


def test_jit_of_vmap_of_grad_is_a_loop_of_gradients(path):
    given = Given(path)
    wrt, batches = given.case.wrt, given.batches
    stacked = {
        name: array if name in given.shared else jax.numpy.stack([b[name] for b in batches])
        for name, array in batches[0].items()
    }
    in_axes = {name: None if name in given.shared else 0 for name in stacked}

    def value_and_gradients(arrays):
        def scalar(chosen):
            output = given.output({**arrays, **chosen})
            return (output * given.weight).sum(), output

        gradients, output = jax.grad(scalar, has_aux=True)({n: arrays[n] for n in wrt})
        return {"output": output, **gradients}

    got = jax.jit(jax.vmap(value_and_gradients, in_axes=(in_axes,)))(stacked)
    for index in range(BASES):
        for name, want in given.direct(index).items():
            given.assert_same(name, got[name][index], want, index)
