"""Sliced score matching in NumPy, of energies in closed form."""

import numpy as np

from implementations.numpy_scipy.energies import (
    analytic_only,
    energy_of,
    gradients,
    quiet,
    where_finite,
)
from suite.registry import implements


def directions(projections, law):
    """Directions of a law from standard normal draws (N, M, d)."""
    if law == "rademacher":
        signs = np.where(projections < 0, -1, 1).astype(projections.dtype)
        return np.where(np.isnan(projections), projections, signs)
    if law == "sphere":
        norm = np.linalg.norm(projections, axis=2, keepdims=True)
        return projections * (projections.dtype.type(np.sqrt(projections.shape[2])) / norm)
    return projections


@quiet
def vjp(
    cotangent, wrt, x, theta, projections, *, energy="gaussian", law="gaussian",
    variance_reduced=False,
):  # fmt: skip
    """dL/dg is g / N, or the mean of (v.g) v / N; dL/dv.Hv is -1 / (N M)."""
    of, v = energy_of(energy, theta), directions(projections, law)
    gradient, count = of.gradient(x), v.shape[0] * v.shape[1]
    b = gradient / len(x)
    if not variance_reduced:
        slope = (v * gradient[:, None]).sum(2, keepdims=True)
        b = (v * slope).sum(1) / count
    c = np.full(v.shape[:2], -1 / count, x.dtype)
    to_x, to_theta = of.pull(x, b=b, c=c, v=v)
    cotangent = cotangent * where_finite(x, theta, projections)
    return gradients(wrt, energy, cotangent, to_x, to_theta)


@implements(
    "energy_sliced_score_matching",
    framework="numpy",
    dtypes=("float32", "float64", "float16"),
    vjp=vjp,
    skip=analytic_only,
)
@quiet
def energy_sliced_score_matching(
    x, theta, projections, *, energy="gaussian", law="gaussian", variance_reduced=False
):
    """Loss and metrics; arguments as in ``suite.operators.energy_sliced_score_matching``."""
    v = directions(projections, law)
    gradient, bent = energy_of(energy, theta).gradient_and_curvature(x, v)
    curvature = bent.mean()
    if variance_reduced:
        square = (gradient**2).sum() / len(x)
    else:
        square = ((v * gradient[:, None]).sum(2) ** 2).mean()
    loss = (0.5 * square - curvature) * where_finite(x, theta, projections)
    return np.asarray(loss, x.dtype), {"curvature": curvature, "slope_square": square}
