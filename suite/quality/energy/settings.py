"""What is measured: a loss with its options at a population and a batch size, one knob varied."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from suite.quality.energy.populations import Population, gaussian, ring

LIKELIHOOD, OWN = "likelihood", "own"
"""What a gradient is held against."""

STEP = 0.05
"""Of Langevin chains, in units of the data's variance."""

BATCH, FEWER, DIMENSION = 1024, 256, 16


@dataclass(frozen=True)
class Setting:
    """A loss of an operator without its prefix; ``draws`` steps, projections or scales a sample."""

    population: str
    loss: str
    line: str
    knob: str
    value: float
    samples: int
    draws: int = 1
    scale: float = 0.0
    options: tuple[tuple[str, Any], ...] = ()

    @property
    def name(self) -> str:
        """Unique in a run."""
        return f"{self.population}/{self.line}/{self.knob}={self.value:g}/N={self.samples}"

    def truth(self, population: Population, against: str) -> np.ndarray | None:
        """The exact gradient, flat; None where it has no closed form."""
        if against == LIKELIHOOD or self.loss == "maximum_likelihood":
            return population.likelihood()
        if self.loss == "contrastive_divergence":
            exact = population.contrastive
            return None if exact is None else exact(self.draws, self.step(population))
        if self.loss == "noise_contrastive":
            return population.noise_contrastive(self.scale)
        blur = self.scale if self.loss == "denoising_score_matching" else 0.0
        return population.score_matching(blur)

    def step(self, population: Population) -> float:
        """Of the chain: shorter where modes are narrow."""
        return STEP if population.energy == "gaussian" else STEP / 10

    def arguments(self, population: Population, rng: np.random.Generator) -> dict[str, Any]:
        """Arrays by their names, and options, of one batch."""
        x, n = population.sample(rng, self.samples), self.samples
        given: dict[str, Any] = {"x": x, **population.theta}
        shape = (n, self.draws, population.size)
        if self.loss == "maximum_likelihood":
            given["negatives"] = population.model(rng, n)
        elif self.loss == "contrastive_divergence":
            given |= {"noise": rng.normal(size=shape), "step": self.step(population)}
        elif self.loss == "denoising_score_matching":
            given |= {"noise": rng.normal(size=shape), "sigma": self.scale}
        elif self.loss == "sliced_score_matching":
            given["projections"] = rng.normal(size=shape)
        elif self.loss == "noise_contrastive":
            noise = self.scale * rng.normal(size=(n, population.size))
            given |= {"noise": noise, "log_partition": population.log_partition}
            for name, u in (("x", x), ("noise", noise)):
                norm = population.size * np.log(self.scale * np.sqrt(2 * np.pi))
                given[f"log_density_{name}"] = -(u**2).sum(1) / (2 * self.scale**2) - norm
        return {**given, "energy": population.energy, **dict(self.options)}


def generator(setting: Setting, batch: int) -> np.random.Generator:
    """The same data for every loss and knob of a population and a batch size."""
    text = f"{setting.population}/{setting.samples}"
    seed = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little")
    return np.random.Generator(np.random.Philox(key=[seed, batch]))


def populations() -> dict[str, Population]:
    """All by their names; Gaussians of four sizes."""
    found = [gaussian(size) for size in (2, DIMENSION, 64, 256)] + [ring()]
    return {population.name: population for population in found}


_SLICES = (
    ("gaussian", False), ("rademacher", False), ("sphere", False), ("rademacher", True)
)  # fmt: skip


def _usual(population: str, samples: int, knob: str, value: float) -> Iterator[Setting]:
    """One setting of each loss, as it might be used."""
    around = 3.0 if population == "ring" else 1.25
    for loss, line, more in (
        ("maximum_likelihood", "maximum likelihood", {}),
        ("contrastive_divergence", "CD-10", {"draws": 10}),
        ("noise_contrastive", f"NCE, noise {around:g}", {"scale": around}),
        ("score_matching", "score matching", {}),
        ("denoising_score_matching", "DSM, sigma 0.3", {"scale": 0.3, "options": _PLAIN}),
        ("sliced_score_matching", "SSM, 1 rademacher, reduced", {"options": _sliced(*_SLICES[3])}),
    ):
        yield Setting(population, loss, line, knob, value, samples, **more)


_PLAIN = (("weighting", "none"),)


def _sliced(law: str, reduced: bool) -> tuple[tuple[str, Any], ...]:
    return (("law", law), ("variance_reduced", reduced))


def settings() -> tuple[Setting, ...]:
    """All of a run."""
    found: list[Setting] = []
    for name in (f"gaussian-{DIMENSION}", "ring"):
        noises = (2.0, 2.5, 3.0, 4.0, 6.0) if name == "ring" else (0.8, 1.0, 1.25, 1.5, 2.0)
        for k in (1, 3, 10, 30, 100)[: 4 if name == "ring" else 5]:
            found.append(Setting(name, "contrastive_divergence", "CD", "k", k, BATCH, k))
        for sigma in (0.03, 0.1, 0.3, 1.0):
            found.append(Setting(name, "denoising_score_matching", "DSM", "sigma", sigma, BATCH,
                                 scale=sigma, options=_PLAIN))  # fmt: skip
        for (law, reduced), count in ((s, m) for s in _SLICES for m in (1, 4, 16)):
            line = f"{law}, reduced" if reduced else law
            found.append(Setting(name, "sliced_score_matching", line, "projections", count, BATCH,
                                 count, options=_sliced(law, reduced)))  # fmt: skip
        for scale in noises:
            found.append(Setting(name, "noise_contrastive", "NCE", "noise", scale, BATCH,
                                 scale=scale))  # fmt: skip
        for samples in (64, 256, 1024):
            found += _usual(name, samples, "samples", samples)
    for size in (2, DIMENSION, 64, 256):
        found += _usual(f"gaussian-{size}", FEWER, "dimension", size)
    return tuple(found)
