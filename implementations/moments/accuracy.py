"""How small cells must be, and how many terms a polynomial in one needs, for a kernel's tails.

A normal tail at z falls over a cell of half-width u (in bandwidths) like exp(z u t), t from -1 to
1, of which K Chebyshev terms leave 2 (z u / 2)^K / K!: at 8 bandwidths 4e-6 for 2 terms in a 1024th
of a bandwidth, 1e-6 for 3 terms in a 128th, 1e-8 for 9 in a quarter. A logistic tail falls like
exp(u t) everywhere. A compact kernel's is itself a polynomial between its kinks.
"""

import functools
from typing import NamedTuple

import numpy as np


class Smooth(NamedTuple):
    """reach: bandwidths beyond which no mass counts. Cells a bandwidth and terms: wide, fine.

    Wide cells are for what has to do with edges; they are divided into fine ones, the more of them
    the fewer terms, for what has to do with samples. places: terms of a series in the place of an
    edge in its cell, so many that where two cells meet their series do to the last digits, as the
    narrowest bin's edges may be in both.
    """

    reach: float
    wide: tuple[int, int]
    fine: tuple[tuple[int, int], ...]
    places: int


SMOOTH = {
    ("gaussian", False): Smooth(14.5, (4, 9), ((4, 9), (128, 3), (1024, 2)), 16),
    ("gaussian", True): Smooth(39.0, (16, 12), ((16, 12),), 16),
    ("logistic", False): Smooth(105.0, (2, 6), ((2, 6), (16, 3), (128, 2)), 11),
    ("logistic", True): Smooth(746.0, (4, 8), ((4, 8),), 9),
}
"""By kernel and whether float64 is asked for."""

FAINT = {"gaussian": 1e-8, "logistic": 1e-7}
"""Share of a row's weights that lies between the edges below which, in float32, masses from beyond
the reach count once they are divided by it, as a density is."""

COMPACT = {"triangular": 3, "epanechnikov": 4}
"""Terms of a piece of the tail. In float64 its end, which vanishes like a power, needs more digits
than a polynomial around another point has."""

NARROW = {False: 1e-9, True: 5e-3}
"""Bandwidths below which a bin's mass is lost to the rounding of the tails at its ends."""


@functools.cache
def nodes(terms):
    """Chebyshev nodes, and the matrix from values there to a polynomial's coefficients."""
    at = np.cos(np.pi * (np.arange(terms) + 0.5) / terms)
    return at, np.linalg.inv(np.vander(at, increasing=True))


@functools.cache
def series(terms):
    """Chebyshev nodes, and the matrix from values there to coefficients of T_k = cos k acos."""
    at = nodes(terms)[0]
    return at, np.linalg.inv(np.polynomial.chebyshev.chebvander(at, terms - 1))


@functools.cache
def finer(terms, fine_terms, split):
    """Every power of t, in each fine cell of a cell, as a polynomial of its place in that.

    A place goes from 0 to 1. Shape (terms, fine_terms, split).
    """
    place = (1 + nodes(fine_terms)[0]) / 2
    t = 2 * (np.arange(split) + place[:, None]) / split - 1
    powers = t ** np.arange(terms)[:, None, None]
    return np.einsum("kn,jns->jks", np.linalg.inv(np.vander(place, increasing=True)), powers)
