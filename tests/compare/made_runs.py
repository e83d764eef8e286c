"""Made-up runs with known times and planted changes."""

from dataclasses import dataclass, field

import numpy as np

from suite import results
from suite.timing.metrics import UNITS

MACHINE = "example-2c-000000"
IMPLEMENTATIONS = {"numpy_scipy": "numpy", "torch_eager": "torch", "jax_xla": "jax"}
CASES = ("small", "medium", "large", "tied", "wide")
PASSES = ("forward", "forward+backward")
CELLS = tuple(
    ("soft_cut", name, case, pass_)
    for name in IMPLEMENTATIONS
    for case in CASES
    for pass_ in PASSES
)
SLOW = ("soft_cut", "torch_eager", "medium", "forward+backward")


@dataclass
class Side:
    """How runs of one side come about.

    slowed: factors on the time, by cell. metrics, outcomes: of a cell, in place of the usual ones.
    between, within: standard deviations of log times from process to process and round to round.
    """

    slowed: dict = field(default_factory=dict)
    metrics: dict = field(default_factory=dict)
    outcomes: dict = field(default_factory=dict)
    cells: tuple = CELLS
    between: float = 0.04
    within: float = 0.05
    info: dict = field(default_factory=dict)

    def run(self, seed, machine=MACHINE, commit="a" * 40):
        """One process's run."""
        rng = np.random.Generator(np.random.Philox(seed))
        records = [self._record(rng, number, cell) for number, cell in enumerate(self.cells)]
        sizes = {"sizes": {"R": 8, "N": 512}, "dtype": "float32", "options": {}, "wrt": ["x"]}
        info = {
            "schema_version": results.SCHEMA_VERSION, "mode": "time", "commit": commit,
            "finished": f"2026-11-22T{seed // 60 % 24:02d}:{seed % 60:02d}:00Z",
            "machine": {"fingerprint": machine}, "versions": {"numpy": "2.4"},
            "cases": {"soft_cut": dict.fromkeys(CASES, sizes)}, **self.info,
        }  # fmt: skip
        return results.from_records(records, info, UNITS)

    def runs(self, count, seed, **where):
        """Several processes' runs."""
        return tuple(self.run(1000 * seed + number, **where) for number in range(count))

    def _record(self, rng, number, cell):
        operator, name, case, pass_ = cell
        median = (
            1e-4 * (1 + number) * self.slowed.get(cell, 1) * np.exp(rng.normal() * self.between)
        )
        samples = median * np.exp(rng.normal(size=31) * self.within)
        sort = 5e-5 * (1 + number)
        usual = {
            "value_error": 0.1, "digest": 12345.0, "time": float(np.median(samples)),
            "yardstick_sort": sort, "normalised_sort": float(np.median(samples)) / sort,
        }  # fmt: skip
        if pass_ == "forward+backward":
            usual["gradient_error"] = 0.2
        outcome = {"status": "ok", "reason": "", **self.outcomes.get(cell, {})}
        done = outcome["status"] in ("ok", "wrong")
        return {
            "operator": operator, "implementation": name, "framework": IMPLEMENTATIONS[name],
            "case": case, "pass": pass_, "device": "cpu", "dtype": "float32", "clock": "wall",
            "mode": "time", "samples": list(samples) if done else [],
            "metrics": {**usual, **self.metrics.get(cell, {})} if done else {}, **outcome,
        }  # fmt: skip
