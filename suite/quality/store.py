"""The store of gradient quality: a run is one folder of plain text, never overwritten.

    results/<machine>/<time>-quality-<profile>-<pid>/run.json         machine, versions, command
                                                     quality.csv.gz   a row a setting and statistic
                                                     descents.csv.gz  a row a descent, look, metric

Nothing is pickled; reading a run executes nothing.
"""

from __future__ import annotations

import json
import os
import zlib
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from suite.results import UnreadableRun

SCHEMA_VERSION = 1
QUALITY, DESCENTS = "quality.csv.gz", "descents.csv.gz"

WHO = ("operator", "implementation", "framework", "device", "dtype")
SETTING = ("population", "sweep", "knob", "value", "samples")
GOAL = ("objective", "setting", "target", "start", "samples")
NUMBERS = ("estimate", "low", "high")
QUALITY_COLUMNS = (
    *WHO, *SETTING, "batches", "non_finite", "component", "status", "reason", "metric", *NUMBERS
)  # fmt: skip
DESCENT_COLUMNS = (*WHO, *GOAL, "rows", "step", "status", "reason", "metric", *NUMBERS)
FAILURES = ("error", "crashed", "oom", "timeout")


@dataclass(frozen=True)
class QualityRun:
    """info: run.json. quality, descents: frames with the columns above.

    A setting without numbers has one row, whose metric is empty and whose reason says why.
    ``component`` is a component of the objective and a parameter ("bin3/mu"), or "all".
    """

    info: dict
    quality: pd.DataFrame
    descents: pd.DataFrame
    folder: Path | None = None

    @property
    def statuses(self) -> pd.DataFrame:
        """One row a setting or descent: who, what, status and reason."""
        columns = ["operator", "implementation", "what", "status", "reason"]
        parts = [
            frame.assign(what=frame[list(names)].astype(str).agg("/".join, axis=1))[columns]
            for frame, names in ((self.quality, SETTING), (self.descents, GOAL))
            if len(frame)
        ]
        found = pd.concat(parts) if parts else pd.DataFrame(columns=columns)
        return found.drop_duplicates(ignore_index=True)


def write(run: QualityRun, folder: Path) -> Path:
    """Write a run to a new folder; FileExistsError when there is one of that name."""
    if folder.exists():
        raise FileExistsError(f"{folder} exists: runs are never overwritten")
    aside = folder.with_name(f".{folder.name}.{os.getpid()}")
    aside.mkdir(parents=True)
    info = {"schema_version": SCHEMA_VERSION, "mode": "quality", **run.info}
    (aside / "run.json").write_text(json.dumps(info, indent=1) + "\n", encoding="utf-8")
    run.quality.to_csv(aside / QUALITY, index=False, float_format="%.6g")
    run.descents.to_csv(aside / DESCENTS, index=False, float_format="%.6g")
    return aside.rename(folder)


def read(folder: Path) -> QualityRun:
    """Read one run; UnreadableRun says what is wrong with it."""
    try:
        info = json.loads((folder / "run.json").read_text(encoding="utf-8"))
        quality = _read(folder / QUALITY, QUALITY_COLUMNS)
        descents = _read(folder / DESCENTS, DESCENT_COLUMNS)
    except (OSError, EOFError, ValueError, zlib.error, pd.errors.ParserError) as error:
        raise UnreadableRun(f"{folder}: {error}") from error
    if (version := info.get("schema_version")) != SCHEMA_VERSION:
        raise UnreadableRun(
            f"{folder}: schema_version={version!r}; this version reads {SCHEMA_VERSION}"
        )
    return QualityRun(info, quality, descents, folder)


def _read(path: Path, columns: tuple[str, ...]) -> pd.DataFrame:
    numbers = {*NUMBERS, "samples", "batches", "non_finite", "rows", "step"} & set(columns)
    text: dict = {name: "string" for name in columns if name not in numbers}
    frame = pd.read_csv(path, dtype=text, keep_default_na=False,
                        na_values={name: ["", "nan"] for name in numbers})  # fmt: skip
    if tuple(frame.columns) != columns:
        raise ValueError(f"{path.name}: columns {list(frame.columns)}, not {columns}")
    return frame


def read_all(root: Path) -> tuple[list[QualityRun], list[UnreadableRun]]:
    """Every run of gradient quality below a results folder, oldest first, and what failed."""
    runs, errors = [], []
    for path in sorted(root.glob(f"*/*/{QUALITY}")):
        if path.parent.name.startswith("."):
            continue
        try:
            runs.append(read(path.parent))
        except UnreadableRun as error:
            errors.append(error)
    return sorted(runs, key=lambda run: str(run.info.get("finished", ""))), errors
