"""The kernels as torch's operators: what torch's own checks say, compiled graphs, refusals."""

import itertools

import pytest
import torch
from contract.small_cases import paths, shrunk
from cuda_host import driver
from cuda_host.driver import HostDriver, launching

from suite import load, operators, registry
from suite.operators.base import cotangent, inputs

if reason := driver.on_cpu_torch():
    pytest.skip(reason, allow_module_level=True)

from implementations.cuda.torch import ops

HOST = HostDriver()
OPERATORS = [d.operator for d in registry.discover() if d.name == "cuda_torch"]
"""Those that a ``cuda_torch`` implements."""

DTYPES = (torch.float32, torch.float64, torch.float16, torch.bfloat16)


def drawn(name, case, dtype=torch.float32):
    """A case's arguments and cotangent as tensors; leaves that have a gradient."""
    operator = operators.get(name)
    arrays = {n: torch.tensor(a).to(dtype) for n, a in inputs(operator, case, 0).items()}
    for wrt in case.wrt:
        arrays[wrt].requires_grad_()
    weight = torch.tensor(cotangent(operator, case, 0)).to(dtype)
    return {**arrays, **case.options}, [arrays[wrt] for wrt in case.wrt], weight


class Recorder(torch.utils._python_dispatch.TorchDispatchMode):
    """Keeps what this project's operators are called with."""

    def __init__(self):
        super().__init__()
        self.calls = []

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        if function.namespace == ops.NAMESPACE:
            copies = [a.detach().clone() if torch.is_tensor(a) else a for a in args]
            self.calls.append((function, copies))
        return function(*args, **(kwargs or {}))


def calls_of(name):
    """Calls of the torch operators behind an operator, forward and backward."""
    load(name, "cuda_torch")
    with launching(HOST):
        for case, dtype in itertools.product(shrunk(operators.get(name)), DTYPES):
            arguments, leaves, weight = drawn(name, case, dtype)
            with Recorder() as recorder:
                output = load(name, "cuda_torch", check_values=False)(**arguments)
                torch.autograd.grad(output, leaves, weight)
            yield from recorder.calls


@pytest.mark.parametrize("name", OPERATORS)
def test_torch_finds_schemas_and_shapes_of_its_operators_right(name):
    """No input is changed or returned, and fake tensors have the shapes and dtypes of real ones."""
    calls = list(calls_of(name))
    assert {function.name().split("::")[0] for function, _ in calls} == {ops.NAMESPACE}
    with launching(HOST):
        for function, arguments in calls:
            checks = ("test_schema", "test_faketensor")
            result = torch.library.opcheck(function, arguments, test_utils=checks)
            assert set(result.values()) == {"SUCCESS"}


@pytest.mark.parametrize("name", OPERATORS)
@pytest.mark.parametrize("passes", ["forward", "forward and backward"])
def test_one_compiled_graph_is_the_eager_call(name, passes):
    function = load(name, "cuda_torch", check_values=False)
    for case in paths(operators.get(name)):
        torch._dynamo.reset()
        compiled = torch.compile(function, fullgraph=True, backend="aot_eager")
        results = []
        with launching(HOST):
            for call in (function, compiled):
                arguments, leaves, weight = drawn(name, case)
                if passes == "forward":
                    with torch.no_grad():
                        results.append((call(**arguments),))
                    continue
                output = call(**arguments)
                results.append((output, *torch.autograd.grad(output, leaves, weight)))
        for eager, other in zip(*results, strict=True):
            torch.testing.assert_close(other, eager, rtol=1e-6, atol=0, equal_nan=True)


class Nowhere:
    """A driver on which nothing may be launched."""

    def device(self, index):
        return HOST.device(index)

    def run(self, launches, index, stream):
        raise AssertionError("launched")


@pytest.mark.parametrize("name", OPERATORS)
def test_a_tensor_elsewhere_raises_before_a_launch(name):
    """Each of several tensors in turn on another device, where torch dispatches by the others."""
    here = torch._C.DispatchKeySet(torch._C.DispatchKey.CPU)
    tried = 0
    for function, arguments in calls_of(name):
        places = [i for i, argument in enumerate(arguments) if torch.is_tensor(argument)]
        for place in places if len(places) > 1 else ():
            moved = [a.to("meta") if i == place else a for i, a in enumerate(arguments)]
            with (
                launching(Nowhere()),
                pytest.raises(ValueError, match="is on (meta|cpu): expected"),
            ):
                function.redispatch(here, *moved)
            tried += 1
    assert tried


@pytest.mark.parametrize("name", OPERATORS)
def test_a_dtype_that_kernels_do_not_have_raises_before_a_launch(name):
    case = paths(operators.get(name))[0]
    arguments, _, _ = drawn(name, case)
    wrong = {case.arrays[0]: arguments[case.arrays[0]].detach().to(torch.int32)}
    function = load(name, "cuda_torch")
    with launching(Nowhere()), pytest.raises(TypeError, match="int32"):
        function(**{**arguments, **wrong})


@pytest.mark.parametrize("name", OPERATORS)
def test_without_a_gradient_nothing_is_computed_for_one(name):
    """One forward in no_grad launches no more than one that keeps what a backward needs."""
    case = paths(operators.get(name))[0]
    arguments, leaves, weight = drawn(name, case)
    function = load(name, "cuda_torch", check_values=False)
    with launching(HostDriver()) as host:
        with torch.no_grad():
            plain = function(**arguments)
        forward = len(host.launched)
        output = function(**arguments)
        assert len(host.launched) == 2 * forward
        assert torch.equal(output, plain)
        torch.autograd.grad(output, leaves, weight)
