"""A revision is checked out aside, measured, and gone, however that ends."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from made_runs import Side

from suite import results
from suite.compare import command
from suite.compare.kernels import kernel_changes
from suite.compare.revision import Unmeasurable, checked_out, commit_of

ROOT = Path(__file__).resolve().parents[2]

MAIN = """
import os, shutil, sys
from pathlib import Path

print("measuring")
{body}
where = Path(sys.argv[sys.argv.index("--results") + 1]) / "example-2c-000000"
where.mkdir(parents=True, exist_ok=True)
shutil.copytree(os.environ["MADE_RUN"], where / f"run-{{len(list(where.iterdir()))}}")
"""


def git(root, *words):
    identity = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    done = subprocess.run(
        ["git", *identity, "-C", str(root), *words], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def committed(root, files):
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "one")
    return git(root, "rev-parse", "HEAD")


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """A repository whose ``python -m suite`` copies a made-up run, or does as its body says."""
    root = tmp_path / "repository"
    root.mkdir()
    git(root, "init", "-q")
    results.write(Side().run(1), tmp_path / "made")
    monkeypatch.setenv("MADE_RUN", str(tmp_path / "made"))

    def with_body(body=""):
        return committed(root, {"suite/__init__.py": "", "pyproject.toml": "",
                                "suite/__main__.py": MAIN.format(body=body)})  # fmt: skip

    with_body.root = root
    return with_body


def trees(root):
    return git(root, "worktree", "list").count("\n") + 1


def test_it_is_measured_where_it_was_checked_out_and_taken_away(repository, tmp_path):
    commit = repository("print(os.getcwd())")
    said = []
    with checked_out("HEAD", tmp_path / "r", repository.root) as checkout:
        assert trees(repository.root) == 2
        checkout.bench(["-o", "soft_cut"], said.append)
        checkout.bench(["-o", "soft_cut"], said.append)
        assert str(checkout.folder) in said
        assert commit[:9] in checkout.label
    assert len(checkout.side().runs) == 2
    assert trees(repository.root) == 1 and not checkout.folder.exists()


def test_bench_that_fails_says_why(repository, tmp_path):
    repository("sys.exit('no such operator')")
    with (
        pytest.raises(Unmeasurable, match="no such operator"),
        checked_out("HEAD", tmp_path / "r", repository.root) as checkout,
    ):
        checkout.bench([], lambda line: None)
    assert trees(repository.root) == 1


def test_bench_with_wrong_cells_has_still_measured(repository, tmp_path):
    repository("import atexit; atexit.register(os._exit, 1)")
    with checked_out("HEAD", tmp_path / "r", repository.root) as checkout:
        checkout.bench([], lambda line: None)
    assert len(checkout.side().runs) == 1


@pytest.mark.parametrize("name", ["nowhere", "-q", "HEAD~5"])
def test_what_is_no_revision_says_so(repository, name):
    repository()
    with pytest.raises(Unmeasurable):
        commit_of(name, repository.root)


def test_interrupted_it_leaves_no_tree_and_no_process(repository, tmp_path):
    repository("import time; Path(os.environ['PID']).write_text(str(os.getpid())); time.sleep(60)")
    code = (
        "import sys; from pathlib import Path; from suite.compare.revision import checked_out\n"
        "with checked_out('HEAD', Path(sys.argv[2]), Path(sys.argv[1])) as checkout:\n"
        "    checkout.bench([], print)\n"
    )
    pid = tmp_path / "pid"
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(repository.root), str(tmp_path / "r")],
        cwd=ROOT, env={**os.environ, "PID": str(pid)}, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and not (pid.exists() and pid.read_text()):
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    assert process.wait(60) != 0
    assert trees(repository.root) == 1
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid.read_text()), 0)


def test_two_trees_take_turns(repository, tmp_path, monkeypatch):
    """A B B A: what drifts meanwhile is shared."""
    repository()
    other = tmp_path / "other"
    subprocess.run(["git", "clone", "-q", str(repository.root), str(other)], check=True)
    said = []
    words = (str(repository.root), str(other))
    monkeypatch.chdir(tmp_path)
    a, b = command.sides(words, [], tmp_path / "r", 2, said.append, lambda line: None)
    assert [line.partition(":")[0] for line in said] == [words[0], words[1], words[1], words[0]]
    assert len(a.runs) == len(b.runs) == 2


def test_kernels_of_two_revisions_are_held_against_each_other(tmp_path):
    root = tmp_path / "repository"
    root.mkdir()
    git(root, "init", "-q")
    file = "implementations/cuda/ceilings.csv"
    head = "architecture,source,kernel,registers,spills\n"
    first = committed(root, {file: head + 'sm_80,a.cu,"f<int, 1>",80,0\nsm_80,a.cu,g,32,0\n'})
    second = committed(root, {file: head + 'sm_80,a.cu,"f<int, 1>",96,8\nsm_80,a.cu,h,16,0\n'})
    lines = [change.line for change in kernel_changes(first, second, root)]
    assert lines[:2] == [
        "cuda sm_80 a.cu f<int, 1>: registers 80 -> 96",
        "cuda sm_80 a.cu f<int, 1>: spills 0 -> 8",
    ]
    assert "cuda sm_80 a.cu g: registers 32 -> none" in lines
    assert "cuda sm_80 a.cu h: registers none -> 16" in lines
    assert kernel_changes(first, first, root) == []
    (root / file).write_text(head + 'sm_80,a.cu,"f<int, 1>",97,8\nsm_80,a.cu,h,16,0\n')
    dirty = [change.line for change in kernel_changes(second, second + "+changes", root)]
    assert dirty == ["cuda sm_80 a.cu f<int, 1>: registers 96 -> 97"]
