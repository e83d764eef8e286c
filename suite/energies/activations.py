"""Smooth activations with their first three derivatives."""

from __future__ import annotations

import numpy as np
from scipy.special import expit

from suite.energies.jet import Array


def softplus(z: Array) -> tuple[Array, Array, Array, Array]:
    """log(1 + e^z) and its derivatives: the sigmoid s, s (1 - s), s (1 - s) (1 - 2 s)."""
    s, t = expit(z), expit(-z)
    return np.logaddexp(0.0, z), s, s * t, s * t * (t - s)


def silu(z: Array) -> tuple[Array, Array, Array, Array]:
    """z s(z) with s the sigmoid, and its derivatives."""
    s, t = expit(z), expit(-z)
    s1 = s * t
    s2, s3 = s1 * (t - s), s1 * (1 - 6 * s1)
    return z * s, s + z * s1, 2 * s1 + z * s2, 3 * s2 + z * s3


ACTIVATIONS = {"softplus": softplus, "silu": silu}
