"""The main job: a selection becomes a stored run, its progress shown, its work resumable."""

from __future__ import annotations

import datetime
import functools
import math
import os
import shlex
import subprocess
import sys
import time
from pathlib import Path

from suite import __version__, answers, results
from suite.machine import Machine, machine
from suite.registry import ROOT
from suite.runner import Progress, Runner, run_name
from suite.selection import Job, Selection, jobs
from suite.timing.metrics import UNITS
from suite.timing.plan import Mode
from suite.unfinished import Unfinished


def run(
    selection: Selection,
    mode: Mode,
    root: Path,
    progress: Progress,
    *,
    time_limit: float = 0.0,
    memory_limit: int = 0,
    budget: float = 0.0,
    keep_answers: bool = False,
) -> results.Run:
    """Measure a selection ("time") or only judge it ("check") and store the run below ``root``.

    time_limit: seconds an item may take. memory_limit: bytes a worker may hold. 0: the defaults.
    budget: seconds after which no more is begun, and what is done is stored; 0: none.
    keep_answers: with every cell's answers to its first base input (suite.answers). A run that
    was interrupted, or stopped by its budget, is taken up where it stopped by the same selection.
    Raises ValueError for a selection that fits nothing, RuntimeError when it is running already or
    nothing could be done within the budget.
    """
    here = machine()
    device = resolve_device(selection.device, here)
    work = jobs(selection, device)
    machine_folder = root / here.fingerprint
    name = f"{mode}-{selection.key}" + "-answers" * keep_answers
    unfinished = Unfinished(machine_folder, name)
    started = datetime.datetime.now(datetime.UTC)
    try:
        runner = Runner(
            here,
            unfinished,
            selection.profile,
            mode,
            progress,
            selection.files,
            time_limit=time_limit,
            memory_limit=memory_limit,
            deadline=time.monotonic() + budget if budget else math.inf,
            probing=not selection.times_only,
            answers=keep_answers,
        )
        there = len(unfinished.done) + unfinished.journalled
        progress.total(sum(len(job.cells) for job in work), there)
        records = runner.run(work)
        if not records and runner.left_out:
            raise RuntimeError("the time was up before anything was done; the same command goes on")
        info = describe(here, selection, mode, device, work, runner.versions)
        info["whole"] = selection.whole and not runner.left_out
        info["known_errors"] = known_errors(records)
        info["routes"] = routes(records)
        info["notes"], info["faults"] = [*runner.notes, *_left_out(runner)], runner.faults
        beside = None
        if keep_answers:
            kept = _answers(unfinished, records, info["notes"])
            info["inputs"] = _inputs(work)
            beside = functools.partial(answers.write, answers=kept)
        info |= {"started": f"{started:%Y-%m-%dT%H:%M:%SZ}"}
        info |= {"finished": f"{datetime.datetime.now(datetime.UTC):%Y-%m-%dT%H:%M:%SZ}"}
        folder = machine_folder / run_name(f"{mode}-{selection.profile}")
        found = results.from_records(records, info, UNITS)
        results.write(found, folder, beside)
    except BaseException:
        unfinished.close()
        raise
    if runner.left_out:
        unfinished.close()
    else:
        unfinished.remove()
    return results.read(folder)


def _answers(
    unfinished: Unfinished, records: list[dict], notes: list[str]
) -> dict[tuple[str, ...], answers.Answers]:
    """What was kept of the records' cells and fits, by cell; a note on each that does not."""
    timed = (record for record in records if record["mode"] != "memory")
    found: dict[tuple[str, ...], answers.Answers] = {}
    for record in timed:
        if arrays := unfinished.answers(record):
            found[tuple(record[name] for name in answers.KEY)] = arrays
    for cell in answers.largest_beyond(found):
        notes.append(f"too large, its answers are not kept: {' '.join(cell)}")
        del found[cell]
    return found


def _inputs(work: tuple[Job, ...]) -> dict[str, dict[str, str]]:
    """Hashes of the cases' inputs: operator -> case."""
    cases = {(job.operator.name, cell.case): job.operator for job in work for cell in job.cells}
    found: dict[str, dict[str, str]] = {}
    for (name, case), operator in cases.items():
        digest = answers.inputs_digest(operator, operator.case(case))
        found.setdefault(name, {})[case] = digest
    return found


def _left_out(runner: Runner) -> list[str]:
    """A note on what there was no time for."""
    names = ", ".join(runner.left_out)
    return [f"left out, the time was up; the same command goes on: {names}"] if names else []


def resolve_device(device: str, here: Machine) -> str:
    """ "cuda" where there is a GPU when asked for "auto"; ValueError for what is not there."""
    if device not in ("auto", "cpu", "cuda"):
        raise ValueError(f"--device {device!r}: expected auto, cpu or cuda")
    if device == "auto":
        return "cuda" if here.gpus else "cpu"
    if device == "cuda" and not here.gpus:
        raise ValueError("--device cuda: this machine has no NVIDIA driver or GPU; see doctor")
    return device


def failures(run: results.Run) -> list[str]:
    """Lines that say what makes the command fail: bad cells, known errors that have vanished."""
    lines = list(run.info.get("faults", ()))
    known = run.info.get("known_errors", {})
    wanted = ("operator", "implementation", "case", "pass", "status", "reason")
    for operator, implementation, case, pass_, status, reason in zip(
        *(run.statuses[column] for column in wanted), strict=True
    ):
        name = f"{operator}/{implementation}"
        if status in results.FAILURES and name not in known:
            why = str(reason).removeprefix("flagged: ")
            lines.append(f"{name} {case} {pass_}: {status}, {why}")
    for name, shows in known.items():
        if not shows:
            lines.append(f"{name}: its known error does not show in any case; remove known_error=")
    return lines


def known_errors(records: list[dict]) -> dict[str, bool]:
    """Declared errors by operator/implementation: whether any judged case shows them."""
    found: dict[str, bool] = {}
    for record in records:
        if record["known_error"] and "shows" in record:
            name = f"{record['operator']}/{record['implementation']}"
            found[name] = found.get(name, False) or record["shows"]
    return found


def routes(records: list[dict]) -> dict[str, dict[str, dict[str, str]]]:
    """What implementations said of the way they took: operator -> implementation -> case."""
    found: dict[str, dict[str, dict[str, str]]] = {}
    for record in records:
        if record.get("route"):
            mine = found.setdefault(record["operator"], {})
            mine.setdefault(record["implementation"], {})[record["case"]] = record["route"]
    return found


def describe(
    here: Machine, selection: Selection, mode: Mode, device: str, work: tuple[Job, ...],
    versions: dict[str, str],
) -> dict:  # fmt: skip
    """A run's record: where, with what, on which cases."""
    cases: dict[str, dict] = {}
    for job in work:
        mine = cases.setdefault(job.operator.name, {})
        for cell in job.cells:
            case = job.operator.case(cell.case)
            mine[case.name] = {
                "sizes": dict(case.sizes),
                "dtype": case.dtype,
                "options": {k: _plain(v) for k, v in case.options.items()},
                "wrt": list(case.wrt),
                "representative": case.representative,
                "source": case.source,
            }
    return {
        "suite": __version__,
        "commit": commit(),
        "command": shlex.join(["python", "-m", "suite", *sys.argv[1:]]),
        "mode": mode,
        "profile": selection.profile,
        "device": device,
        "machine": here.describe(),
        "versions": dict(sorted(versions.items())),
        "load": list(os.getloadavg()) if hasattr(os, "getloadavg") else None,
        "cases": cases,
    }


def _plain(value: object) -> object:
    return list(value) if isinstance(value, tuple) else value


def commit() -> str | None:
    """The commit of a checkout, marked when its files differ from it; None outside of one."""
    try:
        head = _git("rev-parse", "HEAD")
        dirty = _git("status", "--porcelain", "--untracked-files=no")
    except (OSError, subprocess.CalledProcessError):
        return None
    return head + ("+changes" if dirty else "")


def _git(*arguments: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(ROOT), *arguments], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()
