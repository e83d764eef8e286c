"""Objectives that pull a batch towards a target, as gradients to the batch: theta (R, N) to (R, N).

Every row is a batch of its own. Batch shaping and what a user would try in its place:

    batch_shaping      1/N sum (p_i - F(x_i))^2                 the operator's own gradient
    kl, jensen_shannon divergences of a soft histogram's bin masses q to the target's p
    ecdf               the same as batch shaping by hand: p_i goes back through a named surrogate
    wasserstein_1, _2  sorted samples against the target's quantiles, |.| and its square
    fitted             KL from a fitted family (moments) to the target or to its own fit
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import special

from suite.quality.batches import Pull
from suite.quality.targets import Target

BINS = 20
TINY = 1e-12

Slope = Callable[[np.ndarray, Target, Pull], np.ndarray]


@dataclass(frozen=True)
class Objective:
    """operator: whose gradient is used, or "" for NumPy alone. setting: its knob, in words.

    slope(theta, target, pull) -> gradient of every row's objective to theta.
    targets: names of the targets that it can be asked for.
    """

    operator: str
    name: str
    setting: str
    slope: Slope
    targets: tuple[str, ...] = ("normal", "beta", "relaxed_bernoulli", "bimodal")


def batch_shaping(position: str, prior: str = "") -> Slope:
    """Batch shaping with the target's prior; on a target without one, of F(theta) to uniform."""

    def slope(theta: np.ndarray, target: Target, pull: Pull) -> np.ndarray:
        options = {"plotting_position": position, "reduction": "sum"}
        if target.prior:
            b = {} if prior == "symbeta" else {"b": target.b}
            law = {"prior": prior or target.prior, "a": target.a, **b, "from_logits": target.logits}
            return pull({"x": theta}, {**options, **law}, "x", np.ones(()))[1]
        law = {"prior": "beta", "a": 1.0, "b": 1.0}
        uniform = {"x": target.cdf(theta)}
        return pull(uniform, {**options, **law}, "x", np.ones(()))[1] * target.pdf(theta)

    return slope


def histogram(divergence: str, width: float) -> Slope:
    """A divergence of a soft histogram, its bandwidth in widths of a bin."""

    def slope(theta: np.ndarray, target: Target, pull: Pull) -> np.ndarray:
        edges = np.linspace(target.low, target.high, BINS + 1)
        # What lies outside is added to the outer bins, in the histogram and in the target.
        at_edges = target.sample_cdf(edges)
        at_edges[0], at_edges[-1] = 0.0, 1.0
        p = np.diff(at_edges)
        options = {"bandwidth": width * (edges[1] - edges[0]), "overflow": "reflect"}
        arrays = {"x": target.sample(theta), "edges": edges}

        def push(counts: np.ndarray) -> np.ndarray:
            q = np.maximum(counts / theta.shape[1], TINY)
            if divergence == "kl":
                return (np.log(q / p) + 1) / theta.shape[1]
            return 0.5 * np.log(2 * q / (p + q)) / theta.shape[1]

        return pull(arrays, options, "x", push)[1] * target.slope(theta)

    return slope


def ecdf(surrogate: str, scale: float | None) -> Slope:
    """Mean square of ECDF minus F: F by its density, the ECDF by the surrogate."""

    def slope(theta: np.ndarray, target: Target, pull: Pull) -> np.ndarray:
        expected = target.cdf(theta)

        def push(positions: np.ndarray) -> np.ndarray:
            return 2 * (positions - expected) / theta.shape[1]

        options = {"plotting_position": "hazen", "ties": "mid", "surrogate": surrogate}
        positions, back = pull({"x": theta}, {**options, "scale": scale}, "x", push)
        return back - push(positions) * target.pdf(theta)

    return slope


def wasserstein(power: int) -> Slope:
    """Sorted samples against the target's quantiles; ranks held constant."""

    def slope(theta: np.ndarray, target: Target, pull: Pull) -> np.ndarray:
        order = np.argsort(theta, axis=1)
        rank = np.argsort(order, axis=1)
        quantiles = target.sample(target.grid(theta.shape[1]))
        distance = target.sample(theta) - quantiles[rank]
        each = np.sign(distance) if power == 1 else 2 * distance
        return each / theta.shape[1] * target.slope(theta)

    return slope


def fitted(theta: np.ndarray, target: Target, pull: Pull) -> np.ndarray:
    """KL from the family that is fitted to the batch by its moments: beta, else normal.

    Against a target outside the family, to the member with the target's own moments.
    """
    if target.prior == "beta":
        return _beta_moments(target.sample(theta), target.a, float(target.b or 0)) * target.slope(
            theta
        )
    grid = target.grid(1 << 16)
    centre, spread = grid.mean(), grid.std()
    mean = theta.mean(axis=1, keepdims=True)
    std = theta.std(axis=1, keepdims=True)
    to_mean, to_std = (mean - centre) / spread**2, std / spread**2 - 1 / std
    return (to_mean + to_std * (theta - mean) / std) / theta.shape[1]


def _beta_moments(x: np.ndarray, a0: float, b0: float) -> np.ndarray:
    """Gradient to x of KL(Beta(a, b) || Beta(a0, b0)) with a, b from mean m and variance v:
    a = m c, b = (1 - m) c, c = m (1 - m) / v - 1."""
    m, v = x.mean(axis=1, keepdims=True), x.var(axis=1, keepdims=True)
    c = m * (1 - m) / v - 1
    a, b = m * c, (1 - m) * c
    both = (a0 - a + b0 - b) * special.polygamma(1, a + b)
    to_a = (a - a0) * special.polygamma(1, a) + both
    to_b = (b - b0) * special.polygamma(1, b) + both
    c_m, c_v = (1 - 2 * m) / v, -m * (1 - m) / v**2
    to_m = to_a * (c + m * c_m) + to_b * ((1 - m) * c_m - c)
    to_v = (to_a * m + to_b * (1 - m)) * c_v
    return (to_m + 2 * to_v * (x - m)) / x.shape[1]


OBJECTIVES: tuple[Objective, ...] = (
    *(Objective("batch_shaping", "batch shaping", position, batch_shaping(position))
      for position in ("weibull", "hazen")),
    Objective("batch_shaping", "batch shaping", "symbeta prior",
              batch_shaping("weibull", "symbeta"), ("beta",)),
    *(Objective("soft_histogram", name, f"{width:g} bins wide", histogram(key, width))
      for name, key in (("KL of bins", "kl"), ("Jensen-Shannon of bins", "js"))
      for width in (0.5, 1.5)),
    *(Objective("ecdf", "squared ECDF error", text, ecdf(surrogate, scale))
      for text, surrogate, scale in (("identity", "identity", None),
                                     ("density, scale 0.3", "density", 0.3),
                                     ("soft_rank, scale 0.3", "soft_rank", 0.3))),
    *(Objective("", f"Wasserstein-{power}", "sorted samples", wasserstein(power))
      for power in (1, 2)),
    Objective("", "KL of a fitted family", "moments", fitted),
)  # fmt: skip
