"""What must be true of every loss of an energy, and its gradients.

Samples have no order, and a translation of the samples and of the energy with them changes
nothing. The energy is Gaussian.
"""

import functools

import numpy as np
from theorem import Equations, Theorem, grid, problem

N, M, S, D = 6, 5, 3, 2
ENERGY = {"theta.mean": ("d",), "theta.precision": ("d", "d")}


def draws(rng, name):
    """What each loss takes beside samples and theta: arrays, their axes, its options."""
    per_sample = {"projections": (N, 2, D), "noise": (N, S, D)}
    if name == "energy_score_matching":
        return {}, {}, {"block": 1}
    if name == "energy_sliced_score_matching":
        return {"projections": grid(rng, -2, 2, per_sample["projections"])}, {
            "projections": ("N", "P", "d")}, {}  # fmt: skip
    if name == "energy_denoising_score_matching":
        return {"noise": grid(rng, -2, 2, per_sample["noise"])}, {"noise": ("N", "S", "d")}, {
            "sigma": 0.5}  # fmt: skip
    if name == "energy_contrastive_divergence":
        return {"noise": grid(rng, -2, 2, per_sample["noise"])}, {"noise": ("N", "S", "d")}, {
            "step": 0.125, "alpha": 0.75}  # fmt: skip
    if name == "energy_maximum_likelihood":
        return {"negatives": grid(rng, -2, 2, (M, D))}, {"negatives": ("M", "d")}, {"alpha": 0.75}
    arrays = {"noise": grid(rng, -2, 2, (M, D)), "log_partition": grid(rng, -1, 1, ())}
    arrays |= {"log_density_x": grid(rng, -4, -1, N), "log_density_noise": grid(rng, -4, -1, M)}
    dims = {"noise": ("M", "d"), "log_density_x": ("N",), "log_density_noise": ("M",)}
    return arrays, {**dims, "log_partition": ()}, {}


POSITIONS = {
    "energy_maximum_likelihood": ("negatives",),
    "energy_noise_contrastive": ("noise",),
}
"""What lies in the space of the samples, and moves with them."""


def drawn(rng, name):
    arrays, dims, options = draws(rng, name)
    arrays = {"x": grid(rng, -2, 2, (N, D)), **arrays, "theta.mean": grid(rng, -1, 1, D)}
    arrays["theta.precision"] = np.eye(D) + grid(rng, -0.25, 0.5, (D, D))
    axes = {"x": ("N", "d"), **dims, **ENERGY, "output": ()}
    fixed = ("projections",)
    if name == "energy_contrastive_divergence":
        fixed = ("noise",)
    wrt = tuple(key for key in arrays if key not in fixed)
    return arrays, axes, {"energy": "gaussian", **options}, wrt


def permutation(name, rng, dtype):
    """Samples, with what is drawn for each of them, have no order."""
    arrays, axes, options, wrt = drawn(rng, name)
    g, order = grid(rng, 0.5, 1.5, ()), rng.permutation(N)

    def reordered(by_name):
        return {k: v[order] if axes[k][:1] == ("N",) else v for k, v in by_name.items()}

    there = problem(axes, options, arrays, g, dtype, wrt)
    here = problem(axes, options, reordered(arrays), g, dtype, wrt)
    return Equations((there, here), lambda one, other: (other, reordered(one)))


def translation(name, rng, dtype):
    """Samples and the energy's centre move together."""
    arrays, axes, options, wrt = drawn(rng, name)
    g, shift = grid(rng, 0.5, 1.5, ()), grid(rng, -2, 2, D)
    places = ("x", "theta.mean", *POSITIONS.get(name, ()))
    moved = {k: v + shift if k in places else v for k, v in arrays.items()}
    there, here = (problem(axes, options, each, g, dtype, wrt) for each in (arrays, moved))
    return Equations((there, here), lambda one, other: (other, one))


def _named(operator, state) -> Theorem:
    of = functools.partial(state, operator)
    named = functools.wraps(state)(lambda rng, dtype: of(rng, dtype))
    return Theorem(operator, state.__name__, functools.partial(named))


OPERATORS = (
    "energy_contrastive_divergence",
    "energy_denoising_score_matching",
    "energy_maximum_likelihood",
    "energy_noise_contrastive",
    "energy_score_matching",
    "energy_sliced_score_matching",
)

THEOREMS = tuple(
    _named(operator, state) for operator in OPERATORS for state in (permutation, translation)
)
