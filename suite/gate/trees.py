"""A tree that is gated: the commit to hold it against, and a hash of what it holds."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

from suite.compare.revision import Unmeasurable
from suite.registry import ROOT

MEASURED = ("suite", "implementations", "pyproject.toml")
"""What of a tree its measurements depend on."""


def commit_before() -> str:
    """The revision that a change here is held against: the last commit where files have changed,
    else the one before it. Raises Unmeasurable where there is none."""
    dirty = _git(ROOT, "status", "--porcelain", "--untracked-files=no", "--", *MEASURED)
    if dirty is None:
        raise Unmeasurable("this is no git checkout: there is no commit to hold it against")
    if dirty.strip():
        return "HEAD"
    if _git(ROOT, "rev-parse", "--verify", "--quiet", "HEAD~1^{commit}") is None:
        raise Unmeasurable("there is no commit before this one to hold it against")
    return "HEAD~1"


def copy_to(folder: Path) -> Path:
    """A copy, in a folder that is not there yet, of all that measurements of this tree depend on.

    Made aside and renamed; returns the folder.
    """
    aside = folder.with_name(f".{folder.name}.{os.getpid()}")
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(parents=True)
    for part in MEASURED:
        if (ROOT / part).is_dir():
            junk = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / part, aside / part, ignore=junk)
        else:
            shutil.copy(ROOT / part, aside / part)
    return aside.rename(folder)


def digest(folder: Path) -> str:
    """A hash of the files in a tree that measurements depend on."""
    listed = _git(folder, "ls-files", "-z", "-co", "--exclude-standard", "--", *MEASURED)
    if not listed:
        files = [p for name in MEASURED for p in (folder / name, *(folder / name).rglob("*"))]
    else:
        files = [folder / name for name in listed.split("\0") if name]
    found = hashlib.sha256()
    for path in sorted(set(files)):
        if path.is_file() and "__pycache__" not in path.parts:
            found.update(str(path.relative_to(folder)).encode() + b"\0")
            found.update(hashlib.sha256(path.read_bytes()).digest())
    return found.hexdigest()[:16]


def _git(folder: Path, *words: str) -> str | None:
    """What git says, or None where it fails."""
    try:
        done = subprocess.run(["git", "-C", str(folder), *words], capture_output=True, text=True)
    except OSError:
        return None
    return done.stdout if done.returncode == 0 else None
