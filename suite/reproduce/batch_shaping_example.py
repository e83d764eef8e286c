"""One training of the batch-shaping notebook, and what the loss that it ends at means.

N logits are drawn uniformly from [-reach, reach] and moved by Adam (rate 0.1) so that their
sigmoids follow a prior. The published formula takes the sigmoids; ours takes the logits, with the
source's clamp of the samples of a relaxed Bernoulli prior, and with its ranks, those of a sort.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
from scipy import special

from suite import operators
from suite.plotting_positions import plotting_positions
from suite.priors import PRIORS
from suite.reproduce.adam import EPSILON
from suite.reproduce.claims import LOOKS, Record, Trial
from suite.reproduce.training import Engine, Objective, Path, evenly, train

SAMPLES, RATE = 500, 0.1
DENSITY_BOUNDS = (1e-3, 100.0)
"""Of a Beta density in the published gradient."""

CLAMP = (1e-3, 1 - 1e-3)
PUBLISHED, OURS = "published_batch_shaping_notebook", "torch_eager"
LONGER = 10
"""How many times as long the longer training is."""
AWAY = 0.01
"""Of the CDF: points that are further off are not where they should be."""

BATCHES = 1000
"""Batches of draws from the prior whose losses are averaged; a quarter of them in a quick run."""

SHOWN = (
    ("start", "first loss"),
    ("loss", "printed"),
    ("next", "one step more"),
    ("longer", "longer"),
    ("lowest", "lowest there is"),
    ("draws", "draws"),
    ("without_gradient", "without gradient"),
    ("stuck", "of these off"),
    ("true", "without clamp"),
    ("right", "trained without clamp"),
)
"""What the page says about a training's end, with heads."""


@dataclass(frozen=True)
class Example:
    """A prior (parameters as in ``suite.priors``), steps, and the range of the start's logits."""

    name: str
    prior: str
    a: float
    b: float | None
    steps: int
    reach: float = 4.0

    @property
    def clamp(self) -> tuple[float, float] | None:
        """Bounds of the samples within the source's CDF."""
        return CLAMP if self.prior == "relaxed_bernoulli" else None

    @property
    def second(self) -> float:
        """b, of Beta(a, 1 - a) too."""
        return 1 - self.a if self.b is None else self.b

    def cdf(self, z: np.ndarray) -> np.ndarray:
        """F of the sample whose logit is z, float64."""
        return PRIORS[self.prior].cdf(z, self.a, self.b, from_logits=True)

    def draws(self, rng: np.random.Generator, batches: int) -> np.ndarray:
        """Logits of independent draws from the prior, (batches, N)."""
        shape = (batches, SAMPLES)
        if self.prior == "normal":
            # A draw above one, of which there are 3 in 100000 here, has no logit.
            return special.logit(np.clip(rng.normal(self.a, self.second, shape), 1e-7, 1 - 1e-7))
        if self.prior == "relaxed_bernoulli":
            return (special.logit(rng.uniform(size=shape)) + special.logit(self.a)) / self.second
        return np.log(rng.gamma(self.a, size=shape)) - np.log(rng.gamma(self.second, size=shape))

    def lowest(self, implementation: str) -> float:
        """The smallest loss of any N samples by the source's formula.

        The clamp keeps F within [F(lo), F(hi)]. A float32 sigmoid is at most 1 - 2^-24 or is 1.
        """
        p = np.arange(1, SAMPLES + 1) / (SAMPLES + 1)
        if self.clamp:
            low, high = self.cdf(special.logit(np.array(self.clamp)))
            return float(((p - np.clip(p, low, high)) ** 2).mean())
        if implementation != PUBLISHED or self.prior == "normal":
            return 0.0
        last = float(self.cdf(np.log(2.0**24 - 1)))
        return float((np.clip(np.minimum(p - last, 1 - p), 0, None) ** 2).mean())


@functools.cache
def objective(
    example: Example, implementation: str, dtype: str = "float32", clamped: bool = True
) -> Objective:
    """The loss of logits z (N,), or the mean over rows (R, N). clamped: as the source has it."""
    engine = Engine.of("batch_shaping", implementation)
    sigmoid, call = engine.framework.elementary("sigmoid"), engine.call
    about = {"a": example.a, "b": example.b, "prior": example.prior}

    def published(z):
        return call(sigmoid(z).reshape(-1, SAMPLES), **about)

    def ours(z):
        clip = example.clamp if clamped else None
        rows = z.reshape(-1, SAMPLES)
        return call(rows, **about, from_logits=True, ties="ordinal", clip=clip)

    loss = published if implementation.startswith("published") else ours
    return Objective(engine.framework, loss, ("z",), dtype, engine.device)


def run(example: Example, start: np.ndarray, trial: Trial) -> Record:
    """Train as the source did; from its own start, say what the end means, too."""
    subject = objective(example, trial.implementation)
    exact = not (trial.seed or trial.ulp)
    path = train(subject, {"z": start}, example.steps, RATE, looks=evenly(example.steps))
    numbers = {
        "loss": float(path.losses[-1]),
        "next": subject.gradients(path.end)[0],
        "start": float(path.losses[0]),
    }
    if not exact:
        return Record(numbers)
    numbers |= _meaning(example, trial, start, path)
    curves = {"losses": path.losses, LOOKS: path.looks, "logits": path.seen["z"]}
    return Record(numbers, curves)


def _meaning(example: Example, trial: Trial, start: np.ndarray, path: Path) -> dict[str, float]:
    """draws: mean loss of batches drawn from the prior, by this formula. lowest: any batch's.

    without_gradient, start_without: points whose slope is within Adam's epsilon of zero. stuck:
    those of them whose true CDF is off by more than AWAY: the slope has not vanished at a goal.
    longer: loss after LONGER times the steps. true: the loss of the end without the clamp, in
    float64. right: the same after training without the clamp, from logits. clipped: points that
    start or end where the published formula clips a Beta density.
    """
    subject = objective(example, trial.implementation)
    longer = train(subject, {"z": start}, example.steps * (2 if trial.quick else LONGER), RATE)
    ours = OURS if trial.implementation.startswith("published") else trial.implementation
    right = train(objective(example, ours, clamped=False), {"z": start}, example.steps, RATE)
    batches = BATCHES // 4 if trial.quick else BATCHES
    drawn = example.draws(trial.rng(f"draws from {example.name}"), batches)
    slopes = {when: subject.gradients({"z": z})[1]["z"]
              for when, z in (("start", start), ("end", path.end["z"]))}  # fmt: skip
    return {
        "draws": subject.gradients({"z": drawn})[0],
        "lowest": example.lowest(trial.implementation),
        "start_without": float(np.sum(np.abs(slopes["start"]) <= EPSILON)),
        "without_gradient": float(np.sum(np.abs(slopes["end"]) <= EPSILON)),
        "stuck": float(np.sum((np.abs(slopes["end"]) <= EPSILON) & _away(example, path.end["z"]))),
        "longer": float(longer.losses[-1]),
        "true": true_loss(example, path.end["z"]),
        "right": true_loss(example, right.end["z"]),
        "clipped": float((_clipped(example, start) | _clipped(example, path.end["z"])).sum()),
    }


def _away(example: Example, z: np.ndarray) -> np.ndarray:
    """Which points' CDF, without the clamp, is far from the position of their rank."""
    position = plotting_positions(z.reshape(1, -1), "weibull", "ordinal")[0]
    return np.abs(example.cdf(z) - position) > AWAY


def _clipped(example: Example, z: np.ndarray) -> np.ndarray:
    if "beta" not in example.prior:
        return np.zeros(z.shape, bool)
    low, high = DENSITY_BOUNDS
    density = PRIORS[example.prior].pdf(special.expit(z.astype(float)), example.a, example.b)
    return (density < low) | (density > high)


def true_loss(example: Example, z: np.ndarray) -> float:
    """The operator's loss of one batch of logits, no clamp, float64."""
    reference = operators.get("batch_shaping").reference
    about = {"prior": example.prior, "from_logits": True}
    return float(reference(z.reshape(1, -1), example.a, example.b, **about))
