"""Source 002, the TorchEBM developer guide: its losses on normal data, whose answers are known.

The energy is a Gaussian's, p |x|^2 / 2 in d dimensions. Data and draws are exact in their second
moments, so that nothing is left to chance. The slope to p is the trace of the gradient to the
precision matrix; "the precision it finds" is where that slope is 0.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy import optimize, stats

from suite.errata.entry import Erratum, Evidence
from suite.errata.evaluate import evaluate, midpoints

GUIDE = "published_torchebm_guide"
TORCH = ("torch",)


def whitened(*shape: int, seed: int = 0) -> np.ndarray:
    """Draws (N, d) whose mean is 0 and whose second moments are exactly those of N(0, I)."""
    x = np.random.Generator(np.random.Philox(seed)).normal(size=shape)
    x -= x.mean(axis=0)
    return x @ np.linalg.inv(np.linalg.cholesky(x.T @ x / len(x))).T


def _loss(
    operator: str, p: float, x: np.ndarray, name: str = GUIDE, **given: Any
) -> tuple[float, float]:
    """The loss at precision p I and its slope to p."""
    size = x.shape[1]
    theta = {"theta.mean": np.zeros(size), "theta.precision": p * np.eye(size)}
    wrt = ("theta.precision",)
    found = evaluate(f"energy_{operator}", name, wrt, x=x, **theta, energy="gaussian", **given)
    return float(found["output"]), float(np.trace(found["theta.precision"]))


def _found(operator: str, x: np.ndarray, low: float, high: float, **given: Any) -> float:
    """The precision at which the slope is 0."""
    return float(optimize.brentq(lambda p: _loss(operator, p, x, **given)[1], low, high))


def _likelihood() -> tuple[Evidence, ...]:
    x, negatives, p = whitened(500, 3), 0.5 * whitened(500, 3, seed=1), 2.0
    given: dict[str, Any] = {"negatives": negatives}
    value, slope = _loss("maximum_likelihood", p, x, **given)
    penalised: dict[str, Any] = {"penalty": "l2", "strength": 0.1}
    added = _loss("maximum_likelihood", p, x, **given, **penalised)
    model = whitened(500, 3, seed=1) / math.sqrt(p)
    right = 1.5 * (1 - 1 / p)
    return (
        Evidence("loss, d = 3, p = 2, negatives of variance 1/4", value, 3.0 * 0.75, 1e-9),
        Evidence("its slope to p", slope, 1.5 * 0.75, 1e-9),
        Evidence("the same with the model's own samples: the slope of the likelihood",
                 _loss("maximum_likelihood", p, x, negatives=model)[1], right, 1e-9),
        Evidence("what l2 of strength 0.1 adds", added[0] - value, 0.1 * 3 * p**2, 1e-9),
        Evidence("what it adds to the slope", added[1] - slope, 0.1 * 3 * 2 * p, 1e-9),
    )  # fmt: skip


def _chain() -> tuple[Evidence, ...]:
    x, p, h = whitened(500, 2), 2.0, 0.1
    # Noise without any correlation with the data, so that variances add.
    both = whitened(500, 4, seed=2)
    x, noise = both[:, :2], both[:, None, 2:]
    value, slope = _loss("contrastive_divergence", p, x, noise=noise, step=h)
    after = (1 - h * p) ** 2 + 2 * h
    return (
        Evidence("loss after one step of 0.1, d = 2, p = 2", value, p * (1 - after), 1e-9),
        Evidence("its slope to p, chains held constant", slope, 1 - after, 1e-9),
    )


def _noise_density() -> tuple[Evidence, ...]:
    x = stats.norm.ppf(midpoints(4000))[:, None]
    found = []
    for deviation in (2.0, 1.25):
        noise = deviation * x
        densities = {f"log_density_{name}": stats.norm.logpdf(u[:, 0], scale=deviation)
                     for name, u in (("x", x), ("noise", noise))}  # fmt: skip
        fitted = _fit_with_partition(GUIDE, x, noise, densities)
        words = f"N(0, {deviation**2:g}) as noise"
        found.append(Evidence(f"precision it finds for N(0, 1), {words}", fitted, 1, 1e-2))
    right = _fit_with_partition("torch_eager", x, noise, densities)
    found.append(Evidence(f"the same with the density, {words}", right, 1, 1e-2))
    return tuple(found)


def _fit_with_partition(name: str, x: Any, noise: Any, densities: Any) -> float:
    """The precision where the slopes to it and to log Z are both 0."""

    def slopes(at: np.ndarray) -> list[float]:
        theta = {"theta.mean": np.zeros(1), "theta.precision": at[0].reshape(1, 1)}
        given = {"x": x, **theta, "noise": noise, **densities, "log_partition": np.array(at[1])}
        wrt = ("theta.precision", "log_partition")
        found = evaluate("energy_noise_contrastive", name, wrt, energy="gaussian", **given)
        return [float(found["theta.precision"].item()), float(found["log_partition"])]

    return float(optimize.root(slopes, [0.8, 0.5]).x[0])


def _trace_sign() -> tuple[Evidence, ...]:
    x, p = whitened(300, 3), 2.0
    value, slope = _loss("score_matching", p, x)
    return (
        Evidence("loss, d = 3, p = 2", value, 1.5 * p**2 - 3 * p, 1e-9),
        Evidence("its slope to p", slope, 3 * p - 3, 1e-9),
        Evidence("precision it finds for N(0, I)", _found("score_matching", x, -5, 5), 1, 1e-9),
    )


def _separate(sigma: float, size: int = 2) -> tuple[np.ndarray, dict[str, Any]]:
    """Data and noise without any correlation."""
    both = whitened(400, 2 * size, seed=3)
    given = {"noise": both[:, None, size:], "sigma": sigma, "weighting": "none"}
    return both[:, :size], given


def _denoising() -> tuple[Evidence, ...]:
    found = []
    for sigma in (0.1, 0.5):
        x, given = _separate(sigma)
        value, slope = _loss("denoising_score_matching", 2.0, x, **given)
        # Mean of |p u - e / sigma|^2 / 2 with u = x + sigma e, in two dimensions.
        right = 4 * (1 + sigma**2) - 4 + sigma**-2
        words = f"sigma = {sigma:g}"
        found += [
            Evidence(f"loss, d = 2, p = 2, {words}", value, right, 1e-6),
            Evidence(f"its slope to p, {words}", slope, 4 * (1 + sigma**2) - 2, 1e-6),
            Evidence(f"precision it finds for N(0, I), {words}",
                     _found("denoising_score_matching", x, -5, 5, **given),
                     1 / (1 + sigma**2), 1e-6),
        ]  # fmt: skip
    return tuple(found)


IMPLICIT: dict[str, Any] = {"name": f"{GUIDE}_implicit"}


def _implicit_sign() -> tuple[Evidence, ...]:
    x, given = _separate(0.5)
    slope = _loss("denoising_score_matching", 2.0, x, **IMPLICIT, **given)[1]
    fitted = _found("denoising_score_matching", x, -5, 5, **IMPLICIT, **given)
    small, with_its_own = _separate(0.01)
    own = _found("denoising_score_matching", small, -5, 5, **IMPLICIT, **with_its_own)
    return (
        Evidence("slope to p, d = 2, p = 2, sigma = 0.5", slope, 4 * 1.25 - 2, 1e-6),
        Evidence("precision it finds for N(0, I), sigma = 0.5", fitted, 0.8, 1e-6),
        Evidence("the same with its own sigma, 0.01", own, 1 / 1.0001, 1e-6),
    )


def _implicit_name() -> tuple[Evidence, ...]:
    found = []
    for scale in (1.0, 0.01):
        x, given = _separate(0.01)
        # With the sign put right it is the guide's own denoising loss.
        fitted = _found("denoising_score_matching", scale * x, 0, 2 / scale**2, **given)
        quantity = f"precision times variance, its sign put right, data of variance {scale**2:g}"
        found.append(Evidence(quantity, fitted * scale**2, 1, 1e-3))
    x, given = _separate(0.01)
    value = _loss("denoising_score_matching", 1.0, x, **given)[0]
    return (*found, Evidence("loss at p = 1, sign put right, d = 2", value, -1, 1e-3))


def _slices(size: int, p: float = 0.0) -> tuple[float, float]:
    """Value and slope for N(0, I); the sign of its curvature is as published."""
    x = whitened(600, size)
    draws = whitened(600, max(size, 2), seed=4)[:, None, :size]
    options: dict[str, Any] = {"law": "sphere", "variance_reduced": True}
    return _loss("sliced_score_matching", p, x, projections=draws, **options)


def _slice_sign() -> tuple[Evidence, ...]:
    value, slope = _slices(1, 2.0)
    return (
        Evidence("loss, d = 1, p = 2", value, 0, 1e-9),
        Evidence("its slope to p", slope, 1, 1e-9),
        Evidence("precision it finds for N(0, 1)", _root(1), 1, 1e-9),
    )


def _root(size: int) -> float:
    """Where the slope, which is linear in p, is 0."""
    at_zero, at_one = _slices(size)[1], _slices(size, 1.0)[1]
    return at_zero / (at_zero - at_one)


def _slice_scale() -> tuple[Evidence, ...]:
    return tuple(
        Evidence(f"size of the precision it finds for N(0, I), d = {size}", abs(_root(size)), 1,
                 1e-6)
        for size in (1, 2, 5, 50)
    )  # fmt: skip


_WHERE = "TorchEBM developer guide, 'Loss Functions Implementation', "

ENTRIES = (
    Erratum(
        "torchebm-guide-maximum-likelihood",
        _WHERE + "MLELoss",
        "Maximum likelihood by data and samples of the model, with l1 or l2 regularization.",
        "mean E(x) - alpha mean E(y) + strength sum theta^2",
        "",
        "none",
        "Holds, and for alpha = 1 its slope is that of the likelihood.",
        TORCH,
        _likelihood,
    ),
    Erratum(
        "torchebm-guide-contrastive-divergence",
        _WHERE + "ContrastiveDivergenceLoss",
        "The same with negatives that are a few steps of a chain from the data.",
        "mean E(x) - alpha mean E(x_k), x_k held constant",
        "",
        "none",
        "Holds for the Langevin steps that the house's operator takes; the guide leaves the "
        "sampler to others.",
        TORCH,
        _chain,
    ),
    Erratum(
        "torchebm-guide-noise-density",
        _WHERE + "NCELoss",
        "Noise contrastive estimation trains an energy by telling data from noise.",
        "log odds -E(u) - log Z",
        "log odds -E(u) - log Z - log(nu q(u)), q the noise's density",
        "bias",
        "The best exp(-E) / Z is the ratio of the densities of data and noise, not the density "
        "of data: it depends on the noise, and noise like the data teaches a flat energy.",
        TORCH,
        _noise_density,
    ),
    Erratum(
        "torchebm-guide-trace-sign",
        _WHERE + "ScoreMatchingLoss, _compute_explicit_score_matching",
        "Score matching with the score and the exact trace of its Jacobian.",
        "tr H + |grad E|^2 / 2",
        "-tr H + |grad E|^2 / 2: the score is -grad E",
        "sign",
        "What is called the score is the energy's gradient. With its own curvature as a cost the "
        "energy is turned upside down: data is where exp(-E) is least.",
        TORCH,
        _trace_sign,
    ),
    Erratum(
        "torchebm-guide-implicit-sign",
        _WHERE + "ScoreMatchingLoss, _compute_implicit_score_matching",
        "The squared difference between the score and a vector field that points at the noise.",
        "|grad E(x + n) + n / sigma^2|^2 / 2",
        "|grad E(x + n) - n / sigma^2|^2 / 2",
        "sign",
        "The score of the noise is -n / sigma^2 and the model's is -grad E: their difference has "
        "a minus. As published the energy is turned upside down. It is the default.",
        TORCH,
        _implicit_sign,
    ),
    Erratum(
        "torchebm-guide-implicit-name",
        _WHERE + "ScoreMatchingLoss, implicit=True",
        "Implicit score matching, which avoids the Hessian's trace.",
        "denoising score matching with sigma = 0.01",
        "-tr H + |grad E|^2 / 2, whose trace is what implicit score matching has",
        "misnamed",
        "Implicit score matching (Hyvarinen, 2005) is the form with the trace. This is denoising "
        "at a scale fixed at 0.01, whatever the data's: it fits data blurred by that, and its "
        "value is about d / (2 sigma^2), thousands, whatever the model.",
        TORCH,
        _implicit_name,
    ),
    Erratum(
        "torchebm-guide-denoising",
        _WHERE + "DenoisingScoreMatchingLoss",
        "Denoising score matching (Vincent, 2011), averaged over noise scales.",
        "|grad E(x + n) - n / sigma^2|^2 / 2",
        "",
        "none",
        "Holds: score and target both lack their signs, which cancel. All scales weigh alike, so "
        "that of several the smallest decides.",
        TORCH,
        _denoising,
    ),
    Erratum(
        "torchebm-guide-slice-sign",
        _WHERE + "SlicedScoreMatchingLoss",
        "Sliced score matching along random directions.",
        "v.H v + |grad E|^2 / 2",
        "-v.H v + |grad E|^2 / 2",
        "sign",
        "As in the explicit form, the energy's Hessian stands where the score's Jacobian should.",
        TORCH,
        _slice_sign,
    ),
    Erratum(
        "torchebm-guide-slice-scale",
        _WHERE + "SlicedScoreMatchingLoss, v / |v|",
        "Directions are normalised to unit length.",
        "v.H v + |s|^2 / 2, |v| = 1",
        "d v.H v for |v| = 1 beside |s|^2 / 2, or (v.s)^2 / 2 beside v.H v",
        "scale",
        "A unit vector gives the trace over d, but the square is of the whole score: a normal "
        "model is fitted with a variance d times too large, its sign aside.",
        TORCH,
        _slice_scale,
    ),
)
