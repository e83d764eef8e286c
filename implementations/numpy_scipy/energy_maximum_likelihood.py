"""Maximum likelihood by negative samples in NumPy, of energies in closed form."""

import numpy as np

from implementations.numpy_scipy.energies import (
    analytic_only,
    energy_of,
    gradients,
    quiet,
    where_finite,
)
from suite.registry import implements

PENALTIES = {
    "l1": (lambda array: np.abs(array).sum(), np.sign),
    "l2": (lambda array: np.square(array).sum(), lambda array: 2 * array),
}


@quiet
def vjp(
    cotangent, wrt, x, theta, negatives, *, energy="gaussian", alpha=1.0, penalty=None, strength=0.0
):
    """Energies pull 1 / N and -alpha / M."""
    of = energy_of(energy, theta)
    to_x, first = of.pull(x, a=np.full(len(x), 1 / len(x), x.dtype))
    weights = np.full(len(negatives), -alpha / len(negatives), x.dtype)
    to_negatives, second = of.pull(negatives, a=weights)
    to_theta = [a + b for a, b in zip(first, second, strict=True)]
    if penalty is not None:
        slope = PENALTIES[penalty][1]
        to_theta = [a + strength * slope(b) for a, b in zip(to_theta, theta, strict=True)]
    cotangent = cotangent * where_finite(x, theta, negatives)
    return gradients(wrt, energy, cotangent, to_x, to_theta, negatives=to_negatives)


@implements(
    "energy_maximum_likelihood",
    framework="numpy",
    dtypes=("float32", "float64", "float16"),
    vjp=vjp,
    skip=analytic_only,
)
@quiet
def energy_maximum_likelihood(
    x, theta, negatives, *, energy="gaussian", alpha=1.0, penalty=None, strength=0.0
):
    """Loss and metrics; arguments as in ``suite.operators.energy_maximum_likelihood``."""
    of = energy_of(energy, theta)
    positive, negative = of.energy(x).mean(), of.energy(negatives).mean()
    added = x.dtype.type(0)
    if penalty is not None:
        added = strength * sum(PENALTIES[penalty][0](array) for array in theta)
    loss = (positive - alpha * negative + added) * where_finite(x, theta, negatives)
    found = {"positive_energy": positive, "negative_energy": negative}
    found |= {"energy_gap": negative - positive, "penalty": added}
    return np.asarray(loss, x.dtype), found
