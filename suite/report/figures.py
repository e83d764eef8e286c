"""Writes the pictures of a run: which there are, and what their files are called."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from matplotlib.figure import Figure

from suite.report.against_size import against_size
from suite.report.by_case import by_case
from suite.report.drawing import MEMORY, THROUGHPUT, TIME, Style, styles
from suite.report.error_figure import errors
from suite.report.measured import Measured
from suite.report.sweeps import sweeps

SWEEPS_SHOWN = 8


def write_figures(run: Measured, folder: Path | str) -> dict[str, list[Path]]:
    """Write every picture as PNG into `folder`; return operator -> its files, in reading order."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    style = styles(run)
    written: dict[str, list[Path]] = {}
    for operator in run.operators:
        written[operator] = []
        for name, figure in figures(run, operator, style):
            path = folder / (re.sub(r"[^\w.-]+", "_", f"{operator}-{name}") + ".png")
            figure.savefig(path, metadata={"Software": None})
            written[operator].append(path)
    return written


def figures(run: Measured, operator: str, style: Style) -> Iterator[tuple[str, Figure]]:
    """The pictures of one operator with their names: sweeps, then every case, then errors."""
    drawn = set()
    for sweep in sweeps(run, operator)[:SWEEPS_SHOWN]:
        for quantity in (TIME, THROUGHPUT, MEMORY):
            if figure := against_size(sweep, quantity, style):
                drawn.add((sweep.device, sweep.clock, quantity))
                yield f"{sweep.device}-{sweep.clock}-{sweep.name}-{quantity.metric}", figure
    for device, clock in run.views(operator):
        for quantity in (TIME, MEMORY):
            if quantity is MEMORY and (device, clock, MEMORY) in drawn:
                continue
            if figure := by_case(run, operator, device, clock, quantity, style):
                yield f"{device}-{clock}-cases-{quantity.metric}", figure
    if figure := errors(run, operator, style):
        yield "error", figure
