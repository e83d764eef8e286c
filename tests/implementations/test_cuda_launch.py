"""The launcher against a stand-in for the CUDA driver, which records calls and refuses at will."""

import ctypes
from types import SimpleNamespace

import pytest

from implementations.cuda import launch

driver = pytest.importorskip("cuda.bindings.driver", reason="needs cuda-bindings")
bindings = pytest.importorskip("cuda.bindings")

SUCCESS = driver.CUresult.CUDA_SUCCESS
REFUSALS = [code for code in driver.CUresult if code != SUCCESS]
ATTRIBUTES = driver.CUdevice_attribute
NO_ANSWER = {"cuInit", "cuCtxPushCurrent", "cuKernelSetAttribute", "cuLaunchKernel"}
"""Functions that return a code alone; others None beside a refusal."""


class Numbers(ctypes.Structure):
    _fields_ = [("first", ctypes.c_longlong), ("second", ctypes.c_double)]


class Recorded:
    """As ``cuda.bindings.driver``: every call is kept with its arguments, and answered.

    refused: the code a function answers, by its name. current: the GPU whose context is current.
    """

    CUresult, CUdevice_attribute = driver.CUresult, ATTRIBUTES
    CUfunction_attribute, CUfunction = driver.CUfunction_attribute, driver.CUfunction

    def __init__(self):
        self.calls, self.refused, self.current, self.seen = [], {}, 1, []

    def names(self):
        return [name for name, _ in self.calls]

    def __getattr__(self, name):
        if not name.startswith("cu"):
            raise AttributeError(name)

        def call(*arguments):
            self.calls.append((name, arguments))
            answer = getattr(self, f"on_{name}", lambda *_: 7)(*arguments)
            code = self.refused.get(name, SUCCESS)
            if name in NO_ANSWER:
                return (code,)
            return code, answer if code == SUCCESS else None

        return call

    def on_cuCtxGetDevice(self):
        return self.current

    def on_cuDeviceGetAttribute(self, which, device):
        shared = ATTRIBUTES.CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN
        major = ATTRIBUTES.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR
        minor = ATTRIBUTES.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR
        return {shared: 232448, major: 9, minor: 0}.get(which, 132)

    def on_cuLaunchKernel(self, kernel, *rest):
        """Reads what a launch points to while it may."""
        parameters = ctypes.cast(rest[8], ctypes.POINTER(ctypes.c_void_p))
        held = ctypes.cast(parameters[0], ctypes.POINTER(Numbers)).contents
        self.seen.append((int(kernel), rest[:8], held.first, held.second))


@pytest.fixture
def recorded(monkeypatch, tmp_path):
    """The stand-in, where the driver is imported from; kernels are compiled to nothing."""
    stand_in = Recorded()
    monkeypatch.setattr(bindings, "driver", stand_in, raising=False)
    cubin = tmp_path / "kernels.cubin"
    cubin.write_bytes(b"cubin")
    compiled = []

    def compile_kernel(source, name, beside, architecture):
        compiled.append((source, name, tuple(beside), architecture))
        return cubin, f"symbol of {name}"

    monkeypatch.setattr(launch, "compiled_kernel", compile_kernel)
    return SimpleNamespace(driver=stand_in, compiled=compiled, run=launch.Driver().run)


def one(kernel="go<1>", shared=0, first=5):
    return launch.Launch("go.cu", kernel, 3, 64, shared, Numbers(first, 0.5))


def test_a_launch_gets_its_blocks_threads_memory_stream_and_structure(recorded):
    recorded.run([one(shared=96)], 0, 1234)
    assert recorded.driver.seen == [(7, (3, 1, 1, 64, 1, 1, 96, 1234), 5, 0.5)]
    assert recorded.compiled == [("go.cu", "go<1>", ("go<1>",), "sm_90")]
    (symbol,) = [call[1][1] for call in recorded.driver.calls if call[0] == "cuLibraryGetKernel"]
    assert symbol == b"symbol of go<1>"


def test_launches_run_in_order_and_a_kernel_is_loaded_once(recorded):
    recorded.run([one(first=1), one("other", first=2)], 0, 0)
    recorded.run([one(first=3)], 0, 0)
    assert [launched[2] for launched in recorded.driver.seen] == [1, 2, 3]
    assert recorded.driver.names().count("cuLibraryLoadData") == 2
    assert [name for _, name, _, _ in recorded.compiled] == ["go<1>", "other"]
    assert all(beside == ("go<1>", "other") for _, _, beside, _ in recorded.compiled)


def test_a_gpu_of_another_index_loads_for_itself(recorded):
    recorded.run([one()], 0, 0)
    recorded.run([one()], 1, 0)
    assert recorded.driver.names().count("cuLibraryLoadData") == 2


@pytest.mark.parametrize(("shared", "asked"), [(0, []), (48 * 1024, []), (48 * 1024 + 1, [49153])])
def test_more_than_48_kib_of_shared_memory_are_asked_for(recorded, shared, asked):
    recorded.run([one(shared=shared)], 0, 0)
    calls = [given for name, given in recorded.driver.calls if name == "cuKernelSetAttribute"]
    which = driver.CUfunction_attribute.CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES
    assert [given[:2] for given in calls] == [(which, size) for size in asked]


def test_a_context_that_is_current_is_left_and_another_is_put_on_and_off(recorded):
    stand_in = recorded.driver
    stand_in.current = 0
    recorded.run([one()], 0, 0)
    assert not {"cuCtxPushCurrent", "cuCtxPopCurrent"} & set(stand_in.names())
    for current in (1, None):
        stand_in.current = current
        stand_in.refused = {"cuCtxGetDevice": REFUSALS[0]} if current is None else {}
        stand_in.calls.clear()
        recorded.run([one()], 0, 0)
        names = stand_in.names()
        assert names[-1] == "cuCtxPopCurrent" and names.count("cuCtxPushCurrent") == 1
        assert names.index("cuCtxPushCurrent") < names.index("cuLaunchKernel")


@pytest.mark.parametrize("code", REFUSALS, ids=lambda code: code.name)
def test_a_launch_that_is_refused_raises_the_drivers_word_and_the_kernels_name(recorded, code):
    recorded.driver.refused = {"cuLaunchKernel": code}
    with pytest.raises(RuntimeError, match=f"{code.name} in go<1>$"):
        recorded.run([one(), one("never")], 0, 0)
    names = recorded.driver.names()
    assert names.count("cuLaunchKernel") == 1 and names[-1] == "cuCtxPopCurrent"


@pytest.mark.parametrize("name", [
    "cuInit", "cuDeviceGet", "cuDeviceGetAttribute", "cuDevicePrimaryCtxRetain",
    "cuCtxPushCurrent", "cuLibraryLoadData", "cuLibraryGetKernel", "cuKernelSetAttribute",
    "cuCtxPopCurrent",
])  # fmt: skip
def test_whatever_is_refused_raises(recorded, name):
    refusal = driver.CUresult.CUDA_ERROR_OUT_OF_MEMORY
    recorded.driver.refused = {name: refusal}
    with pytest.raises(RuntimeError, match=refusal.name):
        recorded.run([one(shared=1 << 16)], 0, 0)
    launched = "cuLaunchKernel" in recorded.driver.names()
    assert launched == (name == "cuCtxPopCurrent")


def test_a_device_is_asked_once(recorded):
    launcher = launch.Driver()
    assert launcher.device(0) == launch.Device("sm_90", 232448, 132) == launcher.device(0)
    assert recorded.driver.names().count("cuInit") == 1


def test_a_graphs_capture_is_refused_what_no_call_before_it_loaded(recorded, monkeypatch):
    """By torch's own word for a capture, and before the driver is asked for anything."""
    torch = pytest.importorskip("torch")
    from implementations.cuda.torch import ops

    tensor = SimpleNamespace(device=SimpleNamespace(index=0), is_cuda=True)
    capturing = [True]
    monkeypatch.setattr(torch.cuda, "is_current_stream_capturing", lambda: capturing[0])
    monkeypatch.setattr(torch.cuda, "current_stream", lambda device: SimpleNamespace(cuda_stream=9))
    before = launch.replace(launch.Driver())
    try:
        with pytest.raises(RuntimeError, match="go<1> is not loaded.* once.* before the capture"):
            ops.run([one()], tensor)
        assert recorded.driver.calls == []
        capturing[0] = False
        ops.run([one(first=1)], tensor)
        capturing[0] = True
        ops.run([one(first=2)], tensor)
        with pytest.raises(RuntimeError, match="other is not loaded"):
            ops.run([one(first=3), one("other")], tensor)
    finally:
        launch.replace(before)
    assert [launched[2] for launched in recorded.driver.seen] == [1, 2]
