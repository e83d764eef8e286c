"""``round_to`` gives the very numbers that float16 and bfloat16 hold."""

import numpy as np
import pytest

from suite.operators.base import EPSILON, SMALLEST, round_to

torch = pytest.importorskip("torch")

EDGES = np.array(
    [0.0, -0.0, 1.0, 65504.0, 65519.9, 65520.0, 3.4e38, -3.4e38, 6e-8, 2.9e-8, 1e-45, np.inf,
     -np.inf, np.nan, 1 + 2.0**-8, 1 + 3 * 2.0**-8, 1 + 2.0**-11, 1 + 2.0**-9 + 2.0**-20],
    np.float32,
)  # fmt: skip


def samples():
    rng = np.random.Generator(np.random.Philox(1))
    wide = rng.normal(size=5000) * 10.0 ** rng.uniform(-10, 6, size=5000)
    return np.concatenate([EDGES, wide.astype(np.float32)])


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.filterwarnings("ignore:overflow encountered in cast:RuntimeWarning")
def test_half_types_round_as_torch_rounds(dtype):
    values = samples()
    want = torch.from_numpy(values).to(getattr(torch, dtype)).float().numpy()
    got = round_to(dtype, values)
    assert got.dtype == np.float32
    assert np.array_equal(got, want, equal_nan=True)
    assert np.array_equal(np.signbit(got[:2]), [False, True])


def test_scalars_and_shapes_survive():
    assert round_to("bfloat16", np.float64(1.00390625)).shape == ()
    assert round_to("bfloat16", np.zeros((2, 0, 3))).shape == (2, 0, 3)
    assert round_to("float64", np.float64(0.1)) == 0.1


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
def test_epsilon_is_half_the_spacing_at_one_and_smallest_is_kept(dtype):
    info = torch.finfo(getattr(torch, dtype))
    assert EPSILON[dtype] == info.eps / 2
    kept = info.smallest_normal if dtype != "float16" else 2.0**-24
    assert kept <= SMALLEST[dtype] <= 1.1 * kept
