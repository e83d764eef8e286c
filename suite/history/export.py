"""All runs in one file: CSV, or Parquet where pyarrow is installed."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable
from pathlib import Path

from suite.history.frame import tidy
from suite.results import Run

SUFFIXES = (".csv", ".csv.gz", ".parquet")


def require_writable(path: Path) -> None:
    """Raise ValueError for a suffix that is none of SUFFIXES, ImportError without pyarrow."""
    if not path.name.endswith(SUFFIXES):
        raise ValueError(f"{path}: expected a name that ends in {', '.join(SUFFIXES)}")
    if path.suffix == ".parquet" and importlib.util.find_spec("pyarrow") is None:
        raise ImportError(f"{path}: Parquet needs pyarrow: pip install 'cdfbench[parquet]'")


def export(runs: Iterable[Run], path: Path) -> int:
    """Write a row for every run, cell and metric; how many there are.

    Raises ValueError for a name of another kind and ImportError where its writer is missing.
    """
    require_writable(path)
    frame = tidy(runs)
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".parquet":
        frame.to_parquet(path, engine="pyarrow", index=False)
    else:
        frame.to_csv(path, index=False)
    return len(frame)
