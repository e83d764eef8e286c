"""A made-up run with known numbers: what the reports are tested on."""

import numpy as np
import pandas as pd

from suite import results

SIZES = [(1, 500), (16, 1024), (64, 4096), (512, 16384)]
# implementation -> (framework, seconds an element, seconds a call, compile seconds)
SPEED = {
    "numpy_scipy": ("numpy", 9e-8, 4e-5, None),
    "torch_eager": ("torch", 2.5e-8, 8e-5, None),
    "torch_compiled": ("torch", 1.4e-8, 5e-5, 21.5),
    "jax_xla": ("jax", 1.9e-8, 3e-5, 0.8),
}
UNITS = {
    "value_error": "tolerance", "gradient_error": "tolerance", "time": "s", "time_iqr": "s",
    "yardstick_copy": "s", "yardstick_sort": "s", "normalised_copy": "ratio",
    "normalised_sort": "ratio", "normalised_histogram": "ratio",
    "throughput": "elements/s", "compile_time": "s",
    "peak_memory": "bytes", "bandwidth": "bytes/s", "roofline_share": "", "graphs": "",
    "graph_breaks": "", "kernels": "",
}  # fmt: skip


def cell_rows(operator, implementation, case, pass_, metrics, *, status="ok", reason="",
              device="cpu", clock="wall", dtype="float32", framework="torch"):  # fmt: skip
    """The tidy rows of one cell; a cell without metrics keeps one row."""
    head = {
        "operator": operator, "implementation": implementation, "framework": framework,
        "case": case, "pass": pass_, "device": device, "dtype": dtype, "status": status,
        "reason": reason,
    }  # fmt: skip
    timed = {"time", "time_iqr", "yardstick_copy", "yardstick_sort", "normalised_copy",
             "normalised_sort", "normalised_histogram", "throughput", "bandwidth",
             "roofline_share", "graphs", "graph_breaks", "kernels"}  # fmt: skip
    rows = [
        {**head, "clock": clock if metric in timed else "", "metric": metric, "value": value,
         "unit": UNITS[metric]}
        for metric, value in metrics.items()
    ]  # fmt: skip
    return rows or [{**head, "clock": "", "metric": "", "value": np.nan, "unit": ""}]


def timed_metrics(implementation, elements, pass_, rng):
    """Numbers of a plausible cell."""
    _, slope, call, compile_time = SPEED[implementation]
    seconds = (call + slope * elements) * (1 if pass_ == "forward" else 2.4)
    sort, copy = 2e-6 + 1.1e-8 * elements, 1e-6 + 4e-10 * elements
    metrics = {
        "value_error": 10 ** rng.uniform(-2.5, -0.3), "time": seconds, "time_iqr": seconds * 0.03,
        "yardstick_sort": sort, "yardstick_copy": copy, "normalised_sort": seconds / sort,
        "normalised_copy": seconds / copy, "throughput": elements / seconds,
        "peak_memory": 3e5 + 24 * elements,
    }  # fmt: skip
    if pass_ != "forward":
        metrics["gradient_error"] = 10 ** rng.uniform(-2, -0.1)
    if compile_time:
        metrics["compile_time"] = compile_time
    return metrics


def synthetic_tidy(operators=("batch_shaping", "ecdf"), device="cpu", clock="wall"):
    """Four implementations on four sizes; one is wrong, one dies, one cannot do bfloat16."""
    rng = np.random.Generator(np.random.Philox(7))
    rows = []
    for operator in operators:
        for implementation, (framework, *_) in SPEED.items():
            for r, n in SIZES:
                for pass_ in ("forward", "forward+backward"):
                    where = {"framework": framework, "device": device, "clock": clock}
                    cell = (operator, implementation, f"sweep-{r}x{n}", pass_)
                    if implementation == "numpy_scipy" and r == 512:
                        where |= {"status": "timeout", "reason": "no result after 60 s"}
                        rows += cell_rows(*cell, {}, **where)
                        continue
                    rows += cell_rows(*cell, timed_metrics(implementation, r * n, pass_, rng),
                                      **where)  # fmt: skip
            rows += cell_rows(operator, implementation, "bfloat16", "forward", {},
                              status="unsupported", reason="no bfloat16 in this framework",
                              framework=framework, dtype="bfloat16")  # fmt: skip
        for r, n in SIZES:
            metrics = timed_metrics("jax_xla", r * n, "forward", rng)
            metrics |= {"value_error": 4e4, "time": metrics["time"] / 50}
            rows += cell_rows(operator, "published_forum", f"sweep-{r}x{n}", "forward", metrics,
                              status="wrong", reason="value off by 4e4 tolerances: forum formula",
                              device=device, clock=clock)  # fmt: skip
    return pd.DataFrame(rows)


def synthetic_info(operators=("batch_shaping", "ecdf")):
    """The run's record that goes with `synthetic_tidy`."""
    options = {"prior": "normal", "ties": "mid"}
    cases = {
        f"sweep-{r}x{n}": {"sizes": {"R": r, "N": n}, "dtype": "float32", "source": "",
                           "representative": r == 64, "options": options}
        for r, n in SIZES
    }  # fmt: skip
    cases["bfloat16"] = {"sizes": {"R": 8, "N": 512}, "dtype": "bfloat16",
                         "representative": False,
                         "options": {"prior": "beta", "ties": "mid"}}  # fmt: skip
    return {
        "schema_version": 1, "finished": "2026-11-22T19:40:00Z", "command": "bench --quick",
        "commit": "0123abc", "threads": 2, "device": {"cpu": "Example CPU"},
        "versions": {"torch": "2.13.0", "jax": "0.10.2"},
        "cases": dict.fromkeys(operators, cases),
    }  # fmt: skip


SAMPLES = pd.DataFrame(columns=list(results.SAMPLE_COLUMNS))


def as_run(tidy, info):
    """A stored run that was never written."""
    return results.Run(info, tidy[list(results.CELL_COLUMNS)], SAMPLES)
