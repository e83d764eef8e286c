"""What CI runs: the commit to hold a change against, and which answers block."""

import subprocess
from pathlib import Path

import pytest
from typer.testing import CliRunner

from suite import cli
from suite.compare.revision import Unmeasurable
from suite.gate import run, trees
from suite.gate.finding import Finding
from suite.gate.run import Gate

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


def invoked(monkeypatch, answer, *words):
    """What the command ends with when the gate answers so."""

    def gate(asked, root, progress):
        if isinstance(answer, Exception):
            raise answer
        return Gate(("a", "b"), (Finding(answer, "soft_cut/x", "c, fwd", "why"),))

    monkeypatch.setattr(run, "gate", gate)
    return CliRunner().invoke(cli.app, ["gate", "--base", "HEAD", *words])


@pytest.mark.parametrize(
    ("answer", "ends", "in_ci"),
    [
        ("held", 0, 0),
        ("regressed", 1, 1),
        ("unclear", 2, 0),
        ("unmeasured", 2, 0),
        (Unmeasurable("the base cannot be built"), 2, 0),
    ],
)
def test_what_regressed_blocks_and_what_cannot_be_told_does_not(monkeypatch, answer, ends, in_ci):
    assert invoked(monkeypatch, answer).exit_code == ends
    done = invoked(monkeypatch, answer, "--only-regressions")
    assert done.exit_code == in_ci
    assert ("blocks nothing" in done.output) == (ends == 2)


def test_a_head_that_cannot_run_where_the_base_can_has_regressed(monkeypatch):
    error = Unmeasurable("head: bench ended with status 2")
    error.regressed = True
    done = invoked(monkeypatch, error, "--only-regressions")
    assert done.exit_code == 1 and "regressed gate: head: bench ended" in done.output


@pytest.mark.parametrize(
    "words",
    [
        ["-o", "softcut"],
        ["-c", "stepe"],
        ["--device", "gpu"],
        ["--config", "none.toml"],
        ["--x"],
    ],
)
def test_a_command_that_is_wrong_blocks(monkeypatch, words):
    assert invoked(monkeypatch, "held", "--only-regressions", *words).exit_code == 2


def test_ci_and_the_workflow_run_it():
    assert "suite gate --only-regressions --minutes" in (ROOT / ".ci" / "run").read_text()
    workflow = WORKFLOW.read_text()
    told = ("--annotations", "--junit", "GITHUB_STEP_SUMMARY")
    base = ("pull_request:", "fetch-depth: 0", "github.event.pull_request.base.sha")
    for words in (*base, 'gate --only-regressions --base "$BASE"', *told):
        assert words in workflow
    # An expression in a script would let a branch's name be a command.
    steps = [line for line in workflow.splitlines() if line.strip().startswith("- run:")]
    assert steps and not any("${{" in line for line in steps)
