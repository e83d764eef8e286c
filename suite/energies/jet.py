"""Second-order jets of energies: values and derivatives along directions, and what they pull back.

Along directions v_k from every sample x_n, a jet of E(x; theta) is

    value (N,)    E(x_n)         slope (N, K)   v_k . dE/dx         curve (N, K)   v_k . H v_k

so that the unit vectors give gradient and Laplacian, and random vectors what is sliced. ``pull``
takes cotangents of the three back to the samples and to theta: third derivatives are in it.

Energies are functions jet(x, v, theta, blur) with x (N, *shape), v (N or 1, K, *shape). ``blur``
is called on every intermediate result: the identity, or what perturbs it (``condition``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Blur = Callable[[Array], Array]
Pull = Callable[[Array, Array, Array], tuple[Array, list[Array]]]


@dataclass(frozen=True)
class Jet:
    """value (N,), slope (N, K), curve (N, K); pull(their cotangents) -> (to x, [to theta])."""

    value: Array
    slope: Array
    curve: Array
    pull: Pull


Energy = Callable[[Array, Array, Sequence[Array], Blur], Jet]


def exact(array: Array) -> Array:
    """No perturbation."""
    return array


def perturbed(rng: np.random.Generator, size: float, kind: str) -> Blur:
    """Relative perturbations, uniform, of that standard deviation.

    kind: "each" element has its own, or what is "alike" along the first axis has one in common, or
    "all" of a result has. Equal samples are rounded equally, so that their errors add up.
    """
    width = np.float32(2 * np.sqrt(3) * size)

    def blur(array: Array) -> Array:
        shape = np.shape(array)
        shape = {"each": shape, "alike": (1, *shape[1:]) if shape else (), "all": ()}[kind]
        drawn = np.asarray(rng.random(shape, dtype=np.float32))
        return array * (1.0 + width * (drawn - np.float32(0.5)))

    return blur


def unit_vectors(x: Array) -> Array:
    """Directions that give gradient and Laplacian: (1, D, *shape) for samples of D elements."""
    shape = x.shape[1:]
    size = int(np.prod(shape))
    return np.eye(size).reshape(1, size, *shape)
