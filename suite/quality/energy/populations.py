"""Data whose law is known under an energy that is not yet right, and the exact gradients to theta.

Of a loss L with data of law p and a model exp(-E)/Z, its own population gradient is dL/dtheta of
its expectation over data and draws, chains held constant; and maximum likelihood's is

    g = E_p dE/dtheta - E_model dE/dtheta

``gaussian``: p = N(0, I) in d dimensions; E has mean 0 and a diagonal precision, 2 in half of the
coordinates and 1/2 in the others. Score matching's gradient to the precision P is P A - 1 with
A = I, denoising's the same with A = (1 + sigma^2) I, likelihood's (A - 1/P) / 2, and contrastive
divergence's (A_0 - A_k) / 2, A_{t+1} = (1 - h P)^2 A_t + 2 h.

``ring``: p is eight narrow normal laws on a circle, E a mixture of eight whose centres, widths and
weights are off. It is normalised, so that E_model dE/dtheta = 0; expectations are sums over a grid,
of the energy's jet. Denoising's is score matching's under the blurred data.

Noise contrastive estimation's are sums over two chi-square laws, or over the grid, at the model's
own log Z.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import stats
from scipy.special import expit

from suite.energies import gaussian_mixture
from suite.energies.jet import exact, unit_vectors

Theta = dict[str, np.ndarray]
Vector = np.ndarray


@dataclass(frozen=True)
class Population:
    """theta by its dotted names, in order; ``sample(rng, n)`` of the data, (n, d); log_partition.

    model: samples of exp(-E)/Z. score_matching(blur), noise_contrastive(scale), likelihood(): exact
    gradients, flat. contrastive(steps, step): None where it has no closed form.
    """

    name: str
    energy: str
    theta: Theta
    sample: Callable[[np.random.Generator, int], np.ndarray]
    model: Callable[[np.random.Generator, int], np.ndarray]
    log_partition: float
    likelihood: Callable[[], Vector]
    score_matching: Callable[[float], Vector]
    noise_contrastive: Callable[[float], Vector]
    contrastive: Callable[[int, float], Vector] | None

    @property
    def size(self) -> int:
        """Dimensions d."""
        return int(list(self.theta.values())[1].shape[-1])


def gaussian(size: int) -> Population:
    """N(0, I) under two variances that are both wrong."""
    p = np.where(np.arange(size) < size // 2, 2.0, 0.5)

    def flat(diagonal: np.ndarray) -> Vector:
        return np.concatenate([np.zeros(size), np.diag(diagonal).ravel()])

    def contrastive(steps: int, step: float) -> Vector:
        a = np.ones(size)
        for _ in range(steps):
            a = (1 - step * p) ** 2 * a + 2 * step
        return flat((1 - a) / 2)

    log_partition = 0.5 * (size * np.log(2 * np.pi) - np.log(p).sum())
    return Population(
        f"gaussian-{size}",
        "gaussian",
        {"theta.mean": np.zeros(size), "theta.precision": np.diag(p)},
        lambda rng, n: rng.normal(size=(n, size)),
        lambda rng, n: rng.normal(size=(n, size)) / np.sqrt(p),
        log_partition,
        lambda: flat((1 - 1 / p) / 2),
        lambda blur: flat(p * (1 + blur**2) - 1),
        lambda scale: flat(_told_apart(p, scale, log_partition)),
        contrastive,
    )


NODES = 256


def _told_apart(p: np.ndarray, scale: float, log_partition: float) -> np.ndarray:
    """Noise contrastive estimation's gradient to the precision's diagonal, noise N(0, scale^2 I).

    E and log q depend on the squared lengths of two halves; of u in one half, the mean of u_i^2 / 2
    at a given length is the length over twice the half's size.
    """
    half = len(p) // 2
    sizes = half, len(p) - half
    nodes, weights = np.polynomial.legendre.leggauss(NODES)
    u, mass = (nodes + 1) / 2, weights / 2
    found = np.zeros(2)
    for deviation, sign in ((1.0, 1.0), (scale, -1.0)):
        lengths = [deviation**2 * stats.chi2(size).ppf(u) for size in sizes]
        a, b = np.meshgrid(*lengths, indexing="ij")
        energy = (p[0] * a + p[-1] * b) / 2
        density = -(a + b) / (2 * scale**2) - len(p) * np.log(scale * np.sqrt(2 * np.pi))
        odds = -energy - log_partition - density
        # dL/dE: the chance to be taken for the other.
        weight = sign * expit(-sign * odds) * np.outer(mass, mass)
        found += [(weight * a).sum() / (2 * sizes[0]), (weight * b).sum() / (2 * sizes[1])]
    return np.where(np.arange(len(p)) < half, found[0], found[1])


RADIUS, WIDTH, MODES = 2.0, 0.3, 8
ARRAYS = ("theta.logits", "theta.means", "theta.precision_logs")


def ring() -> Population:
    """Eight modes under eight that are turned, drawn in, wider and of unequal weights."""
    turn = 2 * np.pi * np.arange(MODES) / MODES
    modes = RADIUS * np.stack([np.cos(turn), np.sin(turn)], axis=1)
    moved = turn + 0.2
    theta = [
        0.3 * np.cos(turn),
        0.85 * RADIUS * np.stack([np.cos(moved), np.sin(moved)], axis=1),
        np.full(MODES, -2 * np.log(1.3 * WIDTH)),
    ]
    weights = np.exp(theta[0]) / np.exp(theta[0]).sum()
    axis = np.linspace(-8.0, 8.0, 401)
    grid = np.stack(np.meshgrid(axis, axis, indexing="ij"), axis=-1).reshape(-1, 2)
    cell = (axis[1] - axis[0]) ** 2
    jet = gaussian_mixture.jet(grid, unit_vectors(grid), theta, exact)

    def law(blur: float) -> np.ndarray:
        variance = WIDTH**2 + blur**2
        squares = ((grid[:, None] - modes) ** 2).sum(axis=2)
        return cell * np.exp(-squares / (2 * variance)).mean(axis=1) / (2 * np.pi * variance)

    def pulled(value: np.ndarray, slope: np.ndarray, curve: np.ndarray) -> Vector:
        return np.concatenate([part.ravel() for part in jet.pull(value, slope, curve)[1]])

    nothing = np.zeros_like(jet.slope)

    def score_matching(blur: float) -> Vector:
        mass = law(blur)
        bent = np.broadcast_to(-mass[:, None], jet.curve.shape)
        return pulled(np.zeros(len(grid)), mass[:, None] * jet.slope, bent)

    def noise_contrastive(scale: float) -> Vector:
        density = -(grid**2).sum(axis=1) / (2 * scale**2) - 2 * np.log(scale * np.sqrt(2 * np.pi))
        odds = -jet.value - density
        weight = law(0.0) * expit(-odds) - cell * np.exp(density) * expit(odds)
        return pulled(weight, nothing, nothing)

    def around(centres: np.ndarray, widths: np.ndarray, shares: np.ndarray) -> Callable:
        def sample(rng: np.random.Generator, n: int) -> np.ndarray:
            k = rng.choice(len(centres), size=n, p=shares)
            return centres[k] + widths[k, None] * rng.normal(size=(n, 2))

        return sample

    return Population(
        "ring",
        "gaussian_mixture",
        dict(zip(ARRAYS, theta, strict=True)),
        around(modes, np.full(MODES, WIDTH), np.full(MODES, 1 / MODES)),
        around(theta[1], np.exp(-theta[2] / 2), weights),
        0.0,
        lambda: pulled(law(0.0), nothing, nothing),
        score_matching,
        noise_contrastive,
        None,
    )
