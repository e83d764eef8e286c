"""Score matching in NumPy, of energies in closed form."""

import numpy as np

from implementations.numpy_scipy.energies import (
    analytic_only,
    energy_of,
    gradients,
    quiet,
    where_finite,
)
from suite.registry import implements


@quiet
def vjp(cotangent, wrt, x, theta, *, energy="gaussian", block=None):
    """dL/dg is g / N, dL/dtr H is -1 / N."""
    of = energy_of(energy, theta)
    count = len(x)
    pulled = of.pull(x, b=of.gradient(x) / count, t=-1 / count)
    return gradients(wrt, energy, cotangent * where_finite(x, theta), *pulled)


@implements(
    "energy_score_matching",
    framework="numpy",
    dtypes=("float32", "float64", "float16"),
    vjp=vjp,
    skip=analytic_only,
)
@quiet
def energy_score_matching(x, theta, *, energy="gaussian", block=None):
    """Loss and metrics; arguments as in ``suite.operators.energy_score_matching``."""
    gradient, laplacian = energy_of(energy, theta).gradient_and_laplacian(x)
    square = (gradient * gradient).sum(1).mean()
    loss = np.asarray((0.5 * square - laplacian) * where_finite(x, theta), x.dtype)
    return loss, {"score_square": square, "laplacian": laplacian}
