"""NumPy's operations by the names that ``implementations.energies`` uses for analytic energies."""

import numpy as np
from scipy import special

exp, trace = np.exp, np.trace


def einsum(formula, *arrays):
    """Sums of products, in the order that is cheapest."""
    return np.einsum(formula, *arrays, optimize=True)


def sum(array, axis):
    """The sum over an axis."""
    return array.sum(axis)


def mean(array, axis):
    """The mean over an axis."""
    return array.mean(axis)


def logsumexp(array):
    """Over the last axis."""
    return special.logsumexp(array, axis=-1)


def log_softmax(array):
    """Over the last axis."""
    return special.log_softmax(array, axis=-1)
