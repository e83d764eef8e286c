"""E(x) = (x - m)^T S (x - m) / 2 with S the symmetric part of a full matrix: all in closed form.

theta = [m (d,), P (d, d)], S = (P + P^T) / 2, so that the gradient to P is symmetric and right
whether or not P is. exp(-E) is a density where S is positive definite.
"""

from __future__ import annotations

import numpy as np

from suite.energies.jet import Jet

PARAMETERS = ("mean", "precision")


def jet(x, v, theta, blur) -> Jet:
    """Value, slopes v.S r and curves v.S v, with r = x - m."""
    mean, precision = theta
    s = blur((precision + precision.T) / 2)
    r = blur(blur(x) - blur(mean))
    push, turned = blur(r @ s), blur(v @ s)
    value = blur(0.5 * blur(r * push).sum(1))
    slope = blur(blur(v * push[:, None]).sum(2))
    curve = np.broadcast_to(blur(blur(v * turned).sum(2)), slope.shape)

    def pull(value_bar, slope_bar, curve_bar):
        # A direction whose slope does not count may be NaN.
        counted = np.where(slope_bar[..., None] == 0, 0.0, v)
        along = blur(np.einsum("nk,nkd->nd", slope_bar, counted))
        to_x = blur(blur(value_bar[:, None] * push) + blur(along @ s))
        weights = np.broadcast_to(curve_bar, slope.shape)
        if len(v) == 1:
            bent = (v[0].T * weights.sum(0)) @ v[0]
        else:
            bent = np.einsum("nk,nki,nkj->ij", weights, v, v, optimize=True)
        to_s = blur(0.5 * (r * value_bar[:, None]).T @ r) + blur(blur(along).T @ r) + blur(bent)
        return to_x, [-to_x.sum(0), blur((to_s + to_s.T) / 2)]

    return Jet(value, slope, curve, pull)
