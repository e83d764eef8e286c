"""How long do twenty runs of two thousand cells take to report? Not a test: it prints seconds.

python tests/report/many_runs.py [FOLDER]
"""

import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

from suite import cli, results

RUNS, CELLS, ROUNDS = 20, 2000, 60
OPERATORS = ("batch_shaping", "ecdf", "soft_cut", "soft_histogram", "occupancy_entropy")
IMPLEMENTATIONS = {
    "numpy_scipy": "numpy", "torch_eager": "torch", "torch_compiled": "torch", "jax_xla": "jax",
}  # fmt: skip
PASSES = ("forward", "forward+backward")
METRICS = {
    "value_error": "tolerance", "digest": "", "time": "s", "time_iqr": "s", "rounds": "",
    "throughput": "elements/s", "bandwidth": "bytes/s", "compile_time": "s",
    "yardstick_copy": "s", "normalised_copy": "", "yardstick_sort": "s", "normalised_sort": "",
    "roofline_share": "", "too_fast": "", "threads": "",
}  # fmt: skip


def made_up_run(seed):
    """One run of CELLS cells with as many metrics and samples as a quick profile keeps."""
    rng = np.random.Generator(np.random.Philox(seed))
    cases = CELLS // (len(OPERATORS) * len(IMPLEMENTATIONS) * len(PASSES))
    cells = pd.DataFrame(
        [
            (operator, name, framework, f"case-{case}", pass_)
            for operator in OPERATORS
            for name, framework in IMPLEMENTATIONS.items()
            for case in range(cases)
            for pass_ in PASSES
        ],
        columns=["operator", "implementation", "framework", "case", "pass"],
    ).assign(device="cpu", dtype="float32", clock="wall", status="ok", reason="")
    tidy = cells.merge(pd.DataFrame(METRICS.items(), columns=["metric", "unit"]), how="cross")
    tidy["value"] = rng.uniform(0.1, 0.9, len(tidy))
    rounds = pd.DataFrame({"round": range(ROUNDS)})
    samples = cells.merge(rounds, how="cross")
    samples["seconds"] = rng.uniform(1e-3, 2e-3, len(samples))
    sizes = {f"case-{k}": {"sizes": {"R": k + 1, "N": 512}, "dtype": "float32", "options": {},
                           "representative": k == 0} for k in range(cases)}  # fmt: skip
    info = {"mode": "time", "profile": "quick", "whole": True, "commit": f"{seed:040x}",
            "finished": f"2026-11-{seed % 28 + 1:02d}T00:00:00Z", "command": "made up",
            "versions": {}, "cases": dict.fromkeys(OPERATORS, sizes)}  # fmt: skip
    return results.Run(
        info, tidy[list(results.CELL_COLUMNS)], samples[list(results.SAMPLE_COLUMNS)]
    )


def main(folder):
    """Write the runs below a folder and time the commands that read them."""
    for seed in range(RUNS):
        results.write(made_up_run(seed), folder / "made-up-2c-000000" / f"run-{seed:02d}")
    start = time.perf_counter()
    runs, errors = results.read_all(folder)
    print(f"{len(runs)} runs of {len(runs[0].statuses)} cells: {time.perf_counter() - start:.1f} s")
    assert not errors
    for arguments in (["report", "--results", str(folder)],):
        start = time.perf_counter()
        cli.app(arguments, standalone_mode=False)
        print(f"{arguments[0]}: {time.perf_counter() - start:.1f} s")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        main(Path(sys.argv[1]))
    else:
        with tempfile.TemporaryDirectory() as name:
            main(Path(name))
