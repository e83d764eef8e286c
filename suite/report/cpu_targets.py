"""What implementations are to reach on a CPU, as ratios to a yardstick of the same run, and what
runs have measured of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from suite.report.measured import quantity
from suite.report.newest import by_machine
from suite.results import Run, read_all

BACKWARD = "forward+backward"
PAGE = "cpu-targets.md"
HEADS = ("operator", "implementation", "case", "pass", "target", "measured", "verdict", "commit")
_WORDS = {
    "normalised_histogram": "of np.histogram",
    "normalised_sort": "of the framework's sort",
    "peak_memory": "beyond its input",
}


@dataclass(frozen=True)
class Target:
    """A cell's metric, by the wall clock on a CPU, that is to be at most so much."""

    operator: str
    implementation: str
    case: str
    pass_: str
    metric: str
    at_most: float

    def words(self, value: float) -> str:
        """A value of the metric as it is read."""
        memory = self.metric == "peak_memory"
        number = quantity(value, "B") if memory else f"{value:.2f}"
        return f"{number} {_WORDS[self.metric]}"


def _histograms(implementation: str, times: float) -> list[Target]:
    """Forward 1 and forward+backward 1.5 of NumPy's hard histogram at 50 bins, 1.3 times that at
    1000, all of it ``times``."""
    return [
        Target("soft_histogram", implementation, f"n1e7-B{bins}", pass_, "normalised_histogram",
               times * more * share)
        for bins, more in ((50, 1.0), (1000, 1.3))
        for pass_, share in (("forward", 1.0), (BACKWARD, 1.5))
    ]  # fmt: skip


def _shaping(implementation: str) -> list[Target]:
    limits = {"normal": 1.3, "relaxed_bernoulli": 1.3, "beta-parameters": 3.0}
    return [
        Target("batch_shaping", implementation, f"{prior}-{size}", BACKWARD, "normalised_sort",
               limit)
        for size in ("64x4096", "512x16384")
        for prior, limit in limits.items()
    ]  # fmt: skip


_GRADIENT = 4e7
TARGETS = (
    *_histograms("torch_moments", 1.0),
    Target("soft_histogram", "torch_moments", "n1e7-B50", BACKWARD, "peak_memory",
           150e6 + _GRADIENT),
    *_histograms("jax_moments", 3.0),
    *_shaping("torch_eager"),
    *_shaping("jax_xla"),
)  # fmt: skip
"""Memory counts the gradient to 1e7 float32 samples, too."""


def measured(target: Target, runs: Iterable[Run]) -> tuple[float, str] | None:
    """The metric by the newest run that has the cell right, and that run's commit; else None."""
    found = None
    for run in runs:
        cells = run.metric(target.metric)
        wanted = {"operator": target.operator, "implementation": target.implementation,
                  "case": target.case, "pass": target.pass_, "device": "cpu",
                  "status": "ok"}  # fmt: skip
        for column, value in wanted.items():
            cells = cells[cells[column] == value]
        values = cells["value"].dropna()
        if len(values):
            found = float(values.iloc[-1]), str(run.info.get("commit") or "unknown")[:7]
    return found


def table(runs: Iterable[Run]) -> list[tuple[str, ...]]:
    """A row a target, in the order of ``HEADS``."""
    runs, rows = tuple(runs), list[tuple[str, ...]]()
    for target in TARGETS:
        head = (target.operator, target.implementation, target.case, target.pass_)
        found, limit = measured(target, runs), f"at most {target.words(target.at_most)}"
        if found is None:
            rows.append((*head, limit, "-", "not measured", "-"))
            continue
        value, commit = found
        verdict = "met" if value <= target.at_most else "not met"
        rows.append((*head, limit, target.words(value), verdict, commit))
    return rows


def on_cpus(results: Path) -> dict[str, list[Run]]:
    """The timed runs of every machine that has measured a target, oldest first."""
    machines = by_machine(read_all(results)[0])
    return {
        name: runs
        for name, runs in machines.items()
        if any(measured(target, runs) is not None for target in TARGETS)
    }


def write_page(results: Path) -> Path:
    """Write the page about targets on a CPU, below the results."""
    lines = [
        "# Targets on a CPU",
        "",
        "`python -m suite targets` writes this page from stored runs.",
    ]
    for name, runs in on_cpus(results).items():
        lines += ["", f"## {name}", "", f"| {' | '.join(HEADS)} |", "|:--" * len(HEADS) + "|"]
        lines += [f"| {' | '.join(row)} |" for row in table(runs)]
    lines += [
        "",
        "Ratios of medians by the wall clock, cell and yardstick in one process on equal arrays;",
        "of several runs the newest that has the cell counts.",
    ]
    path = results / PAGE
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path
