"""What a worker of gradient quality is asked to do, written by the parent as JSON."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path

from suite.quality.settings import Scale


@dataclass(frozen=True)
class QualityPlan:
    """Settings and descents for one implementation of one operator on one device.

    settings, descents: names of what is to be done. populations: the module that states them.
    folder: where the worker appends ``lines`` (JSON lines) and writes what it found.
    """

    operator: str
    implementation: str
    device: str
    scale: Scale
    settings: tuple[str, ...]
    descents: tuple[str, ...]
    populations: str
    folder: str
    lines: str
    files: tuple[str, ...] = ()

    def write(self, path: Path) -> None:
        path.write_text(json.dumps(dataclasses.asdict(self)), encoding="utf-8")

    @staticmethod
    def read(path: Path) -> QualityPlan:
        raw = json.loads(path.read_text(encoding="utf-8"))
        raw["scale"] = Scale(**raw["scale"])
        for name in ("settings", "descents", "files"):
            raw[name] = tuple(raw[name])
        return QualityPlan(**raw)
