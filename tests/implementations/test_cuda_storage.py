"""Half types as kernels load and store them on the host, bit by bit against NumPy and ml_dtypes.

On a GPU float16 is converted by the processor's own instructions, which round the same way.
"""

import ctypes

import ml_dtypes
import numpy as np
import pytest
from cuda_host.build import HOST, NEEDS, compiler, library
from hypothesis import given, settings
from hypothesis import strategies as st

TYPES = {"float16": np.float16, "bfloat16": ml_dtypes.bfloat16}
BITS = np.arange(1 << 16, dtype=np.uint16)
BOTH = pytest.mark.parametrize("name", TYPES)


@pytest.fixture(scope="module")
def host():
    if compiler() is None:
        pytest.skip(NEEDS)
    return library((HOST / "storage.cpp").read_text(encoding="utf-8"))


def converted(host, way, name, values, dtype):
    """An array through load or store."""
    values, result = np.ascontiguousarray(values), np.empty(len(values), dtype)
    addresses = (ctypes.c_void_p(array.ctypes.data) for array in (values, result))
    source, target = addresses
    getattr(host, f"{way}_{name}")(source, ctypes.c_long(len(values)), target)
    return result


@np.errstate(over="ignore", invalid="ignore")
def rounded(values, name):
    """To the nearest, to even in the middle."""
    return values.astype(TYPES[name])


def assert_stored(host, values, name):
    """Every number bit for bit; NaN as some NaN of the same sign."""
    got = converted(host, "store", name, values, np.uint16)
    want = rounded(values, name)
    number = ~np.isnan(values)
    np.testing.assert_array_equal(got[number], want.view(np.uint16)[number])
    other = got[~number].view(TYPES[name]).astype(np.float32)
    assert np.isnan(other).all()


@BOTH
def test_every_bit_pattern_is_loaded_as_the_number_it_is(host, name):
    got = converted(host, "load", name, BITS, np.float32)
    want = BITS.view(TYPES[name]).astype(np.float32)
    number = ~np.isnan(want)
    assert number.sum() == {"float16": 63490, "bfloat16": 65282}[name]
    np.testing.assert_array_equal(got[number].view(np.uint32), want[number].view(np.uint32))
    assert np.isnan(got[~number]).all()


@BOTH
def test_what_was_loaded_is_stored_as_it_was(host, name):
    values = BITS.view(TYPES[name]).astype(np.float32)
    assert_stored(host, values, name)
    number = ~np.isnan(values)
    stored = converted(host, "store", name, values, np.uint16)
    np.testing.assert_array_equal(stored[number], BITS[number])


@BOTH
def test_between_neighbours_the_nearer_is_stored_and_the_even_one_from_the_middle(host, name):
    """Halfway between all neighbours, subnormals and the step to infinity included, and beside."""
    finite = BITS[:-1][np.isfinite(BITS[:-1].view(TYPES[name]).astype(np.float32))]
    low = finite.view(TYPES[name]).astype(np.float64)
    step = {"float16": 2.0**-10, "bfloat16": 2.0**-7}[name]
    least = {"float16": 2.0**-14, "bfloat16": 2.0**-126}[name]
    exponent = np.floor(np.log2(np.maximum(np.abs(low), least)))
    middle = (low + np.copysign(step * 2.0**exponent / 2, low)).astype(np.float32)
    away = np.copysign(np.float32(np.inf), middle)
    for beside in (middle, np.nextafter(middle, np.float32(0)), np.nextafter(middle, away)):
        assert_stored(host, beside, name)


@settings(deadline=None, derandomize=True, max_examples=200)
@given(bits=st.lists(st.integers(0, (1 << 32) - 1), min_size=1, max_size=64))
@pytest.mark.parametrize("name", TYPES)
def test_any_float_is_stored_as_the_nearest(host, name, bits):
    assert_stored(host, np.array(bits, np.uint32).view(np.float32), name)


@BOTH
def test_floats_of_every_exponent_are_stored_as_the_nearest(host, name):
    rng = np.random.Generator(np.random.Philox(2))
    bits = rng.integers(0, 1 << 32, size=200_000, dtype=np.uint32)
    assert_stored(host, bits.view(np.float32), name)
