"""What a worker is asked to run again, written by the parent as JSON."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class ReproducePlan:
    """trials: (experiment, start). folder: where the worker appends ``lines`` (JSON lines)."""

    source: str
    implementation: str
    trials: tuple[tuple[str, str], ...]
    quick: bool
    folder: str
    lines: str

    def write(self, path: Path) -> None:
        path.write_text(json.dumps(dataclasses.asdict(self)), encoding="utf-8")

    @staticmethod
    def read(path: Path) -> ReproducePlan:
        raw = json.loads(path.read_text(encoding="utf-8"))
        return ReproducePlan(**{**raw, "trials": tuple(map(tuple, raw["trials"]))})
