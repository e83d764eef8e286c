"""Size sweeps: the cases of one operator that differ in nothing but their number of samples."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from suite.report.measured import Measured

# The part of a case's name that says its size: "64x4096", "n1e5".
SIZE = re.compile(r"(^|-)(\d+x\d+|n\d+(e\d+)?)(?=-|$)")


@dataclass(frozen=True)
class Sweep:
    """Cells of one operator, device and clock that may share a line.

    name: the cases' name without its size. title: what is fixed, in words.
    """

    operator: str
    device: str
    clock: str
    name: str
    title: str
    cells: pd.DataFrame


def sweeps(run: Measured, operator: str) -> list[Sweep]:
    """The sweeps of an operator, the one with the most sizes first.

    A sweep's cases have equal dtypes and options, and names that are equal without the size: the
    name also tells apart what is differentiated and how the data was drawn. Each was timed at two
    sizes at least.
    """
    cells = run.of(operator).copy()
    cases = run.cases.get(operator, {})
    cells["name"] = [SIZE.sub("", case).strip("-") or "size" for case in cells["case"]]
    cells["setting"] = [_setting(cases.get(case, {})) for case in cells["case"]]
    cells = cells[cells["elements"] > 0]
    found = []
    for device, clock in run.views(operator):
        here = cells[(cells["device"] == device) & cells["clock"].isin([clock, ""])]
        for (name, setting), group in here.groupby(["name", "setting"]):
            if _sizes(group) >= 2:
                title = f"{name}: {setting}" if setting else str(name)
                found.append(Sweep(operator, device, clock, str(name), title, group))
    return sorted(found, key=lambda sweep: -_sizes(sweep.cells))


def _sizes(cells: pd.DataFrame) -> int:
    return cells.loc[cells["time"] > 0, "elements"].nunique()


def _setting(said: Mapping[str, Any]) -> str:
    """Dtype and options, in words."""
    options = said.get("options", {})
    words = [f"{k}={json.dumps(v, default=str)}".replace('"', "") for k, v in options.items()]
    return ", ".join(word for word in [str(said.get("dtype", "")), *words] if word)
