"""The run: gradients, recovered precisions and fits, one record each, resumable, stored as tables.

results/<machine>/<time>-energies-<pid>/run.json           machine, versions, command
                                        energies.csv.gz    a row a setting, truth and statistic
                                        recovered.csv      a row a loss and dimension
                                        fits.csv           a row a loss, target and seed
                                        fitted.csv.gz      the first seed's energies, on a grid
"""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import shlex
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from suite import __version__, bench, registry
from suite.judge import gradients as judge
from suite.machine import machine
from suite.quality.energy import fits, recovery
from suite.quality.energy.gradients import Losses, measured
from suite.quality.energy.settings import Setting, populations, settings
from suite.quality.energy.targets import TARGETS
from suite.results import UNREADABLE, UnreadableRun, holding, read_each, read_info
from suite.runner import Progress, run_name
from suite.sources import behind, hash_of
from suite.unfinished import Unfinished

IMPLEMENTATION = "torch_eager"
SCHEMA_VERSION = 1
FILE = "energies.csv.gz"
TABLES = {"gradients": FILE, "recovered": "recovered.csv", "fits": "fits.csv",
          "fitted": "fitted.csv.gz"}  # fmt: skip
Tables = dict[str, list[dict]]

OPERATORS = (
    "maximum_likelihood", "contrastive_divergence", "noise_contrastive", "score_matching",
    "denoising_score_matching", "sliced_score_matching",
)  # fmt: skip


@dataclass(frozen=True)
class EnergyRun:
    """info: run.json. The tables by the names of ``TABLES``."""

    info: dict
    tables: dict[str, pd.DataFrame]
    folder: Path


def run(root: Path, progress: Progress) -> EnergyRun:
    """Measure what is not done yet and store the run below ``root``."""
    # Read when a framework is imported. Batches are small: threads cost more than they give.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    here = machine()
    unfinished = Unfinished(root / here.fingerprint, "energies")
    source = _source()
    try:
        work = list(_work())
        progress.total(len(work), len(unfinished.done))
        progress.job("losses of energies", 0)
        for name, do in work:
            key = hashlib.sha256(f"{name}\0{source}".encode()).hexdigest()[:24]
            if key not in unfinished.done:
                progress.item(name)
                record = {"key": key, "case": name, "operator": "energies", "status": "ok",
                          "implementation": IMPLEMENTATION, "pass": "gradient",
                          "mode": "quality", "reason": "", "tables": do()}  # fmt: skip
                unfinished.add(record)
                progress.cell(record)
        kept = {r["case"]: r["tables"] for r in unfinished.done.values()}
        tables = {
            table: pd.DataFrame([row for name, _ in work for row in kept[name].get(table, [])])
            for table in TABLES
        }
        info = {
            "schema_version": SCHEMA_VERSION, "mode": "quality", "suite": __version__,
            "commit": bench.commit(),
            "command": shlex.join(["python", "-m", "suite", *sys.argv[1:]]),
            "machine": here.describe(), "implementation": IMPLEMENTATION,
            "finished": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        }  # fmt: skip
        folder = _write(root / here.fingerprint / run_name("energies"), info, tables)
    except BaseException:
        unfinished.close()
        raise
    unfinished.remove()
    return read(folder)


def _work() -> Iterator[tuple[str, Callable[[], Tables]]]:
    """What is to be done, by names, in order."""
    single, double = Losses(IMPLEMENTATION), Losses(IMPLEMENTATION, "float64")
    stated = populations()
    for setting in settings():
        yield setting.name, partial(_gradients, single, setting, stated)
    for way in recovery.WAYS:
        yield f"precision by {way.name}", partial(_recovered, double, way)
    for target, fitted, seed in itertools.product(TARGETS, fits.WAYS, fits.SEEDS):
        yield f"{target} by {fitted}, seed {seed}", partial(_fit, single, target, fitted, seed)


def _gradients(losses: Losses, setting: Setting, stated: dict) -> Tables:
    about = {name: getattr(setting, name) for name in
             ("population", "loss", "line", "knob", "value", "samples")}  # fmt: skip
    found = measured(losses, setting, stated[setting.population])
    return {"gradients": [{**about, **row} for row in found]}


def _recovered(losses: Losses, way: recovery.Way) -> Tables:
    rows = []
    for size in recovery.SIZES:
        q = recovery.precision(size)
        right, found = recovery.stated(way, q), recovery.recovered(losses, way, size)
        rows.append({
            "way": way.name, "bias": way.bias, "dimension": size,
            "stated": recovery.error(right, q), "found": recovery.error(found, q),
            "from_stated": recovery.error(found, right),
            "by_chance": recovery.chance(losses, way, size),
        })  # fmt: skip
    return {"recovered": rows}


def _fit(losses: Losses, target: str, way: str, seed: int) -> Tables:
    found = fits.fit(losses, way, TARGETS[target], seed)
    about = {"target": target, "way": way}
    said = {"seed": seed, "lost": found.lost, "discrepancy": found.discrepancy,
            "floor": fits.noise_floor(target, seed)}  # fmt: skip
    shown = found.energy if seed == fits.SEEDS[0] else ()
    energy = [{**about, "energy": float(f"{e:.4g}")} for e in shown]
    return {"fits": [{**about, **said}], "fitted": energy}


def _source() -> str:
    """Hash of everything that numbers depend on."""
    here = sorted(Path(__file__).parent.glob("*.py"))
    parts = [hash_of(behind([*here, Path(str(judge.__file__))]))]
    for name in OPERATORS:
        parts.append(registry.source_hash(registry.find(f"energy_{name}", IMPLEMENTATION)))
    return "/".join(parts)


def _write(folder: Path, info: dict, tables: dict[str, pd.DataFrame]) -> Path:
    aside = folder.with_name(f".{folder.name}.{os.getpid()}")
    aside.mkdir(parents=True)
    (aside / "run.json").write_text(json.dumps(info, indent=1) + "\n", encoding="utf-8")
    for name, file in TABLES.items():
        tables[name].to_csv(aside / file, index=False, float_format="%.6g")
    return aside.rename(folder)


def read(folder: Path) -> EnergyRun:
    """A stored run, nothing of which is executed; UnreadableRun says what is wrong with it."""
    info = read_info(folder, SCHEMA_VERSION)
    try:
        tables = {name: pd.read_csv(folder / file) for name, file in TABLES.items()}
    except UNREADABLE as error:
        raise UnreadableRun(f"{folder}: {error}") from error
    return EnergyRun(info, tables, folder)


def newest(root: Path) -> EnergyRun | None:
    """The last finished run below a results folder that can be read, or None."""
    runs, _ = read_each(holding(root, FILE), read)
    return runs[-1] if runs else None


def grid_energy(run: EnergyRun, target: str, way: str) -> np.ndarray:
    """A fitted energy at the targets' grid points."""
    table = run.tables["fitted"]
    return table[(table["target"] == target) & (table["way"] == way)]["energy"].to_numpy()
