"""References of losses of energies: means over samples of functions of the energy's jet.

A loss states its answer once, value and unit gradients together, over intermediate results that
may be perturbed. Unperturbed it is the reference. Its condition is Monte Carlo arithmetic: every
intermediate result gets a random relative error, and the spread of the answers over that error's
size is how much a relative error of one may move an element. A tenth of the mean over the array's
elements is added in squares, lest few draws find an element more certain than it is.

Source: D. S. Parker, "Monte Carlo arithmetic: exploiting randomness in floating-point
arithmetic", 1997.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from suite import energies
from suite.energies.jet import Array, Blur, Jet, exact, perturbed

KINDS = ("each", "alike", "all")
DRAWS = 5
"""Of every kind of perturbation. Their mean squares are added up."""

SIZE = 2.0**-20
"""Relative errors that are drawn: far above float64's rounding, far below what is not linear."""

BLOCK = 1 << 21
"""Elements of samples and directions together that a jet is taken of at once."""

Answer = Mapping[str, Array]
"""The loss as "output", and its gradients by the arrays' names."""

Local = Callable[[slice, Jet], tuple[Array, Array, Array, Array]]
"""Of some samples: their terms, and the terms' derivatives in value, slope and curve."""


def mean_of(
    energy: str, x: Array, theta: Sequence[Array], v: Array, local: Local, blur: Blur
) -> tuple[float, Array, list[Array]]:
    """mean_n of the terms of ``local``, with its gradients to x and theta.

    v: directions (1, K, *shape), shared, or one set a sample (N, K, *shape).
    """
    jet_of, count = energies.get(energy), len(x)
    step = max(1, BLOCK // max(v[0].size * widest(energy, theta), 1))
    total, to_x = 0.0, np.empty_like(x)
    to_theta = [np.zeros_like(array) for array in theta]
    for start in range(0, count, step):
        rows = slice(start, start + step)
        jet = jet_of(x[rows], v if len(v) == 1 else v[rows], theta, blur)
        terms, *bars = local(rows, jet)
        total += terms.sum()
        to_x[rows], found = jet.pull(*(bar / count for bar in bars))
        to_theta = [sum_ + part for sum_, part in zip(to_theta, found, strict=True)]
    return total / count, to_x, to_theta


def energies_of(
    energy: str, x: Array, theta: Sequence[Array], weights: Array, blur: Blur
) -> tuple[Array, Array, list[Array]]:
    """E (N,), and the gradients of sum_n weights_n E_n to x and theta."""
    none = np.zeros((1, 0, *x.shape[1:]))
    values = np.empty(len(x))

    def local(rows, jet):
        values[rows] = jet.value
        unused = np.zeros_like(jet.slope)
        return jet.value, weights[rows] * len(x), unused, unused

    return values, *mean_of(energy, x, theta, none, local, blur)[1:]


def gradient_of(energy: str, x: Array, theta: Sequence[Array], blur: Blur) -> Array:
    """dE/dx, of x's shape."""
    return energies_of(energy, x, theta, np.ones(len(x)), blur)[1]


def widest(energy: str, theta: Sequence[Array]) -> int:
    """How much wider than its input an energy's intermediate results may be, about."""
    return 1 if energy in energies.ANALYTIC else 1 + max(map(len, theta)) // 8


def named(energy: str, to_theta: Sequence[Array]) -> dict[str, Array]:
    """Gradients of theta by their dotted names."""
    names = energies.parameters(energy, len(to_theta))
    return {f"theta.{name}": array for name, array in zip(names, to_theta, strict=True)}


def chosen(answer: Answer, cotangent: Any, wrt: Sequence[str]) -> dict[str, Array]:
    """An answer's gradients to each of ``wrt``, for that cotangent."""
    return {name: np.asarray(cotangent * answer[name]) for name in wrt}


def spread(
    answer: Callable[..., Answer], cotangent: Any, wrt: Sequence[str], arguments: Mapping[str, Any]
) -> dict[str, Array]:
    """The condition of the output and of the gradients, from perturbed answers."""
    right = answer(exact, **arguments)
    sums = {name: np.zeros(np.shape(right[name])) for name in ("output", *wrt)}
    for seed, kind in itertools.product(range(DRAWS), KINDS):
        rng = np.random.Generator(np.random.Philox(key=[0xE4E7, seed]))
        moved = answer(perturbed(rng, SIZE, kind), **arguments)
        for name, total in sums.items():
            total += ((moved[name] - right[name]) / SIZE) ** 2 / DRAWS
    found = {name: np.sqrt(total + 0.1 * total.mean()) for name, total in sums.items()}
    scale = np.abs(cotangent)
    return {name: part if name == "output" else scale * part for name, part in found.items()}
