"""The command: what was asked for becomes a stored run, its progress shown, its work resumable."""

from __future__ import annotations

import datetime
import hashlib
import json
import os
import shlex
import sys
from pathlib import Path

from suite import __version__, bench, versions
from suite.machine import Machine, machine
from suite.reproduce import store
from suite.reproduce.figures import drawn, write_figures
from suite.reproduce.jobs import Asked, jobs
from suite.reproduce.rows import frame, rows
from suite.reproduce.runner import ReproduceRunner
from suite.runner import Progress, run_name
from suite.unfinished import Unfinished


def run(
    asked: Asked, root: Path, progress: Progress, *, animate: bool = False
) -> store.ReproduceRun:
    """Run experiments again and store the run below ``root``; the stored run.

    A run that was interrupted is taken up where it stopped by the same command. Raises ValueError
    for what is not there, RuntimeError when the same is running already.
    """
    work, here, started = jobs(asked), machine(), _now()
    machine_folder = root / here.fingerprint
    unfinished = Unfinished(machine_folder, f"reproduce-{_key(asked)}")
    try:
        progress.total(sum(len(job.trials) for job in work), len(unfinished.done))
        records = ReproduceRunner(here, unfinished, asked, progress).run(work)
        aside = unfinished.scratch("run")
        write_figures(records, aside / store.FIGURES, progress, animate=animate)
        info = _describe(here, asked) | {"started": started, "finished": _now()}
        store.write(aside, info, frame(rows(records)), records, drawn(records))
        folder = machine_folder / run_name(f"reproduce-{'quick' if asked.quick else 'full'}")
        aside.rename(folder)
    except BaseException:
        unfinished.close()
        raise
    unfinished.remove()
    return store.read(folder)


def failures(run: store.ReproduceRun) -> list[str]:
    """Lines that say which trials raised, crashed or hung."""
    bad = run.numbers[~run.numbers["status"].isin(["ok", "unsupported"])]
    return [
        f"{row.source}/{row.implementation} {row.experiment}, {row.start}: {row.status}, "
        f"{row.reason}"
        for row in bad.itertuples()
    ]


def _key(asked: Asked) -> str:
    """Names the folder of an unfinished run, so that the same command finds it again."""
    text = json.dumps([asked.sources, asked.implementations, asked.seeds, asked.quick])
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def _describe(here: Machine, asked: Asked) -> dict:
    return {
        "suite": __version__,
        "commit": bench.commit(),
        "command": shlex.join(["python", "-m", "suite", *sys.argv[1:]]),
        "complete": asked.whole,
        "profile": "quick" if asked.quick else "full",
        "seeds": asked.seeds,
        "sources": [source.name for source in asked.chosen()],
        "titles": {source.name: source.title for source in asked.chosen()},
        "machine": here.describe(),
        "versions": versions.installed(),
        "load": list(os.getloadavg()) if hasattr(os, "getloadavg") else None,
    }


def _now() -> str:
    return f"{datetime.datetime.now(datetime.UTC):%Y-%m-%dT%H:%M:%SZ}"
