"""What is measured: every population, sweep, value of its knob and batch size, as one setting."""

from __future__ import annotations

import hashlib
import importlib
import sys
from collections.abc import Iterable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from suite.operators.base import Case, Operator, Profile
from suite.operators.population import Arrays, Population, Sweep
from suite.sources import behind, hash_of

POPULATIONS = "suite.operators.populations"
"""Module whose ``of(operator)`` gives the populations of an operator."""

SAMPLES = "samples"
"""The knob that is the batch size, not an argument of the operator."""


@dataclass(frozen=True)
class Scale:
    """How much is drawn.

    batches: rows, each one batch of the population. elements: samples held at a time.
    gradients: most gradient elements of a setting (batches x samples x components); larger ones
    are left out. descents: descents from different seeds. steps: of each.
    """

    batches: int = 200
    elements: int = 1 << 21
    gradients: int = 14_000_000
    descents: int = 20
    steps: int = 300


SCALES: dict[Profile, Scale] = {
    "quick": Scale(),
    "full": Scale(batches=1000, gradients=1 << 60, descents=100),
}


@dataclass(frozen=True)
class Setting:
    """One value of a sweep's knob at one batch size."""

    population: Population
    sweep: Sweep
    value: Any
    samples: int

    @property
    def name(self) -> str:
        """Unique within the operator."""
        parts = (self.population.name, self.sweep.name, f"{self.sweep.knob}={self.value}")
        return "/".join((*parts, f"N={self.samples}"))

    @property
    def options(self) -> dict[str, Any]:
        """All options of the operator, the knob's value among them."""
        knob = {} if self.sweep.knob == SAMPLES else {self.sweep.knob: self.value}
        return {**self.sweep.options, **knob}

    @property
    def components(self) -> int:
        """Of the objective, each of which takes a backward pass."""
        return len(self.population.objective(self.population.parameters))


def draw(population: Population, samples: int, part: int, rows: int) -> Arrays:
    """Noise of the part-th rows: the same for every implementation and value of a knob."""
    text = f"{population.operator}/{population.name}/{samples}"
    seed = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little")
    rng = np.random.Generator(np.random.Philox(key=[seed, part]))
    return population.draw(rng, rows, samples)


def populations(operator: str, source: str = POPULATIONS) -> tuple[Population, ...]:
    """The populations of an operator that the module ``source`` states."""
    return importlib.import_module(source).of(operator)


def settings(stated: Iterable[Population]) -> tuple[Setting, ...]:
    """Every setting of the populations, sweep by sweep, in the order of the knob's values."""
    found = []
    for population in stated:
        for sweep in population.sweeps:
            for value in sweep.values:
                sizes = (value,) if sweep.knob == SAMPLES else sweep.samples
                found += [Setting(population, sweep, value, int(size)) for size in sizes]
    return tuple(found)


def as_case(operator: Operator, arrays: Arrays, options: dict[str, Any], wrt: str) -> Case:
    """A case of those arrays, by which an implementation can say that it cannot do it.

    Axes are named as in the operator's own cases with the same arrays. Raises ValueError where
    the operator has none.
    """
    shapes = {name: np.shape(array) for name, array in arrays.items()}
    for model in operator.cases:
        dims = {name: model.dims.get(name, ()) for name in shapes}
        if any(len(dims[name]) != len(shape) for name, shape in shapes.items()):
            continue
        # Axes of the output alone are read off the reference of a few samples.
        few = {
            name: array[tuple(slice(2) if label in "RN" else slice(None) for label in dims[name])]
            for name, array in arrays.items()
        }
        output = np.shape(operator.reference(**few, **options))
        if len(output) == len(model.dims["output"]):
            break
    else:
        raise ValueError(f"{operator.name}: no case has arrays of shapes {shapes}, these options")
    dims["output"] = model.dims["output"]
    sizes = {
        label: extent
        for name, shape in shapes.items()
        for label, extent in zip(dims[name], shape, strict=True)
    }
    for label, extent in zip(dims["output"], output, strict=True):
        sizes.setdefault(label, extent)
    return Case("population", sizes, dims, options=options, wrt=(wrt,))


def source_of(population: Population) -> str:
    """Hash of the files that state a population, and of all that these import."""
    values = [getattr(population, field.name) for field in fields(population)]
    modules = {value.__module__ for value in values if callable(value)}
    return hash_of(behind(Path(str(sys.modules[name].__file__)) for name in modules))
