"""The incomplete beta function in torch against mpmath, and the limits its tables must keep."""

import mpmath
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from implementations.torch_eager.incomplete_beta import beta_table, beta_terms, incomplete_beta

DTYPES = (torch.float32, torch.float64)
BOUND = {torch.float32: 5e-6, torch.float64: 1e-12}
RANGE = (0.05, 50.0)


def parameters(rng, count, low=RANGE[0], high=RANGE[1]):
    """Pairs (a, b), the corners first, exactly representable in float32."""
    corners = [(a, b) for a in (low, 1.0, high) for b in (low, 1.0, high)]
    rest = np.exp(rng.uniform(np.log(low), np.log(high), size=(count - len(corners), 2)))
    return np.concatenate([corners, rest]).astype(np.float32).astype(np.float64)


def truth(z, a, b):
    """I, dI/da, dI/db and log f at x = sigmoid(z), from the smaller of x and 1 - x."""
    z, a, b = (mpmath.mpf(float(value)) for value in (z, a, b))
    x, y, step = 1 / (1 + mpmath.exp(-z)), 1 / (1 + mpmath.exp(z)), mpmath.mpf("1e-12")

    def cdf(a, b):
        if z < 0:
            return mpmath.betainc(a, b, 0, x, regularized=True)
        return 1 - mpmath.betainc(b, a, 0, y, regularized=True)

    d_a = (cdf(a + step, b) - cdf(a - step, b)) / (2 * step)
    d_b = (cdf(a, b + step) - cdf(a, b - step)) / (2 * step)
    log_density = a * mpmath.log(x) + b * mpmath.log(y) - mpmath.log(mpmath.beta(a, b))
    return [float(value) for value in (cdf(a, b), d_a, d_b, log_density)]


@pytest.fixture(scope="module")
def points():
    """Logits around each pair's mode and far into both tails, with their values."""
    rng = np.random.Generator(np.random.Philox(21))
    pairs = parameters(rng, 60)
    mode, width = np.log(pairs[:, 0] / pairs[:, 1]), np.sqrt((1 / pairs).sum(1))
    near = mode[:, None] + width[:, None] * rng.normal(size=(60, 5)) * 1.5
    far = rng.uniform(-150, 150, size=(60, 3))
    z = np.concatenate([near, far, mode[:, None]], axis=1).astype(np.float32).astype(np.float64)
    with mpmath.workdps(40):
        values = [[truth(s, *pair) for s in row] for row, pair in zip(z, pairs, strict=True)]
    return z, pairs, np.array(values)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_value_and_derivatives_are_those_of_mpmath(points, dtype):
    z, pairs, values = points
    a, b = torch.from_numpy(pairs.T.copy())
    log_density, *got = beta_terms(beta_table(a, b, dtype), torch.from_numpy(z).to(dtype))
    for k, mine in enumerate(got):
        error = np.abs(mine.double().numpy() - values[..., k])
        assert (error / np.maximum(1, np.abs(values[..., k]))).max() <= BOUND[dtype]
    error = np.abs(log_density.double().numpy() - values[..., 3])
    # It is the sum of a log x, b log(1 - x) and log B(a, b), relative to their values at x = 1/2.
    size = 8 + np.abs(values[..., 3]) + pairs.sum(1, keepdims=True)
    assert (error / size).max() <= 4 * torch.finfo(dtype).eps


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_parameters_beyond_the_promised_range_lose_little(dtype):
    rng = np.random.Generator(np.random.Philox(22))
    pairs = parameters(rng, 11, 0.01, 2000.0)
    z = np.log(pairs[:, :1] / pairs[:, 1:]) + rng.normal(size=(11, 2)) * np.sqrt(
        (1 / pairs).sum(1, keepdims=True)
    )
    z = z.astype(np.float32)
    with mpmath.workdps(40):
        values = np.array(
            [[truth(s, *pair)[:3] for s in row] for row, pair in zip(z, pairs, strict=True)]
        )
    a, b = torch.from_numpy(pairs.T.copy())
    _, *got = beta_terms(beta_table(a, b, dtype), torch.from_numpy(z).to(dtype))
    for k, mine in enumerate(got):
        error = np.abs(mine.double().numpy() - values[..., k])
        scale = np.maximum(1, np.abs(values[..., k]))
        assert (error / scale).max() <= 20 * BOUND[dtype]


@settings(deadline=None, derandomize=True, max_examples=40)
@given(
    a=st.floats(*RANGE), b=st.floats(*RANGE), z=st.floats(-80, 80), far=st.floats(0, 30, width=32)
)
def test_mirrored_samples_and_parameters_add_up_to_one(a, b, z, far):
    z = torch.tensor([[z, z + far]], dtype=torch.float64)
    low, high = (incomplete_beta(s, p, q, from_logits=True) for s, p, q in ((z, a, b), (-z, b, a)))
    assert (low + high - 1).abs().max() < 1e-13
    assert low[0, 1] >= low[0, 0] - 1e-15


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize(
    ("a", "b", "densities"),
    [
        (0.5, 0.5, (np.inf, np.inf)),
        (1.0, 1.0, (1.0, 1.0)),
        (1.0, 3.0, (3.0, 0.0)),
        (2.5, 1.0, (0.0, 2.5)),
        (0.9, 4.0, (np.inf, 0.0)),
    ],
)
def test_the_ends_have_their_exact_value_and_the_density_its_limit(a, b, densities, dtype):
    x = torch.tensor([[0.0, 1.0]], dtype=dtype, requires_grad=True)
    value = incomplete_beta(x, a, b)
    assert value.tolist() == [[0.0, 1.0]]
    value.sum().backward()
    np.testing.assert_allclose(x.grad[0].numpy(), densities, rtol=4e-6, atol=0)


@pytest.mark.parametrize("a", [0.3, 1.0, 1.5, 3.0])
def test_the_density_next_to_zero_follows_its_power_law(a):
    x = torch.tensor([[1e-10, 1e-15, 1e-20, 1e-30, 1e-36, 1e-38, 2e-42]], requires_grad=True)
    (slope,) = torch.autograd.grad(incomplete_beta(x, a, 2.0).sum(), x)
    # B(a, 2) = 1 / (a (a + 1)).
    power = a * (a + 1) * x[0].detach().double() ** (a - 1)
    np.testing.assert_allclose(slope[0].double(), power, rtol=5e-5, atol=1.2e-38)


def test_saturated_logits_keep_their_tail():
    """sigmoid(40) is 1 in float64, yet 1 - I is e^-4 or so under Beta(2, 0.1)."""
    z = torch.tensor([[40.0]], dtype=torch.float64)
    upper = 1 - incomplete_beta(z, 2.0, 0.1, from_logits=True).item()
    with mpmath.workdps(40):
        y = 1 / (1 + mpmath.exp(40))
        expected = float(mpmath.betainc("0.1", 2, 0, y, regularized=True))
    assert expected > 0.01
    assert abs(upper - expected) < 1e-14


@pytest.mark.parametrize("from_logits", [False, True])
def test_gradients_are_those_of_differences(from_logits):
    rng = np.random.Generator(np.random.Philox(23))
    x = torch.from_numpy(rng.normal(size=(3, 4)) if from_logits else rng.uniform(size=(3, 4)))
    a, b = (torch.from_numpy(rng.uniform(0.4, 5, size=3)) for _ in range(2))
    inputs = [tensor.requires_grad_() for tensor in (x, a, b)]
    assert torch.autograd.gradcheck(
        lambda x, a, b: incomplete_beta(x, a, b, from_logits=from_logits), inputs
    )


def test_one_pair_of_parameters_serves_all_rows():
    x = torch.linspace(0.01, 0.99, 60, dtype=torch.float64).reshape(4, 15).flip(1)
    shared = incomplete_beta(x, 0.7, torch.tensor(3.0, dtype=torch.float64))
    each = torch.full((4,), 0.7, dtype=torch.float64), torch.full((4,), 3.0, dtype=torch.float64)
    assert torch.equal(shared, incomplete_beta(x, *each))


@pytest.mark.parametrize("bad", [0.0, -1.0, np.nan, np.inf])
def test_an_invalid_parameter_spoils_its_row_only(bad):
    x, b = torch.full((2, 3), 0.4), torch.tensor([2.0, 2.0])
    value = incomplete_beta(x, torch.tensor([1.5, bad]), b)
    assert value[1].isnan().all()
    assert torch.equal(value[:1], incomplete_beta(x[:1], torch.tensor([1.5]), b[:1]))


@pytest.mark.parametrize("bad", [-0.1, 1.1, np.nan, np.inf, -np.inf])
def test_a_sample_outside_the_unit_interval_is_nan(bad):
    value = incomplete_beta(torch.tensor([[0.5, bad]]), 2.0, 3.0)
    assert value.isnan().tolist() == [[False, True]]


def test_transforms_agree_and_second_derivatives_raise():
    rng = np.random.Generator(np.random.Philox(24))
    x = torch.from_numpy(rng.uniform(size=(5, 3, 4)))
    a, b = (torch.from_numpy(rng.uniform(0.4, 5, size=(5, 3))) for _ in range(2))

    def total(x, a, b):
        return incomplete_beta(x, a, b).sum()

    inside = torch.func.vmap(torch.func.grad(total, argnums=(0, 1, 2)))(x, a, b)
    outside = torch.func.grad(
        lambda x, a, b: torch.func.vmap(total)(x, a, b).sum(), argnums=(0, 1, 2)
    )(x, a, b)
    for one, other in zip(inside, outside, strict=True):
        assert one.abs().min() > 0
        torch.testing.assert_close(one, other, rtol=1e-13, atol=0)
    with pytest.raises(RuntimeError, match="second derivatives"):
        torch.func.grad(lambda x: torch.func.grad(total)(x, a[0], b[0]).sum())(x[0])
