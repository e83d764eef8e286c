"""Made-up runs of one machine over commits, of which one slows one cell down."""

import sys
from pathlib import Path

from suite import results

sys.path.append(str(Path(__file__).resolve().parents[1] / "compare"))
from made_runs import CELLS, MACHINE, SLOW, Side

__all__ = ["CELLS", "MACHINE", "SLOW", "histories", "made_runs"]


def made_runs(count, slow_from=None, wrong=None):
    """One run a commit, the commits numbered; the cell SLOW takes twice as long from one on."""
    found = []
    for number in range(count):
        slow = slow_from is not None and number >= slow_from
        side = Side(
            slowed={SLOW: 2.0} if slow else {},
            outcomes={wrong: {"status": "wrong", "reason": "expected 1"}} if wrong else {},
            info={"finished": f"2026-11-{1 + number:02d}T00:00:00Z"},
        )
        run = side.run(number, commit=f"{number:07x}" + "0" * 33)
        folder = Path(MACHINE) / f"run-{number:02d}"
        found.append(results.Run(run.info, run.cells, run.samples, folder))
    return found


def histories(root, runs):
    """Write the runs below a results folder."""
    for run in runs:
        results.write(run, root / run.folder)
