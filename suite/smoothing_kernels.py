"""Smoothing kernels of the binned kernel density estimate, in float64.

Every kernel has unit mass and is symmetric; `z = (edge - sample) / bandwidth`. A histogram needs
the mass *between* two edges and the difference of the densities *at* two edges. Both vanish with
the bin's width and in the tails, so neither is computed by subtracting two CDFs:

    gaussian       Q(z_l) - Q(z_r) on the side where the survival function Q is small;
                   five Gauss-Legendre nodes on the density for a bin narrower than 0.05 bandwidths
    logistic       s(z_r) s(-z_l) (1 - exp(-(z_r - z_l)))
    triangular     (v - u) (p + q) / 2 on each half of the support,
    epanechnikov   3/4 (v - u) ((p + q) - (p^2 + p q + q^2) / 3), with p = 1 - u and q = 1 - v the
                   distances of the bin's ends u, v from the end of the support

Sources: Abramowitz and Stegun 7.1 and 25.4.29; B. W. Silverman, Density Estimation
(1986), table 3.1.
"""

from __future__ import annotations

import numpy as np
from scipy.special import erfc, expit

REACH = {"gaussian": 39.0, "logistic": 746.0, "triangular": 1.0, "epanechnikov": 1.0}
"""Bandwidths beyond which a kernel's density and tail are exactly zero in float64."""

KERNELS = tuple(REACH)
_NARROW = 0.05


def density(kernel: str, z: np.ndarray) -> np.ndarray:
    """The kernel's density k(z); z in bandwidths, any shape."""
    if kernel == "gaussian":
        return np.exp(-0.5 * z * z) / np.sqrt(2 * np.pi)
    if kernel == "logistic":
        return expit(z) * expit(-z)
    height = np.maximum(1 - np.abs(z), 0)
    return height if kernel == "triangular" else 0.75 * height * (2 - height)


def bin_mass(kernel: str, z: np.ndarray, width: np.ndarray) -> np.ndarray:
    """The kernel's mass in every bin, accurate relative to itself.

    z: (..., B + 1) increasing edges as a sample sees them, in bandwidths. width: (B,) widths of the
    bins, given apart since differences of z have lost their last digits. Returns (..., B).
    """
    lower, upper = z[..., :-1], z[..., 1:]
    if kernel == "gaussian":
        return _gaussian_mass(z, width)
    if kernel == "logistic":
        return expit(z)[..., 1:] * expit(-z)[..., :-1] * -np.expm1(-width)
    return _half(kernel, lower, upper, width) + _half(kernel, -upper, -lower, width)


def density_difference(kernel: str, z: np.ndarray, width: np.ndarray) -> np.ndarray:
    """k(lower edge) - k(upper edge) of every bin, accurate relative to itself; as `bin_mass`."""
    lower, upper = z[..., :-1], z[..., 1:]
    if kernel == "gaussian":
        k, centre = density(kernel, z), lower + upper
        nearer = np.where(centre >= 0, k[..., :-1], k[..., 1:])
        return -np.sign(centre) * nearer * np.expm1(-0.5 * width * np.abs(centre))
    if kernel == "logistic":
        return bin_mass(kernel, z, width) * (expit(upper) - expit(-lower))
    inside = (lower > -1) & (upper < 1)
    if kernel == "triangular":
        folded = np.minimum(np.abs(z), 1)
        one_sided = inside & (lower * upper > 0)
        return np.where(one_sided, np.sign(lower) * width, np.diff(folded))
    return np.where(inside, 0.75 * width * (lower + upper), -np.diff(density(kernel, z)))


def _gaussian_mass(z, width):
    """Differences of signed tails, plus one around the sample; quadrature in narrow bins."""
    tail = np.copysign(0.5 * erfc(np.abs(z) / np.sqrt(2)), z)
    straddles = (z[..., :-1] < 0) & (z[..., 1:] >= 0)
    mass = tail[..., :-1] - tail[..., 1:] + straddles
    narrow = np.flatnonzero(width < _NARROW)
    if narrow.size:
        half = 0.5 * width[narrow]
        centre = z[..., narrow] + half
        nodes, weights = np.polynomial.legendre.leggauss(5)
        mass[..., narrow] = half * sum(
            weight * density("gaussian", centre + half * node)
            for node, weight in zip(nodes, weights, strict=True)
        )
    return mass


def _half(kernel, lower, upper, width):
    """Mass of a compact kernel between two edges, z >= 0 only."""
    u, v = np.clip(lower, 0, 1), np.clip(upper, 0, 1)
    span = np.where((lower > 0) & (upper < 1), width, v - u)
    p, q = 1 - u, 1 - v
    if kernel == "triangular":
        return span * 0.5 * (p + q)
    return 0.75 * span * ((p + q) - (p * p + p * q + q * q) / 3)
