"""Jets of energies are their derivatives, and what they pull back is too."""

import mpmath
import numpy as np
import pytest

from suite import energies
from suite.energies.activations import ACTIVATIONS
from suite.energies.jet import exact, unit_vectors

N, D = 4, 3


def philox(seed=0):
    return np.random.Generator(np.random.Philox(seed))


def drawn(name):
    """Samples, theta and three directions for every sample."""
    rng = philox()
    shapes = {
        "gaussian": ((D,), (D, D)),
        "double_well": ((), ()),
        "gaussian_mixture": ((4,), (4, D), (4,)),
        "conv": ((3, 2, 3, 3), (3,), (2, 3, 3, 3), (2,), (2,)),
    }
    mlp = ((6, D), (6,), (5, 6), (5,), (1, 5), (1,))
    theta = [0.7 * rng.normal(size=shape) for shape in shapes.get(name, mlp)]
    x = rng.normal(size=(N, 2, 3, 4) if name == "conv" else (N, D))
    return x, theta, rng.normal(size=(N, 3, *x.shape[1:]))


every_energy = pytest.mark.parametrize("name", energies.NAMES)


def near(found, want, rtol=1e-7):
    scale = np.abs(want).max()
    return np.abs(found - want).max() <= rtol * scale + 1e-12


@every_energy
def test_slopes_and_curves_are_derivatives_along_the_directions(name):
    x, theta, v = drawn(name)
    of, h = energies.get(name), 1e-4
    jet = of(x, v, theta, exact)
    for k in range(v.shape[1]):
        up, down = (of(x + sign * h * v[:, k], v, theta, exact) for sign in (1, -1))
        assert near((up.value - down.value) / (2 * h), jet.slope[:, k], 1e-5)
        assert near((up.slope - down.slope)[:, k] / (2 * h), jet.curve[:, k], 1e-5)


@every_energy
def test_unit_vectors_shared_by_all_samples_give_what_each_ones_own_give(name):
    x, theta, _ = drawn(name)
    of, units = energies.get(name), unit_vectors(x)
    shared = of(x, units, theta, exact)
    own = of(x, np.repeat(units, N, axis=0), theta, exact)
    bars = [philox(1).normal(size=a.shape) for a in (own.value, own.slope, own.curve)]
    for one, other in zip((shared.slope, shared.curve), (own.slope, own.curve), strict=True):
        assert near(one, other, 1e-14)
    for one, other in zip(shared.pull(*bars)[1], own.pull(*bars)[1], strict=True):
        assert near(one, other, 1e-12)


@every_energy
def test_what_is_pulled_back_is_the_slope_of_what_was_pushed_forward(name):
    x, theta, v = drawn(name)
    of, rng, h = energies.get(name), philox(1), 1e-5
    jet = of(x, v, theta, exact)
    bars = [rng.normal(size=part.shape) for part in (jet.value, jet.slope, jet.curve)]
    to_x, to_theta = jet.pull(*bars)

    def total(x, theta):
        jet = of(x, v, theta, exact)
        parts = zip(bars, (jet.value, jet.slope, jet.curve), strict=True)
        return sum((bar * part).sum() for bar, part in parts)

    along = rng.normal(size=x.shape)
    found = (total(x + h * along, theta) - total(x - h * along, theta)) / (2 * h)
    assert abs(found - (to_x * along).sum()) <= 1e-6 * np.abs(to_x * along).sum()
    for index, gradient in enumerate(to_theta):
        assert gradient.shape == theta[index].shape
        along = rng.normal(size=gradient.shape)
        ends = [[*theta] for _ in range(2)]
        for end, sign in zip(ends, (1, -1), strict=True):
            end[index] = theta[index] + sign * h * along
        found = (total(x, ends[0]) - total(x, ends[1])) / (2 * h)
        assert abs(found - (gradient * along).sum()) <= 1e-6 * np.abs(gradient * along).sum()


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations_and_their_derivatives_keep_their_digits_far_out(name):
    def plain(z):
        return mpmath.log(1 + mpmath.exp(z)) if name == "softplus" else z / (1 + mpmath.exp(-z))

    with mpmath.workdps(120):
        for z in (-40.0, -3.0, 0.1, 2.0, 40.0):
            found = ACTIVATIONS[name](np.array(z))
            for order, value in enumerate(found):
                want = mpmath.diff(plain, z, order)
                assert abs(value / want - 1) < 1e-12, (z, order)


def test_a_networks_laplacian_is_mpmaths():
    x, theta, _ = drawn("mlp_silu")
    jet = energies.get("mlp_silu")(x[:1], unit_vectors(x), theta, exact)

    def energy(*point):
        h = list(point)
        for layer in range(3):
            weights, bias = theta[2 * layer], theta[2 * layer + 1]
            h = [mpmath.fdot(row, h) + b for row, b in zip(weights, bias, strict=True)]
            h = h if layer == 2 else [z / (1 + mpmath.exp(-z)) for z in h]
        return h[0]

    point = [mpmath.mpf(value) for value in x[0]]
    with mpmath.workdps(60):
        second = [mpmath.diff(energy, point, tuple(2 * (i == k) for i in range(D)))
                  for k in range(D)]  # fmt: skip
        assert abs(jet.value[0] - energy(*point)) < 1e-13
        for curve, want in zip(jet.curve[0], second, strict=True):
            assert abs(curve - want) < 1e-12 * max(1, abs(want))


def test_a_mixture_is_a_normalised_density():
    _, theta, _ = drawn("gaussian_mixture")
    theta = [theta[0], theta[1][:, :1], theta[2]]
    grid = np.linspace(-30, 30, 60001)[:, None]
    none = np.zeros((1, 0, 1))
    value = energies.get("gaussian_mixture")(grid, none, theta, exact).value
    assert abs(np.exp(-value).sum() * 1e-3 - 1) < 1e-10
