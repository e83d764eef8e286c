"""Finding implementations never runs them; loading one runs it, its operator and its framework."""

import dataclasses
import shutil
import subprocess
import sys
import textwrap
import tomllib
from pathlib import Path

import numpy as np
import pytest

from suite import operators, registry, sources
from suite.registry import Declaration, discover, find, implements, load, source_hash

ROOT = Path(__file__).resolve().parent.parent

HOSTILE = """
raise SystemExit("imported")

from suite.registry import implements

@implements("soft_cut", framework="torch", devices=("cuda",), dtypes=("float64",))
def soft_cut(x, threshold, steepness, *, keep="above"):
    ...
"""


def written(folder, name, text):
    path = folder / name
    path.write_text(textwrap.dedent(text))
    return path


def test_a_file_that_would_end_the_process_is_listed_by_what_its_decorator_says(tmp_path):
    path = written(tmp_path, "hostile.py", HOSTILE)
    (found,) = [d for d in discover([path]) if d.name == "hostile"]
    assert found == Declaration(
        operator="soft_cut",
        name="hostile",
        framework="torch",
        devices=("cuda",),
        dtypes=("float64",),
        path=path,
        function="soft_cut",
    )
    with pytest.raises(SystemExit, match="imported"):
        registry.load_declared(found)


def test_every_declaration_of_the_house_names_a_known_operator_and_framework():
    found = discover()
    assert {d.operator for d in found} == set(operators.names())
    assert {d.framework for d in found} == set(registry.FRAMEWORKS)
    for declaration in found:
        assert declaration.module.startswith("implementations.")
        assert set(declaration.devices) <= {"cpu", "cuda"}


def test_a_name_is_the_folders_in_the_house_and_the_files_outside(tmp_path):
    assert find("soft_cut", "torch_eager").module == "implementations.torch_eager.soft_cut"
    path = written(tmp_path, "mine.py", HOSTILE)
    assert find("soft_cut", "mine", [path]).module == ""
    assert registry._house_name(registry.HOUSE / "published" / "forum" / "ecdf.py") == (
        "published_forum"
    )


@pytest.mark.parametrize(
    "decorator",
    [
        'implements(NAME, framework="torch")',
        'implements("soft_cut")',
        'implements("soft_cut", framework=FRAMEWORK)',
        'implements("soft_cut", framework="torch", devices=tuple(DEVICES))',
        'implements("soft_cut", **KEYWORDS)',
        "implements()",
    ],
)
def test_a_decorator_that_cannot_be_read_without_running_is_refused(tmp_path, decorator):
    path = written(tmp_path, "vague.py", f"@{decorator}\ndef soft_cut(x): ...\n")
    with pytest.raises(ValueError, match=r"vague\.py:1: @implements takes .* as literals"):
        discover([path])


def test_vjp_skip_and_route_need_not_be_literals(tmp_path):
    given = 'framework="numpy", vjp=make(), skip=lambda c: None, route=lambda **a: "mine"'
    text = f'@implements("soft_cut", {given})\n'
    path = written(
        tmp_path, "free.py", text + 'def soft_cut(x, threshold, steepness, *, keep="above"): ...\n'
    )
    assert find("soft_cut", "free", [path]).framework == "numpy"


def test_a_users_file_that_is_missing_broken_or_empty_is_refused_by_name(tmp_path):
    with pytest.raises(ValueError, match=r"nowhere\.py'?: no such file"):
        discover([tmp_path / "nowhere.py"])
    with pytest.raises(ValueError, match=r"broken\.py.* cannot be read"):
        discover([written(tmp_path, "broken.py", "def f(:")])
    with pytest.raises(ValueError, match=r"plain\.py.*no @implements"):
        discover([written(tmp_path, "plain.py", "x = 1\n")])


def test_two_files_may_not_share_a_name(tmp_path):
    path = written(tmp_path, "torch_eager.py", HOSTILE)
    with pytest.raises(ValueError, match=r"'torch_eager' already implements soft_cut.*name="):
        discover([path])


def test_unknown_names_are_answered_with_the_choices():
    with pytest.raises(KeyError, match=r"'sorting'.*batch_shaping.*soft_cut"):
        load("sorting", "torch_eager")
    with pytest.raises(KeyError, match=r"'fortran'.*numpy_scipy.*torch_eager"):
        load("soft_cut", "fortran")
    with pytest.raises(ValueError, match=r"operator='sorting'.*soft_cut"):
        implements("sorting", framework="torch")
    with pytest.raises(ValueError, match=r"framework='mxnet'.*torch"):
        implements("soft_cut", framework="mxnet")
    with pytest.raises(ValueError, match=r"pass vjp="):
        implements("soft_cut", framework="numpy")


def test_a_users_function_is_registered_and_returned_as_it_is():
    def mine(x):
        return x

    assert implements("soft_cut", framework="torch")(mine) is mine


USERS = """
from suite.registry import implements

@implements("soft_cut", framework="numpy", vjp=lambda *a, **k: ())
def soft_cut(x, threshold, steepness, *, keep="above"):
    return x * 0 + threshold
"""


def test_a_users_file_is_loaded_checked_and_cast_like_the_houses(tmp_path):
    found = find("soft_cut", "own", [written(tmp_path, "own.py", USERS)])
    function = registry.checked(registry.load_declared(found), check_values=True)
    half = function(np.ones((1, 2), np.float16), 0.1, 1.0)
    assert half.dtype == np.float16
    assert np.array_equal(half, np.full((1, 2), 0.1, np.float16))
    with pytest.raises(ValueError, match=r"x has shape \(2,\)"):
        function(np.ones(2), 0.1, 1.0)
    with pytest.raises(ValueError, match="steepness"):
        function(np.ones((2, 2)), 0.1, np.array([1.0, -1.0]))
    unchecked = registry.checked(registry.load_declared(found), check_values=False)
    assert unchecked(np.ones((2, 2)), 0.1, np.array([1.0, -1.0])).shape == (2, 2)


NOT_NEEDED = {
    "numpy_scipy": {"torch", "jax", "pandas", "matplotlib", "typer", "rich", "pytest", "sklearn"},
    "torch_eager": {"jax", "pandas", "matplotlib", "typer", "rich", "pytest", "sklearn"},
    "jax_xla": {"torch", "pandas", "matplotlib", "typer", "rich", "pytest", "sklearn"},
}


@pytest.mark.parametrize("name", NOT_NEEDED)
def test_loading_imports_the_implementations_framework_and_no_other(name):
    framework = find("soft_cut", name).framework
    pytest.importorskip(framework)
    code = f"from suite import load; load('soft_cut', {name!r}); import sys; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    loaded = set(done.stdout.split())
    assert framework in loaded
    assert not loaded & NOT_NEEDED[name]
    others = {m for m in loaded if m.startswith("implementations.") and m.count(".") == 2}
    family = f"implementations.{name}."
    assert all(m.startswith(family) for m in others), others
    stated = {m.removeprefix(family) for m in others} & set(operators.names())
    assert stated == {"soft_cut"}


@pytest.fixture
def copied(tmp_path, monkeypatch):
    """The project's sources in a folder that may be edited."""
    for folder in ("suite", "implementations"):
        ignore = shutil.ignore_patterns("__pycache__", "*.npz")
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=ignore)
    monkeypatch.setattr(registry, "ROOT", tmp_path)
    monkeypatch.setattr(sources, "ROOT", tmp_path)
    monkeypatch.setattr(registry, "HOUSE", tmp_path / "implementations")
    monkeypatch.setattr(operators, "__path__", [str(tmp_path / "suite" / "operators")])
    return tmp_path


@pytest.mark.parametrize(
    ("edited", "changes"),
    [
        ("implementations/torch_compiled/soft_cut.py", True),
        ("implementations/torch_eager/soft_cut.py", True),
        ("suite/operators/soft_cut.py", True),
        ("suite/operators/arguments.py", True),
        ("suite/registry.py", True),
        ("implementations/torch_eager/ecdf.py", False),
        ("suite/cli.py", False),
    ],
)
def test_the_source_hash_follows_every_project_file_that_is_imported(copied, edited, changes):
    declaration = find("soft_cut", "torch_compiled")
    assert declaration.path.is_relative_to(copied)
    before = source_hash(declaration)
    path = copied / edited
    path.write_text(path.read_text() + "\n# edited\n")
    assert (source_hash(declaration) != before) is changes


MISNAMED = """
from suite.registry import implements

@implements("soft_cut", framework="torch")
def soft_cut(x, limit, steepness, *, keep="above"):
    return x
"""


@pytest.mark.parametrize(
    ("said", "instead", "answer"),
    [
        ('"soft_cut"', '"softcut"', r"own.py:4: @implements: operator='softcut'.*soft_histogram"),
        ('"torch"', '"tensorflow"', r"own.py:4: @implements: framework='tensorflow'.*jax"),
        ("", "", r"own.py:5: soft_cut\(x, limit, .*arguments are x, threshold, steepness, keep"),
    ],
)
def test_a_misspelt_declaration_is_answered_before_anything_runs(tmp_path, said, instead, answer):
    path = written(tmp_path, "own.py", MISNAMED.replace(said, instead))
    with pytest.raises(ValueError, match=answer):
        discover([path])


def required(package, module="implementations.cuda.torch.soft_cut"):
    (cut,) = (d for d in discover() if (d.operator, d.name) == ("soft_cut", "torch_eager"))
    return dataclasses.replace(cut, module=module, requires=(package,))


@pytest.mark.parametrize("package", ["nowhere", "nowhere.core", "json.nowhere", "numpy.no.where"])
def test_a_package_that_is_missing_or_whose_parent_is_names_itself_and_its_extra(package):
    remedy = "is not installed: pip install 'cdfbench[cuda]'"
    assert required(package).missing() == f"{package} {remedy}"
    theirs = required(package, "implementations.triton.soft_cut").missing()
    assert theirs.endswith("pip install 'cdfbench[triton]'")
    assert required(package, "elsewhere.cuda.soft_cut").missing() == f"{package} is not installed"


@pytest.mark.parametrize("package", ["json", "json.decoder"])
def test_a_package_that_is_there_is_not_missing(package):
    assert required(package).missing() is None


def test_every_extra_that_an_error_names_is_one_of_the_projects():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert set(registry.EXTRAS) <= set(project["optional-dependencies"])


def test_a_file_that_has_changed_is_read_again(tmp_path):
    path = tmp_path / "own.py"
    for dtypes in (("float32",), ("float32", "float64")):
        path.write_text(
            "from suite.registry import implements\n\n\n"
            f"@implements('soft_cut', framework='torch', dtypes={dtypes})\n"
            "def soft_cut(x, threshold, steepness, *, keep='above'): ...\n"
        )
        (mine,) = (d for d in registry.discover([path]) if d.path == path)
        assert mine.dtypes == dtypes
