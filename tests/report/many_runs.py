"""How long do twenty runs of two thousand cells take to report? Not a test: it prints seconds.

python tests/report/many_runs.py [FOLDER]
"""

import contextlib
import io
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
    (first, *_), errors = results.read_all(folder)
    assert not errors
    print(f"{RUNS} runs of {len(first.statuses)} cells")
    where = ["--results", str(folder)]
    machine = folder / "made-up-2c-000000"
    for arguments in (
        ["report", *where],
        ["history", *where],
        ["export", str(folder / "all.csv"), *where],
        ["compare", str(machine / "run-00"), str(machine / "run-01")],
    ):
        wall, cpu = time.perf_counter(), time.process_time()
        with contextlib.redirect_stdout(io.StringIO()):
            cli.app(arguments, standalone_mode=False)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        print(f"{arguments[0]}: {wall:.1f} s, of them {cpu:.1f} s of a processor's time")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        main(Path(sys.argv[1]))
    else:
        with tempfile.TemporaryDirectory() as name:
            main(Path(name))
