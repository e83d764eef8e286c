"""A git revision checked out aside, measured there, and taken away again."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from suite import results
from suite.compare.side import Side
from suite.registry import ROOT
from suite.results import Run

PATIENCE = 30.0
"""Seconds that a bench may take to end when it is interrupted."""

LINES = 8
"""Of what a bench printed, how many tell why it failed."""


class Unmeasurable(RuntimeError):
    """A revision that cannot be checked out or run, with the reason.

    regressed: whether that is new, since what it is held against could be measured.
    """

    regressed = False


@dataclass
class Checkout:
    """A tree of the project that can be measured. results: where its runs go."""

    label: str
    folder: Path
    results: Path
    runs: list[Run] = field(default_factory=list)

    def bench(
        self,
        arguments: Sequence[str],
        watch: Callable[[str], None],
        environment: Mapping[str, str] | None = None,
    ) -> Run:
        """Measure once, in processes of their own, and keep the run.

        arguments: of ``bench``, beside --results. environment: variables beside those there are.
        Raises Unmeasurable with what it printed last.
        """
        words = [sys.executable, "-m", "suite", "bench", *arguments]
        before = set(self.results.glob("*/*/run.json"))
        printed: list[str] = []
        with subprocess.Popen(
            [*words, "--results", str(self.results)],
            cwd=self.folder,
            env={**_environment(), **(environment or {})},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        ) as process:
            assert process.stdout is not None
            try:
                for line in process.stdout:
                    printed.append(line.rstrip())
                    watch(line.rstrip())
                status = process.wait()
            except BaseException:
                _end(process)
                raise
        new = sorted(set(self.results.glob("*/*/run.json")) - before)
        # Status 1 is a run whose cells are not all right: there is something to compare.
        if status not in (0, 1) or not new:
            why = "\n".join([line for line in printed if line][-LINES:])
            raise Unmeasurable(f"{self.label}: bench ended with status {status}:\n{why}")
        self.runs.append(results.read(new[-1].parent))
        return self.runs[-1]

    def implementations(self) -> frozenset[str] | None:
        """Names of all that the tree's registry has; None where it cannot be asked."""
        asked = subprocess.run(
            [sys.executable, "-c", NAMES],
            cwd=self.folder,
            env=_environment(),
            capture_output=True,
            text=True,
        )
        return frozenset(asked.stdout.split()) if asked.returncode == 0 else None

    def side(self) -> Side:
        """What was measured, as a side of a comparison."""
        return Side(self.label, tuple(self.runs))


HIDES_THE_CHECKOUT = ("PYTHONPATH", "PYTHONSAFEPATH")

NAMES = """
import pathlib
from suite import registry

if pathlib.Path(registry.__file__).resolve().parent.parent != pathlib.Path.cwd().resolve():
    raise SystemExit("this is the registry of what is installed")
print(*{declaration.name for declaration in registry.discover()})
"""
"""What a tree is asked."""


def _environment() -> dict[str, str]:
    """Where -m, -c and -i look first must be the checkout, not what is running now."""
    return {k: v for k, v in os.environ.items() if k not in HIDES_THE_CHECKOUT}


@contextlib.contextmanager
def checked_out(revision: str, results_folder: Path, root: Path = ROOT) -> Iterator[Checkout]:
    """A revision of the repository at root in a temporary folder, which is removed at the end.

    Raises Unmeasurable for what is no revision or cannot be checked out.
    """
    commit = commit_of(revision, root)
    aside = Path(tempfile.mkdtemp(prefix="cdfbench-"))
    tree = aside / "tree"
    try:
        _git(root, "worktree", "add", "--detach", "--quiet", str(tree), commit)
        # Else what is installed would be measured in its place.
        if not is_checkout(tree):
            raise Unmeasurable(f"{revision} ({commit[:9]}) has no suite that could be measured")
        yield Checkout(f"{revision} ({commit[:9]})", tree, results_folder / commit[:12])
    finally:
        with contextlib.suppress(Unmeasurable):
            _git(root, "worktree", "remove", "--force", str(tree))
        shutil.rmtree(aside, ignore_errors=True)


def commit_of(revision: str, root: Path = ROOT) -> str:
    """The commit that a revision names; Unmeasurable when there is none."""
    # A name that starts with a dash would be an option.
    if revision.startswith("-"):
        raise Unmeasurable(f"{revision!r}: no revision")
    return _git(root, "rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}").strip()


def is_checkout(folder: Path) -> bool:
    """Whether a folder holds the project itself, to be measured as it is."""
    needed = ("suite/__init__.py", "suite/__main__.py", "pyproject.toml")
    return all((folder / name).is_file() for name in needed)


def _git(root: Path, *words: str) -> str:
    try:
        done = subprocess.run(["git", "-C", str(root), *words], capture_output=True, text=True)
    except OSError as error:
        raise Unmeasurable(f"git cannot be run: {error}") from error
    if done.returncode:
        why = done.stderr.strip() or "no such revision"
        raise Unmeasurable(f"git {' '.join(words)}: {why}")
    return done.stdout


def _end(process: subprocess.Popen) -> None:
    """Let a bench store what it has; it ends its own workers."""
    process.send_signal(signal.SIGINT)
    try:
        process.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
