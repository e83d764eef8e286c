"""Contrastive divergence in NumPy, of energies in closed form."""

import numpy as np

from implementations.numpy_scipy.energies import (
    analytic_only,
    energy_of,
    gradients,
    quiet,
    where_finite,
)
from implementations.numpy_scipy.langevin import langevin
from suite.registry import implements


def _factor(x, theta, noise, start, uniforms):
    """1, or NaN for what is invalid."""
    given = [array for array in (start, uniforms) if array is not None]
    factor = where_finite(x, theta, noise, given)
    outside = uniforms is not None and ((uniforms < 0) | (uniforms > 1)).any()
    return np.float32(np.nan) if outside else factor


@quiet
def vjp(
    cotangent, wrt, x, theta, noise, start=None, uniforms=None, *, energy="gaussian", step=0.01,
    alpha=1.0,
):  # fmt: skip
    """Energies pull 1 / N and -alpha / M, at the ends of chains that are constants."""
    of = energy_of(energy, theta)
    chain, _ = langevin(of, x if start is None else start, noise, uniforms, step)
    to_x, first = of.pull(x, a=np.full(len(x), 1 / len(x), x.dtype))
    _, second = of.pull(chain, a=np.full(len(chain), -alpha / len(chain), x.dtype))
    to_theta = [a + b for a, b in zip(first, second, strict=True)]
    cotangent = cotangent * _factor(x, theta, noise, start, uniforms)
    return gradients(wrt, energy, cotangent, to_x, to_theta)


@implements(
    "energy_contrastive_divergence",
    framework="numpy",
    dtypes=("float32", "float64", "float16"),
    vjp=vjp,
    skip=analytic_only,
)
@quiet
def energy_contrastive_divergence(
    x, theta, noise, start=None, uniforms=None, *, energy="gaussian", step=0.01, alpha=1.0
):
    """Loss and metrics; arguments as in ``suite.operators.energy_contrastive_divergence``."""
    of = energy_of(energy, theta)
    chain, acceptance = langevin(of, x if start is None else start, noise, uniforms, step)
    positive, negative = of.energy(x).mean(), of.energy(chain).mean()
    loss = (positive - alpha * negative) * _factor(x, theta, noise, start, uniforms)
    found = {"positive_energy": positive, "negative_energy": negative}
    found |= {"energy_gap": negative - positive, "acceptance": acceptance, "chain": chain}
    return np.asarray(loss, x.dtype), found
