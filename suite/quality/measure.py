"""The command: a selection becomes a stored run, its progress shown, its work resumable."""

from __future__ import annotations

import datetime
import os
import shlex
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from suite import __version__, bench
from suite.machine import Machine, machine
from suite.quality.descents import Descent, descents_of
from suite.quality.runner import Item, QualityJob, QualityRunner
from suite.quality.settings import POPULATIONS, SCALES, Scale, Setting, populations, settings
from suite.quality.store import (
    DESCENT_COLUMNS,
    FAILURES,
    QUALITY_COLUMNS,
    WHO,
    QualityRun,
    read,
    write,
)
from suite.runner import Progress, run_name
from suite.selection import Job, Selection, jobs
from suite.unfinished import Unfinished


@dataclass(frozen=True)
class Amount:
    """How much is done. scale: None for the profile's. populations: the module that states them.

    seconds: that an item may take. memory: bytes that all workers may hold. 0: the defaults.
    """

    scale: Scale | None = None
    populations: str = POPULATIONS
    descents: bool = True
    seconds: float = 0.0
    memory: int = 0


USUAL = Amount()


def run(selection: Selection, root: Path, progress: Progress, amount: Amount = USUAL) -> QualityRun:
    """Measure the gradient quality of a selection and store the run below ``root``.

    A run that was interrupted is taken up where it stopped by the same selection. Raises
    ValueError for a selection that fits nothing, RuntimeError when it is running already.
    """
    here = machine()
    device = bench.resolve_device(selection.device, here)
    scale = amount.scale or SCALES[selection.profile]
    work = quality_jobs(selection, device, amount, scale)
    machine_folder = root / here.fingerprint
    unfinished = Unfinished(machine_folder, f"quality-{selection.key}")
    started = _now()
    try:
        runner = QualityRunner(
            here, unfinished, selection.profile, scale, progress, selection.files,
            amount.populations, amount.seconds, amount.memory,
        )  # fmt: skip
        progress.total(sum(len(job.items) for job in work), len(unfinished.done))
        records = runner.run(work)
        info = _describe(here, selection, device, scale, work, runner.versions)
        info |= {"started": started, "finished": _now()}
        items = [item for job in work for item in job.items]
        folder = machine_folder / run_name(f"quality-{selection.profile}")
        write(from_records(records, items, info), folder)
    except BaseException:
        unfinished.close()
        raise
    unfinished.remove()
    return read(folder)


def quality_jobs(
    selection: Selection, device: str, amount: Amount, scale: Scale
) -> tuple[QualityJob, ...]:
    """A job for every implementation of an operator that has a population.

    In the quick profile a slow compiler gets one setting, and one implementation of an operator
    descends for all: gradients that are equal go the same way. Raises ValueError when nothing is
    left.
    """
    found = []
    operators = set()
    work, full = jobs(selection, device), selection.profile == "full"
    for job in work:
        stated = populations(job.operator.name, amount.populations)
        items: list[Item] = [each for each in settings(stated) if fits(each, scale)]
        if amount.descents and (job in descending(work) or not selection.whole or full):
            items += descents_of(job.operator.name)
        if job.declaration.slow_compile and not full:
            items = items[:1]
        if items:
            operators.add(job.operator.name)
            found.append(QualityJob(job.declaration, job.operator, job.device, tuple(items)))
    if not found:
        raise ValueError("nothing to run: no population of the chosen operators is stated")
    if amount.descents and "batch_shaping" in operators:
        found.append(QualityJob(None, None, "cpu", descents_of("")))
    return tuple(found)


def descending(work: tuple[Job, ...]) -> tuple[Job, ...]:
    """One job of every operator: eager before interpreted before compiled."""
    order = ("torch", "numpy", "jax")
    first: dict[str, Job] = {}
    for job in sorted(work, key=lambda job: order.index(job.declaration.framework)):
        if not job.declaration.slow_compile:
            first.setdefault(job.operator.name, job)
    return tuple(first.values())


def fits(setting: Setting, scale: Scale) -> bool:
    """Whether a setting is no larger than the scale allows."""
    return scale.batches * setting.samples * setting.components <= scale.gradients


def from_records(records: list[dict], items: list[Item], info: dict) -> QualityRun:
    """Turn the runner's records into frames."""
    quality: list[dict] = []
    descents: list[dict] = []
    for record, item in zip(records, items, strict=True):
        head = {name: record[name] for name in (*WHO, "status", "reason")}
        rows = quality if isinstance(item, Setting) else descents
        rows += [{**head, **_about(item), **row} for row in record["rows"] or [{"metric": ""}]]
    return QualityRun(
        info,
        pd.DataFrame(quality, columns=list(QUALITY_COLUMNS)),
        pd.DataFrame(descents, columns=list(DESCENT_COLUMNS)),
    )


def _about(item: Item) -> dict[str, Any]:
    if isinstance(item, Descent):
        names = ("objective", "setting", "target", "start", "samples")
        return {name: getattr(item, name) for name in names}
    return {
        "population": item.population.name,
        "sweep": item.sweep.name,
        "knob": item.sweep.knob,
        "value": str(item.value),
        "samples": item.samples,
    }


def _describe(
    here: Machine, selection: Selection, device: str, scale: Scale, work: tuple[QualityJob, ...],
    versions: dict[str, str],
) -> dict:  # fmt: skip
    """A run's record: where, with what, of which populations and options."""
    stated: dict[str, dict] = {}
    for job in work:
        for item in job.items:
            if isinstance(item, Setting):
                mine = stated.setdefault(item.population.operator, {})
                said = {"parameters": dict(item.population.parameters),
                        "source": item.population.source, "sweeps": {}}  # fmt: skip
                sweeps = mine.setdefault(item.population.name, said)["sweeps"]
                sweeps[item.sweep.name] = {k: str(v) for k, v in item.sweep.options.items()}
    return {
        "suite": __version__,
        "commit": bench.commit(),
        "command": shlex.join(["python", "-m", "suite", *sys.argv[1:]]),
        "complete": not (selection.operators or selection.implementations),
        "profile": selection.profile,
        "device": device,
        "scale": asdict(scale),
        "machine": here.describe(),
        "versions": dict(sorted(versions.items())),
        "load": list(os.getloadavg()) if hasattr(os, "getloadavg") else None,
        "populations": stated,
    }


def failures(run: QualityRun) -> list[str]:
    """Lines that say what makes the command fail, one a reason."""
    bad = run.statuses[run.statuses["status"].isin(FAILURES)]
    lines = []
    for key, group in bad.groupby(["operator", "implementation", "status", "reason"]):
        operator, implementation, status, reason = map(str, key)
        first, more = group["what"].iloc[0], len(group) - 1
        which = f"{first} and {more} more" if more else first
        lines.append(f"{operator}/{implementation} {which}: {status}, {reason}")
    return lines


def _now() -> str:
    return f"{datetime.datetime.now(datetime.UTC):%Y-%m-%dT%H:%M:%SZ}"
