"""The kernels as XLA's custom calls: options as numbers, more rows by vmap, long rows, refusals."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from cuda_host import driver
from cuda_host.driver import HostDriver, launching

pytest.importorskip("jax_tvm_ffi", reason="needs jax-tvm-ffi: pip install 'cdfbench[cuda]'")
if reason := driver.on_cpu_jax():
    pytest.skip(reason, allow_module_level=True)

from implementations.cuda import occupancy_entropy, row_sort
from implementations.cuda.jax import ffi
from suite import load, operators, registry
from suite.judge.correctness import expected, units
from suite.operators.base import cotangent, inputs


@pytest.fixture(autouse=True)
def on_the_cpu():
    """Also where jax has a GPU: a driver of the host cannot take its addresses."""
    with jax.default_device(jax.devices("cpu")[0]):
        yield


@pytest.fixture
def host():
    """A driver of the host, in whose time everything launched has also ended."""
    with launching(HostDriver()) as one:
        yield one
        jax.effects_barrier()


def told(name, **attributes):
    """A custom call that computes nothing and keeps what it is given."""
    calls = []

    def run(place, options, *buffers):
        shapes = [(tuple(buffer.shape), str(buffer.dtype)) for buffer in buffers]
        calls.append((options, shapes, place.index))

    call = ffi.define(name, run, **attributes)
    results = (ffi.shape((2, 3), "float32"), ffi.shape((2,), "uint8"))

    def function(*operands, **options):
        return jax.block_until_ready(call(results, *operands, **options))

    return function, calls, call


def test_options_arrive_as_what_they_were():
    """Strings of any length, truth values, and numbers to the last bit, infinite and subnormal."""
    long = ("a", "word of more than seven bytes", "b" * 100)
    function, calls, _ = told("options", word=long, flag=(False, True), number=float)
    for word, flag, number in (
        (long[0], True, 0.1), (long[1], False, -np.inf), (long[2], True, 5e-324), (long[1], 1, 3),
    ):  # fmt: skip
        function(jnp.zeros((2, 3)), word=word, flag=flag, number=number)
        options, _, _ = calls.pop()
        assert options == {"word": word, "flag": flag, "number": number}
        assert isinstance(options["flag"], bool)


def test_an_option_that_is_no_choice_raises_before_a_call():
    function, calls, _ = told("choice", word=("a", "b"))
    with pytest.raises(ValueError, match="'c'|not in"):
        function(jnp.zeros((2, 3)), word="c")
    assert not calls


def test_operands_and_results_arrive_in_order_with_their_shapes_and_dtypes():
    function, calls, _ = told("order")
    function(jnp.zeros((2, 5), "bfloat16"), jnp.zeros(4, "int32"))
    _, shapes, index = calls.pop()
    assert shapes == [
        ((2, 5), "bfloat16"), ((4,), "int32"), ((2, 3), "float32"), ((2,), "uint8"),
    ]  # fmt: skip
    assert index == 0


def test_a_vmap_puts_an_axis_before_every_operand_and_result():
    _, calls, call = told("mapped")
    results = (ffi.shape((2, 3), "float32"),)
    one, shared = jnp.zeros((4, 2, 3)), jnp.zeros(2)
    jax.block_until_ready(jax.vmap(lambda x: call(results, x, shared))(one))
    (_, shapes, _) = calls.pop()
    assert [shape for shape, _ in shapes] == [(4, 2, 3), (4, 2), (4, 2, 3)]


def test_a_derivative_of_a_call_is_refused_by_name():
    _, _, call = told("named")
    with pytest.raises(NotImplementedError, match="named has first derivatives only"):
        jax.jvp(lambda x: call((ffi.shape((2, 3), "float32"),), x)[0], *((jnp.zeros((2, 3)),),) * 2)


def test_rows_of_a_buffer_are_all_its_leading_axes():
    assert ffi.rows_of(np.zeros((4, 2, 3))) == (8, 3)
    assert ffi.rows_of(np.zeros((1 << 20, 1 << 20, 0))) == (1 << 40, 0)


def value_and_gradients(function, case, weight, given):
    """By name, of a case's arrays."""

    def output(chosen):
        return function(**{**given, **chosen}, **case.options)

    value, pull = jax.vjp(output, {name: given[name] for name in case.wrt})
    return {"output": value, **pull(weight)[0]}


@pytest.mark.parametrize("name", ["batch_shaping", "ecdf", "occupancy_entropy"])
def test_rows_too_long_for_a_block_have_the_value_and_gradients_of_the_reference(
    name, host, monkeypatch
):
    """Sorted by XLA, or shared by blocks; a vmap over three batches as well."""
    monkeypatch.setattr(row_sort, "SHARE", 64)
    monkeypatch.setattr(occupancy_entropy, "LEAST", 64)
    host.shared = 0
    operator = operators.get(name)
    function = load(name, "cuda_jax", check_values=False)
    jax.clear_caches()
    for case in operator.cases:
        if case.profile != "quick" or case.dtype != "float32" or case.sizes["R"] > 10:
            continue
        given = {n: jnp.asarray(a) for n, a in inputs(operator, case, 0).items()}
        weight = jnp.asarray(cotangent(operator, case, 0))
        both = partial(value_and_gradients, function, case, weight)
        alone, want = both(given), expected(operator, case, 0)
        batched = jax.vmap(both)({n: jnp.stack([a] * 3) for n, a in given.items()})
        for key, array in alone.items():
            error = units(array, want.reference[key], want.allowed[key]).max()
            assert error <= 1, f"{case.name}, {key}: {error:.3g} tolerances"
            for each in batched[key]:
                np.testing.assert_array_equal(each, array)
    jax.clear_caches()
    assert not [one.kernel for one in host.launched if "_rows" in one.kernel]


def test_another_temperature_compiles_nothing_anew(host):
    function = registry.load_declared(registry.find("occupancy_entropy", "cuda_jax")).function
    z = jnp.linspace(-1, 1, 24).reshape(2, 12)
    values = [function(z, estimator="sigmoid", temperature=t) for t in (1.0, 0.5, 0.1)]
    size = function._cache_size()
    cold = function(z, estimator="sigmoid", temperature=0.01)
    assert function._cache_size() == size
    assert not any(np.array_equal(cold, value) for value in values)
