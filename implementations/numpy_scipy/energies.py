"""Analytic energies in NumPy, with what losses of them need to go back.

A loss depends on theta and x through E, g = dE/dx and quadratic forms of the Hessian H. ``pull``
gives the gradients of

    sum_n a_n E_n + b_n . g_n + t tr H_n + sum_m c_nm v_nm . H_n v_nm

for constants a (N,), b (N, d), t a number and c (N, M) with directions v (N, M, d), as (to x,
[to theta]); each may be None.
"""

import numpy as np
from scipy.special import softmax

from implementations.energies import double_well, gaussian, gaussian_mixture
from implementations.numpy_scipy import energy_operations as ops

quiet = np.errstate(invalid="ignore", over="ignore", divide="ignore")
"""Decorates functions that are given what was not checked, and answer NaN."""


class Energy:
    """One of ``implementations.energies`` with its theta, and its pull."""

    def __init__(self, page, pull, theta):
        self.page, self._pull, self.theta = page, pull, theta

    def energy(self, x):
        """E of every sample, (N,)."""
        return self.page.energy(ops, x, self.theta)

    def gradient(self, x):
        """dE/dx, (N, d)."""
        return self.page.gradient(ops, x, self.theta)

    def gradient_and_laplacian(self, x):
        """dE/dx, and the mean of the Laplacian over all samples, ()."""
        return self.page.gradient_and_laplacian(ops, x, self.theta)

    def gradient_and_curvature(self, x, v):
        """dE/dx, and v.Hv for directions v (N, M, d), (N, M)."""
        return self.page.gradient_and_curvature(ops, x, self.theta, v)

    def pull(self, x, *, a=None, b=None, t=None, c=None, v=None):
        """Gradients of the sum above to x and to every array of theta."""
        a = np.zeros(len(x), x.dtype) if a is None else a
        b = np.zeros_like(x) if b is None else b
        if c is None:
            c, v = np.zeros((len(x), 0), x.dtype), np.zeros((len(x), 0, x.shape[1]), x.dtype)
        t = x.dtype.type(0 if t is None else t)
        to_x, to_theta = self._pull(x, self.theta, a[:, None], b, t, c, v)
        return to_x, [np.asarray(part, x.dtype) for part in to_theta]


def _gaussian(x, theta, a, b, t, c, v):
    offset, s = x - theta[0], gaussian.symmetric(theta[1])
    to_x = (a * offset + b) @ s
    to_s = (0.5 * a * offset + b).T @ offset + t * len(x) * np.eye(len(s), dtype=x.dtype)
    to_s = to_s + ops.einsum("nm,nmi,nmj->ij", c, v, v)
    return to_x, [-to_x.sum(0), gaussian.symmetric(to_s)]


def _double_well(x, theta, a, b, t, c, v):
    height, width = theta
    u = x / width
    bent = t + ops.einsum("nm,nmd->nd", c, v * v)
    first, second = 4 * u * (u * u - 1) / width, double_well.bend(x, theta) / height
    third = 24 * u / width**3
    to_x = height * (a * first + b * second + bent * third)
    to_height = a * (u * u - 1) ** 2 + b * first + bent * second
    # E depends on x / w alone, so that w d/dw of k-th derivatives is -(x d/dx + k).
    to_width = a * u * first + b * (u * second + first / width)
    to_width = to_width + bent * (u * third + 2 * second / width)
    return to_x, [to_height.sum(), -height * to_width.sum()]


def _gaussian_mixture(x, theta, a, b, t, c, v):
    logs, offset, tau = gaussian_mixture.components(ops, x, theta)
    share, pulls, total, _ = gaussian_mixture.parts(ops, x, theta)
    size = x.shape[1]
    # The sum is linear in the shares r_k once u stands for what goes through g as a whole.
    along, whole = ops.einsum("nmd,nkd->nmk", v, pulls), ops.einsum("nmd,nd->nm", v, total)
    u = b + 2 * t * total + 2 * ops.einsum("nm,nmd->nd", c * whole, v)
    stretch = t * size + (c * (v * v).sum(2)).sum(1)[:, None]
    each = ops.einsum("nd,nkd->nk", u, pulls) + stretch * tau - t * (pulls * pulls).sum(2)
    each = each - (c[..., None] * along * along).sum(1)
    to_logs = share * (each - (share * each).sum(1, keepdims=True) - a)
    back = u[:, None] - 2 * t * pulls - 2 * ops.einsum("nmk,nmd->nkd", c[..., None] * along, v)
    to_pulls = share[..., None] * back
    to_offset = tau[:, None] * (to_pulls - to_logs[..., None] * offset)
    square = (offset * offset).sum(2)
    to_tau = (to_pulls * offset).sum(2) + share * stretch - 0.5 * to_logs * square
    to_precision_logs = (0.5 * size * to_logs + tau * to_tau).sum(0)
    to_logits = to_logs.sum(0) - softmax(theta[0]) * to_logs.sum()
    return to_offset.sum(1), [to_logits, -to_offset.sum(0), to_precision_logs]


_PAGES = {
    "gaussian": (gaussian, _gaussian),
    "double_well": (double_well, _double_well),
    "gaussian_mixture": (gaussian_mixture, _gaussian_mixture),
}
PARAMETERS = {
    "gaussian": ("theta.mean", "theta.precision"),
    "double_well": ("theta.height", "theta.width"),
    "gaussian_mixture": ("theta.logits", "theta.means", "theta.precision_logs"),
}


def analytic_only(case):
    """Why a case cannot be done: networks' gradients are not written by hand."""
    energy = case.options["energy"]
    return None if energy in _PAGES else f"gradients of {energy} are not in closed form"


def energy_of(energy, theta):
    """The energy of that name with its parameters; NotImplementedError for others."""
    if energy not in _PAGES:
        raise NotImplementedError(f"energy={energy!r}: NumPy has {', '.join(_PAGES)} only")
    return Energy(*_PAGES[energy], list(theta))


def gradients(wrt, energy, cotangent, to_x, to_theta, **others):
    """Gradients in the order of ``wrt``, for a cotangent of the loss."""
    found = {"x": to_x, **dict(zip(PARAMETERS[energy], to_theta, strict=True)), **others}
    return tuple(cotangent * found[name] for name in wrt)


def where_finite(*arrays):
    """1, or NaN where an array has an infinity: a factor of the loss and of its gradients."""
    for array in arrays:
        for part in array if isinstance(array, (list, tuple)) else (array,):
            if np.isinf(part).any():
                return np.float32(np.nan)
    return np.float32(1)
