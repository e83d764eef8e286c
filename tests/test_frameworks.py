"""One adaptor per framework, all behaving alike: arrays in and out, gradients, yardsticks."""

import numpy as np
import pytest

from suite import frameworks
from suite.frameworks.contract import ELEMENTARY
from suite.operators.arguments import dtype_name
from suite.operators.base import round_to

NAMES = ("numpy", "torch", "jax")
DTYPES = ("float64", "float32", "float16", "bfloat16")


@pytest.fixture(params=NAMES)
def framework(request):
    adaptor = frameworks.get(request.param)
    if reason := adaptor.missing("cpu"):
        pytest.skip(reason)
    return adaptor


def values(shape=(3, 40)):
    return np.random.Generator(np.random.Philox(2)).normal(size=shape) * 100


def test_there_is_one_adaptor_per_name_and_process():
    assert frameworks.get("numpy") is frameworks.get("numpy")
    with pytest.raises(KeyError, match=r"'mxnet'.*numpy, torch, jax"):
        frameworks.get("mxnet")


@pytest.mark.parametrize("dtype", DTYPES)
def test_arrays_come_back_as_the_numbers_their_dtype_holds(framework, dtype):
    if framework.name == "numpy" and dtype == "bfloat16":
        with pytest.raises(TypeError, match="no bfloat16"):
            framework.array(values(), dtype, "cpu")
        return
    array = framework.array(values(), dtype, "cpu")
    assert dtype_name(array) == dtype
    assert tuple(array.shape) == (3, 40)
    back = framework.numpy(array)
    assert back.dtype == (np.float64 if dtype == "float64" else np.float32)
    assert np.array_equal(back, round_to(dtype, values()))
    assert framework.array(2.5, dtype, "cpu").shape == ()


@pytest.mark.parametrize("name", ELEMENTARY)
def test_elementary_functions_are_alike(framework, name):
    z = np.linspace(0.1, 3, 20) * (1 if name in ("log", "sqrt") else -1)
    expected = {
        "exp": np.exp, "log": np.log, "sqrt": np.sqrt, "tanh": np.tanh,
        "relu": lambda z: np.maximum(z, 0), "sigmoid": lambda z: 1 / (1 + np.exp(-z)),
        "stop_gradient": lambda z: z,
    }  # fmt: skip
    found = framework.elementary(name)(framework.array(z, "float64", "cpu"))
    assert np.allclose(framework.numpy(found), expected[name](z), rtol=1e-14, atol=0)


def test_a_detached_array_has_its_values_and_no_past(framework):
    array = framework.array(values(), "float64", "cpu")
    if framework.name == "torch":
        array = 2 * array.requires_grad_()
        assert not framework.detach(array).requires_grad
    assert np.array_equal(framework.numpy(framework.detach(array)), framework.numpy(array))


def test_an_array_is_a_copy(framework):
    source = values()
    array = framework.array(source, "float64", "cpu")
    source[:] = 0
    assert np.array_equal(framework.numpy(array), values())


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_forward_and_backward_of_a_square(framework, dtype):
    def scaled_square(x, y, *, factor):
        return factor * x * x + 0 * y

    def vjp(cotangent, wrt, x, y, *, factor):
        slopes = {"x": 2 * factor * x * cotangent, "y": 0 * cotangent}
        return tuple(slopes[name] for name in wrt)

    native = {name: framework.array(values(), dtype, "cpu") for name in "xy"}
    weight = framework.array(np.linspace(0.5, 1.5, 120).reshape(3, 40), dtype, "cpu")
    x, g = framework.numpy(native["x"]), framework.numpy(weight)
    (output,) = framework.forward(scaled_square, {"factor": 3.0})(native, weight)
    assert np.allclose(framework.numpy(output), 3 * x * x, rtol=1e-6)
    target = framework.forward_backward(
        scaled_square, {"factor": 3.0}, ("x",), vjp if framework.name == "numpy" else None
    )
    for _ in range(2):
        output, gradient = target(native, weight)
        framework.synchronize((output, gradient))
        assert dtype_name(gradient) == dtype
        assert np.allclose(framework.numpy(gradient), 6 * x * g, rtol=1e-6)
    assert np.array_equal(framework.numpy(native["x"]), x)


@pytest.mark.parametrize("name", ["torch", "jax"])
def test_a_stopped_gradient_keeps_the_value_and_passes_nothing_on(name):
    framework = frameworks.get(name)
    if reason := framework.missing("cpu"):
        pytest.skip(reason)
    stop = framework.elementary("stop_gradient")
    target = framework.forward_backward(lambda x: (x * stop(x)).sum(), {}, ("x",))
    x = framework.array(values(), "float64", "cpu")
    output, gradient = target({"x": x}, framework.array(1.0, "float64", "cpu"))
    assert np.array_equal(framework.numpy(gradient), values())
    assert framework.numpy(output) == pytest.approx((values() ** 2).sum(), rel=1e-12)


def test_numpy_has_no_autodiff():
    with pytest.raises(TypeError, match="vjp="):
        frameworks.get("numpy").forward_backward(lambda x: x, {}, ("x",))


def test_copies_are_equal_and_apart_and_sorts_ascend(framework):
    array = framework.array(values(), "float32", "cpu")
    duplicate = framework.copy(array)
    assert duplicate is not array
    assert np.array_equal(framework.numpy(duplicate), framework.numpy(array))
    if framework.name != "jax":
        duplicate[0, 0] = 12345.0
        assert framework.numpy(array)[0, 0] != 12345.0
    ascending = framework.numpy(framework.sort(array))
    assert np.array_equal(ascending, np.sort(round_to("float32", values()), axis=-1))


def test_take_gathers_along_an_axis_into_a_fresh_array(framework):
    array = framework.array(values(), "float32", "cpu")
    order = np.random.Generator(np.random.Philox(3)).permutation(40)
    taken = framework.numpy(framework.take(array, order, 1))
    assert np.array_equal(taken, framework.numpy(array)[:, order])
    same = framework.take(array, np.arange(3), 0)
    assert same is not array


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_casts_round_as_the_harness_rounds(framework, dtype):
    if framework.name == "numpy" and dtype == "bfloat16":
        pytest.skip("numpy has no bfloat16")
    cast = framework.cast(framework.array(values(), "float32", "cpu"), dtype)
    assert dtype_name(cast) == dtype
    assert np.array_equal(framework.numpy(cast), round_to(dtype, values()))


def test_a_device_that_is_not_there_is_a_reason_in_words(framework):
    assert framework.missing("cpu") is None
    words = {
        "numpy": "numpy runs on the cpu only",
        "torch": "torch sees no CUDA device",
        "jax": "jax sees no cuda device",
    }
    assert framework.missing("cuda") in (words[framework.name], None)
    assert frameworks.get("numpy").missing("cuda") == words["numpy"]


def test_tracers_are_told_from_arrays():
    torch = pytest.importorskip("torch")
    adaptor = frameworks.get("torch")
    seen = []

    def watch(x):
        seen.append(adaptor.is_traced(0.5, x))
        return (x * x).sum()

    x = torch.ones(3)
    watch(x)
    torch.func.grad(watch)(x)
    torch.func.vmap(watch)(x[None])
    assert seen == [False, True, True]


def test_jax_tracers_are_told_from_arrays():
    jax = pytest.importorskip("jax")
    adaptor = frameworks.get("jax")
    seen = []

    def watch(x):
        seen.append(adaptor.is_traced(0.5, x))
        return (x * x).sum()

    x = jax.numpy.ones(3)
    watch(x)
    jax.jit(watch)(x)
    jax.vmap(watch)(x[None])
    assert seen == [False, True, True]


def test_versions_threads_and_memory_are_told(framework):
    versions = framework.versions()
    assert framework.name in versions
    assert all(isinstance(value, str) for value in versions.values())
    assert framework.threads() >= 1
    framework.peak_memory_reset("cpu")
    assert framework.peak_memory("cpu") is None
    framework.flush("cpu")


def test_xla_counts_a_product_and_what_it_is_called_with_is_not_compiled_again():
    jax = pytest.importorskip("jax")
    traced = []

    def product(x, y):
        traced.append(True)
        return x @ y

    jax_ = frameworks.get("jax")
    arrays = {"x": jax_.array(values((64, 32)), "float32", "cpu"),
              "y": jax_.array(values((32, 16)), "float32", "cpu")}  # fmt: skip
    target = jax_.forward(product, {})
    jax.block_until_ready(target(arrays, arrays["y"]))
    cost = jax_.compiled_cost(target, arrays, arrays["y"])
    assert len(traced) == 1
    assert cost["flops"] == pytest.approx(2 * 64 * 32 * 16, rel=0.05)
    assert cost["bytes_accessed"] >= 4 * (64 * 32 + 32 * 16 + 64 * 16)
    assert cost["temp_memory"] >= 0


@pytest.mark.parametrize("name", ["numpy", "torch"])
def test_nothing_is_said_of_what_no_such_compiler_made(name):
    framework = frameworks.get(name)
    assert framework.compiled_cost(framework.forward(np.negative, {}), {}, None) == {}


def test_jax_says_what_float64_needs():
    jax = pytest.importorskip("jax")
    jax.config.update("jax_enable_x64", False)
    try:
        with pytest.raises(TypeError, match="jax_enable_x64"):
            frameworks.get("jax").array([1.0], "float64", "cpu")
    finally:
        jax.config.update("jax_enable_x64", True)


def test_torchs_stream_is_torchs_global_one_from_the_same_seed():
    torch = pytest.importorskip("torch")
    from suite.frameworks.torch_stream import TorchStream

    stream = TorchStream(7)
    torch.manual_seed(7)
    assert np.array_equal(stream.uniform(500), torch.rand(500).numpy())
    assert np.array_equal(stream.normal(3, 20), torch.randn(3, 20).numpy())
