"""One worker process, watched: its journal read as it grows, its time and memory limited."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import psutil

from suite.registry import ROOT

POLL = 0.1
START_UP = 120.0
LOG_LIMIT = 8 << 20


class Plan(Protocol):
    """What a worker is told: where its journal ``lines`` is, and how to write the rest down."""

    @property
    def folder(self) -> str: ...
    @property
    def lines(self) -> str: ...
    def write(self, path: Path) -> None: ...


@dataclass(frozen=True)
class Limits:
    """seconds: the longest an item may take. memory: resident bytes of a worker and children."""

    seconds: float
    memory: int


@dataclass
class Death:
    """How a worker ended before its work was done."""

    status: str
    reason: str


@dataclass
class Worker:
    """A running worker. Iterate :meth:`records` to its end; then ``death`` says what went wrong.

    module: what is started, with the plan's file as its only argument.
    """

    plan: Plan
    limits: Limits
    environment: Mapping[str, str]
    module: str = "suite.worker"
    death: Death | None = None
    _read: int = 0
    _process: subprocess.Popen | None = field(default=None, repr=False)

    def start(self) -> None:
        """Spawn it in a session of its own, its output in a log beside the journal."""
        folder = Path(self.plan.folder)
        path = folder / f"{Path(self.plan.lines).stem}.plan.json"
        self.plan.write(path)
        (folder / self.plan.lines).touch()
        self._log = folder / f"{Path(self.plan.lines).stem}.log"
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", self.module, str(path)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                cwd=ROOT,
                env={**os.environ, **self.environment},
            )
        (folder / "worker.pid").write_text(str(self._process.pid))

    def records(self) -> Iterator[dict]:
        """The journal's records as they come; ends when the worker has ended, or was ended."""
        assert self._process is not None
        last = time.monotonic()
        # Importing a framework is not an item's time.
        patience, started = max(self.limits.seconds, START_UP), False
        while True:
            ended = self._process.poll() is not None
            fresh = self._lines()
            if fresh:
                last = time.monotonic()
                if any(record.get("kind") == "start" for record in fresh):
                    patience, started = self.limits.seconds, True
                yield from fresh
            if self._log.stat().st_size > LOG_LIMIT:
                self._end("error", f"printed more than {LOG_LIMIT >> 20} MiB")
                return
            if ended:
                self._post_mortem(self._process.returncode)
                return
            if self._resident() > self.limits.memory:
                limit = f"{self.limits.memory / 2**30:.1f} GiB"
                self._end("oom", f"resident memory above the limit of {limit}")
                return
            if time.monotonic() - last > patience:
                late = "no result within {:g} s, the limit of one item"
                late = late if started else "its worker has started nothing within {:g} s"
                self._end("timeout", late.format(patience))
                return
            time.sleep(POLL)

    def stop(self) -> None:
        """Kill the worker and whatever it started."""
        if self._process is not None:
            kill_group(self._process.pid)
            self._process.wait()

    def _end(self, status: str, reason: str) -> None:
        self.stop()
        self.death = Death(status, reason)

    def _lines(self) -> list[dict]:
        """Complete new lines of the journal."""
        with (Path(self.plan.folder) / self.plan.lines).open("rb") as stream:
            stream.seek(self._read)
            text = stream.read()
        whole = text[: text.rfind(b"\n") + 1]
        self._read += len(whole)
        return [record_of(line) for line in whole.splitlines()]

    def _resident(self) -> int:
        total = 0
        with contextlib.suppress(psutil.Error):
            assert self._process is not None
            process = psutil.Process(self._process.pid)
            for each in (process, *process.children(recursive=True)):
                with contextlib.suppress(psutil.Error):
                    total += each.memory_info().rss
        return total

    def _post_mortem(self, code: int) -> None:
        """Name the death of a worker that did not end with 0."""
        if code == 0:
            return
        tail = self._log.read_bytes()[-2000:].decode(errors="replace").strip().splitlines()
        last = tail[-1][:200] if tail else "it printed nothing"
        if code == -signal.SIGKILL and self._resident_was_short():
            self.death = Death("oom", "killed by the system for memory")
        elif code < 0:
            name = signal.Signals(-code).name
            self.death = Death("crashed", f"died of {name}; its last words: {last}")
        else:
            self.death = Death("crashed", f"exited with {code}; its last words: {last}")

    @staticmethod
    def _resident_was_short() -> bool:
        return psutil.virtual_memory().available < 1 << 30


def record_of(line: bytes | str) -> dict:
    """A line of a journal; one that is no record is of the kind "unreadable"."""
    try:
        record = json.loads(line)
    except ValueError:
        return {"kind": "unreadable"}
    return record if isinstance(record, dict) else {"kind": "unreadable"}


def kill_group(pid: int) -> None:
    """Kill a worker's session, if it is still there."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def end_orphan(folder: Path) -> None:
    """End the worker that a killed parent left behind in an unfinished run's folder."""
    file = folder / "worker.pid"
    if not file.exists():
        return
    pid = int(file.read_text() or 0)
    with contextlib.suppress(psutil.Error):
        process = psutil.Process(pid)
        if "suite.worker" in " ".join(process.cmdline()):
            kill_group(pid)
            psutil.wait_procs([process], timeout=10)
    file.unlink(missing_ok=True)
