"""The kernels are right in jax and give it what they give torch, on another allocator's arrays."""

import dataclasses

import every_kernel
import pytest
from cuda_host import driver
from on_device import Problem, between

from suite import operators, registry
from suite.operators.base import PASSES

BOTH = PASSES[1]


def problems(operator, case, device):
    """Of jax and of torch."""
    names = "cuda_jax", "cuda_torch"
    return tuple(Problem(registry.find(operator, name), case, device) for name in names)


def test_jax_and_torch_get_the_same(jax_kernel):
    operator = jax_kernel.operator
    if reason := registry.find(operator, "cuda_torch").unable("cuda"):
        pytest.skip(reason)
    for case in every_kernel.cases(operators.get(operator)):
        assert between(*problems(operator, case, "cuda"), BOTH) == [], case.name


@pytest.mark.parametrize("operator", every_kernel.CALLS)
def test_on_the_host_they_get_the_same_for_the_same_input_only(operator, no_gpu):
    pytest.importorskip("jax_tvm_ffi", reason="needs jax-tvm-ffi: pip install 'cdfbench[cuda]'")
    if reason := driver.on_cpu_jax() or driver.on_cpu_torch():
        pytest.skip(reason)
    case = every_kernel.cases(operators.get(operator))[0]
    another = dataclasses.replace(case, seed=case.seed + 1)
    with driver.launching(driver.HostDriver()):
        in_jax, in_torch = problems(operator, case, "cpu")
        assert between(in_jax, in_torch, BOTH) == []
        _, changed = problems(operator, another, "cpu")
        assert set(between(in_jax, changed, BOTH)) == {"output", *case.wrt}
