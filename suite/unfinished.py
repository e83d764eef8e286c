"""An unfinished run: a hidden folder that a killed command leaves and the next one takes up.

Finished cells are appended to ``judged.jsonl`` one by one, each with a key made of its case, its
environment and the source of its implementation; on resume only equal keys count.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from suite.operators.base import Case, Pass
from suite.outputs import read_arrays
from suite.process import end_orphan

_LOCKS = Path("/proc/locks")


class Unfinished:
    """The folder of one command's run until it is finished. One process at a time."""

    def __init__(self, machine_folder: Path, key: str) -> None:
        self.folder = machine_folder / f".unfinished-{key}"
        self.folder.mkdir(parents=True, exist_ok=True)
        self._lock = (self.folder / "lock").open("w")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise RuntimeError(f"{self.folder}: the same command is running already") from error
        end_orphan(self.folder)
        self.done = {record["key"]: record for record in self._read()}
        self.judged = self.folder / "judged.jsonl"
        self._stream = self.judged.open("a", encoding="utf-8")

    def add(self, record: dict) -> None:
        """Keep a finished cell: appended and synced."""
        self.done[record["key"]] = record
        self._stream.write(json.dumps(record) + "\n")
        self._stream.flush()
        os.fsync(self._stream.fileno())

    def keep_answers(self, key: str, arrays: Mapping[str, np.ndarray]) -> None:
        """Keep a cell's answers beside its record; before it, since only records count."""
        if arrays:
            path = self.folder / "answers" / f"{key}.npz"
            path.parent.mkdir(exist_ok=True)
            np.savez(path, **arrays)  # type: ignore[arg-type]

    def answers(self, record: Mapping) -> dict[str, np.ndarray]:
        """What was kept of a record's cell, or nothing."""
        path = self.folder / "answers" / f"{record['key']}.npz"
        return read_arrays(path) if path.exists() else {}

    @property
    def root(self) -> Path:
        """The results folder that the run will be stored in."""
        return self.folder.parent.parent

    def others(self) -> bool:
        """Whether another command is at work in the same results folder (Linux; else perhaps)."""
        locks = (path for path in self.root.glob("*/.unfinished-*/lock"))
        theirs = {path.stat().st_ino for path in locks if path.parent != self.folder}
        if not theirs or not _LOCKS.exists():
            return bool(theirs)
        held = (line.split() for line in _LOCKS.read_text().splitlines())
        inodes = {
            word.rpartition(":")[2] for words in held for word in words if word.count(":") == 2
        }
        return any(str(inode) in inodes for inode in theirs)

    @property
    def journalled(self) -> int:
        """Cells that an interrupted worker had measured and nobody has judged yet."""
        file = self.folder / "worker" / "journal.jsonl"
        text = file.read_text(encoding="utf-8") if file.exists() else ""
        return text.count('"kind": "cell"')

    def scratch(self, name: str) -> Path:
        """A new empty folder for one worker's journal and outputs."""
        folder = self.folder / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        return folder

    def remove(self) -> None:
        """The run is finished and stored: nothing here is needed any more."""
        self._stream.close()
        shutil.rmtree(self.folder)
        self._lock.close()

    def close(self) -> None:
        """Leave the folder for the next command."""
        self._stream.close()
        self._lock.close()

    def _read(self) -> Iterator[dict]:
        """Whole lines only: the last one may have been cut off by a kill."""
        with contextlib.suppress(FileNotFoundError):
            text = (self.folder / "judged.jsonl").read_text(encoding="utf-8")
            whole = text[: text.rfind("\n") + 1]
            if whole != text:
                (self.folder / "judged.jsonl").write_text(whole, encoding="utf-8")
            yield from (json.loads(line) for line in whole.splitlines())


def cell_key(case: Case, pass_: Pass, clock: str, *parts: str) -> str:
    """Identity of a measured cell: its case, pass and clock, and the given strings."""
    text = "\0".join([repr(case), pass_, clock, *parts])
    return hashlib.sha256(text.encode()).hexdigest()[:24]
