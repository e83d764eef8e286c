"""Units that never switch: entropy zero, and a gradient that brings them back."""

import numpy as np
import pytest

from suite import load

HARD = ("straight_through", "gumbel_straight_through")


def value_and_gradient(framework, z, **options):
    """Entropies and the gradient of their sum, as NumPy arrays."""
    if framework == "torch_eager":
        torch = pytest.importorskip("torch")
        z = torch.tensor(z, requires_grad=True)
        options = {k: torch.tensor(v) if k == "noise" else v for k, v in options.items()}
        value = load("occupancy_entropy", framework)(z, **options)
        return value.detach().numpy(), torch.autograd.grad(value.sum(), z)[0].numpy()
    jax = pytest.importorskip("jax")
    function = load("occupancy_entropy", framework)
    value, pull = jax.vjp(lambda z: function(z, **options), jax.numpy.asarray(z))
    return np.asarray(value), np.asarray(pull(jax.numpy.ones_like(value))[0])


@pytest.mark.parametrize("framework", ["torch_eager", "jax_xla"])
@pytest.mark.parametrize("estimator", HARD)
def test_a_dead_unit_has_no_entropy_and_revives(framework, estimator):
    """Off units are pushed up, on units down, each sample by log(2 N - 1) s (1 - s) / N."""
    z = np.full((2, 50), 3.0, np.float32)
    z[0] *= -1
    value, gradient = value_and_gradient(framework, z, estimator=estimator, noise=np.zeros_like(z))
    s = 1 / (1 + np.exp(-3.0))
    push = np.log(99) * s * (1 - s) / 50
    assert (value == 0).all()
    np.testing.assert_allclose(gradient, push * np.array([[1.0], [-1.0]]) * np.ones(50), rtol=2e-6)


@pytest.mark.parametrize("framework", ["torch_eager", "jax_xla"])
def test_a_saturated_mean_keeps_its_digits_in_float32(framework):
    """p = exp(-40): h = p (1 - log p), though 1 - p rounds to 1; the same where p does."""
    z = np.full((2, 8), 40.0, np.float32)
    z[0] *= -1
    value, gradient = value_and_gradient(framework, z, estimator="sigmoid")
    p = np.exp(-40.0)
    np.testing.assert_allclose(value, [41 * p, 41 * p], rtol=1e-5)
    np.testing.assert_allclose(gradient[:, 0], [5 * p, -5 * p], rtol=1e-5)
