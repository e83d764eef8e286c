"""Which trials a command runs: sources, and implementations of each experiment, as asked for."""

from __future__ import annotations

from dataclasses import dataclass, field

from suite import registry, reproduce
from suite.registry import Declaration
from suite.reproduce.claims import Experiment, Source, Trial

KERNELS = ("cuda_", "triton_")
KINDS = ("published", "torch", "jax", "kernels")
"""What ``--implementation`` may be beside a name."""


@dataclass(frozen=True)
class Job:
    """One worker's share: an implementation of a source's experiments, and their trials."""

    source: str
    implementation: str
    trials: tuple[tuple[str, Trial], ...]
    alone: bool = False

    @property
    def title(self) -> str:
        return f"{self.source} / {self.implementation}"


@dataclass(frozen=True)
class Asked:
    """What a user asked for; empty means all. seeds: starts beside the source's own."""

    sources: tuple[str, ...] = ()
    implementations: tuple[str, ...] = ()
    seeds: int = 5
    quick: bool = False
    declared: dict[tuple[str, str], Declaration] = field(
        default_factory=lambda: {(d.operator, d.name): d for d in registry.discover()},
        init=False,
        repr=False,
        compare=False,
    )
    """All implementations, by operator and name."""

    @property
    def whole(self) -> bool:
        """Whether everything is run, at full size."""
        return not (self.sources or self.implementations or self.quick)

    def chosen(self) -> tuple[Source, ...]:
        """Raises ValueError for a source that is not there."""
        if unknown := sorted(set(self.sources) - set(reproduce.names())):
            there = ", ".join(reproduce.names())
            raise ValueError(f"--source {unknown}: expected some of {there}")
        return tuple(reproduce.get(name) for name in self.sources or reproduce.names())

    def implementations_of(self, experiment: Experiment) -> tuple[str, ...]:
        """Names that run an experiment; one of no operator runs whatever is asked for.

        Raises ValueError for a name that no operator has.
        """
        if not self.implementations or not experiment.operator:
            return experiment.implementations
        found: list[str] = []
        for name in self.implementations:
            found += self._meant(experiment, name)
        return tuple(dict.fromkeys(found))

    def absent(self, experiment: Experiment, implementation: str) -> str | None:
        """Why the registry has no such implementation of the experiment's operator, or None."""
        operator = experiment.operator
        if not operator or (operator, implementation) in self.declared:
            return None
        return f"{implementation} does not implement {operator}"

    def _meant(self, experiment: Experiment, name: str) -> list[str]:
        mine = sorted(n for operator, n in self.declared if operator == experiment.operator)
        if name == "published":
            return [experiment.published] if experiment.published else []
        if name == "kernels":
            return [n for n in mine if n.startswith(KERNELS)]
        known = {"torch": "torch_eager", "jax": "jax_xla"}.get(name, name)
        if known not in {n for _, n in self.declared}:
            there = ", ".join((*KINDS, *sorted({n for _, n in self.declared})))
            raise ValueError(f"--implementation {name!r}: expected some of {there}")
        return [known]


def jobs(asked: Asked) -> tuple[Job, ...]:
    """The jobs of a command; those that run alone are the last.

    Raises ValueError for an unknown name, or when nothing is left.
    """
    shares: dict[tuple[str, str, bool], list[tuple[str, Trial]]] = {}
    for source in asked.chosen():
        for experiment in source.experiments:
            if experiment.full and asked.quick:
                continue
            for name in asked.implementations_of(experiment):
                mine = shares.setdefault((source.name, name, experiment.alone), [])
                mine += [
                    (experiment.name, Trial(name, start, asked.quick))
                    for start in experiment.starts(asked.seeds, asked.quick)
                ]
    if not shares:
        raise ValueError("nothing to run: no experiment has such an implementation")
    found = [Job(s, name, tuple(each), alone) for (s, name, alone), each in shares.items()]
    return tuple(sorted(found, key=lambda job: job.alone))
