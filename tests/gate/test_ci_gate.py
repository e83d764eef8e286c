"""What CI runs: the commit to hold a change against, and which answers block."""

import os
import subprocess
from pathlib import Path

import pytest

from suite.compare.revision import Unmeasurable
from suite.gate import trees

ROOT = Path(__file__).resolve().parents[2]
WORKFLOW = ROOT / ".github" / "workflows" / "gate.yml"


def git(folder, *words):
    name = ["-c", "user.name=a", "-c", "user.email=a@b"]
    subprocess.run(["git", "-C", str(folder), *name, *words], check=True, capture_output=True)


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """A tree of one commit, in the place of this one."""
    for name in trees.MEASURED[:2]:
        (tmp_path / name).mkdir()
        (tmp_path / name / "file.py").write_text("1\n")
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-qm", "first")
    monkeypatch.setattr(trees, "ROOT", tmp_path)
    return tmp_path


def test_the_first_commit_has_none_before_it(repository):
    with pytest.raises(Unmeasurable, match="no commit before this one"):
        trees.commit_before()


def test_a_change_is_held_against_the_commit_it_changes_and_a_commit_against_the_one_before(
    repository,
):
    (repository / "suite" / "file.py").write_text("2\n")
    assert trees.commit_before() == "HEAD"
    git(repository, "commit", "-qam", "second")
    assert trees.commit_before() == "HEAD~1"
    (repository / "notes").write_text("what is not measured changes nothing\n")
    assert trees.commit_before() == "HEAD~1"


def test_what_is_no_checkout_cannot_be_measured(tmp_path, monkeypatch):
    monkeypatch.setattr(trees, "ROOT", tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    with pytest.raises(Unmeasurable, match="no git checkout"):
        trees.commit_before()


@pytest.mark.parametrize(("status", "ends"), [(0, 0), (1, 1), (2, 0), (130, 130)])
def test_what_regressed_blocks_and_what_cannot_be_told_does_not(tmp_path, status, ends):
    stub = tmp_path / "python"
    stub.write_text(f'#!/bin/sh\necho "$@"\nexit {status}\n')
    stub.chmod(0o755)
    done = subprocess.run([ROOT / ".ci" / "gate", "--minutes", "4"], text=True, capture_output=True,
                          env={**os.environ, "PYTHON": str(stub)})  # fmt: skip
    assert done.returncode == ends
    assert done.stdout.startswith("-m suite gate --minutes 4\n")
    assert ("blocks nothing" in done.stdout) == (status == 2)


def test_ci_and_the_workflow_run_it():
    assert ".ci/gate --minutes" in (ROOT / ".ci" / "run").read_text()
    workflow = WORKFLOW.read_text()
    told = ("--annotations", "--junit", "GITHUB_STEP_SUMMARY")
    base = ("pull_request:", "fetch-depth: 0", "github.event.pull_request.base.sha")
    for words in (*base, '.ci/gate --base "$BASE"', *told):
        assert words in workflow
    # An expression in a script would let a branch's name be a command.
    steps = [line for line in workflow.splitlines() if line.strip().startswith("- run:")]
    assert steps and not any("${{" in line for line in steps)
