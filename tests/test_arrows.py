"""Data flows one way: who may import whom, read from the source text."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SUITE = sorted((ROOT / "suite").rglob("*.py"))
IMPLEMENTATIONS = sorted((ROOT / "implementations").rglob("*.py"))
OPERATORS = sorted((ROOT / "suite" / "operators").glob("*.py"))
JUDGE = sorted((ROOT / "suite" / "judge").glob("*.py"))

# Float64 mathematics beside the operators, and the tensors that cases are drawn from.
GROUND_FLOOR = (
    "suite.operators",
    "suite.priors",
    "suite.energies",
    "suite.laws",
    "suite.incomplete_beta",
    "suite.plotting_positions",
    "suite.smoothing_kernels",
    "suite.kernel_counts",
    "suite.workloads",
)
FRAMEWORKS = {
    "numpy": {"numpy", "scipy"},
    "moments": {"numpy"},
    "energies": set(),
    "torch": {"torch", "numpy", "scipy"},
    "jax": {"jax", "numpy", "scipy"},
    "triton": {"triton", "jax_triton", "numpy", "scipy"},
    "cuda": {"numpy", "cuda", "jax_tvm_ffi", "tvm_ffi"},
}


def module_of(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def exists(module):
    path = ROOT.joinpath(*module.split("."))
    return path.with_suffix(".py").is_file() or path.is_dir()


def imports(path):
    """Dotted names of all modules that a file imports, inside functions too."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                ours = node.module.split(".")[0] in ("suite", "implementations")
                yield inner if ours and exists(inner) else node.module


def top(module):
    return module.split(".")[0]


def foreign(path):
    """Imports that are neither this project's nor the standard library's."""
    ours = {"suite", "implementations"} | sys.stdlib_module_names
    return {top(module) for module in imports(path)} - ours


def within(module, allowed):
    return any(module == name or module.startswith(name + ".") for name in allowed)


def by_file(paths):
    return pytest.mark.parametrize("path", paths, ids=lambda p: str(p.relative_to(ROOT)))


def ground_floor():
    found = set(OPERATORS)
    for name in GROUND_FLOOR[1:]:
        path = ROOT.joinpath(*name.split("."))
        found |= set(path.glob("*.py")) if path.is_dir() else {path.with_suffix(".py")}
    return sorted(found)


@by_file(ground_floor())
def test_the_ground_floor_imports_numpy_scipy_and_itself(path):
    allowed = {"numpy", "scipy"}
    if "workloads" in path.parts:
        # Training the network that made the tensors, not reading them.
        allowed |= {"sklearn", "torch"}
    assert foreign(path) <= allowed
    ours = {module for module in imports(path) if top(module) in ("suite", "implementations")}
    assert {m for m in ours if not within(m, (*GROUND_FLOOR, "suite.cache"))} <= {"suite"}


def test_importing_all_operators_imports_no_framework():
    code = (
        "from suite import operators as o; [o.get(n) for n in o.names()];"
        "import sys; print(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    loaded = set(done.stdout.split())
    assert not loaded & {"torch", "jax", "sklearn", "pandas", "suite.frameworks"}


@by_file(IMPLEMENTATIONS)
def test_an_implementation_imports_the_registry_its_framework_and_other_implementations(path):
    modules = set(imports(path))
    ours = {module for module in modules if top(module) == "suite"}
    assert ours <= {"suite.registry"}
    folders = path.relative_to(ROOT / "implementations").parts[:-1]
    # cuda/torch is of both, cuda itself of no framework.
    families = {folder.split("_")[0] for folder in folders}
    if folders[0] not in ("published", "peers"):
        assert foreign(path) <= set().union(*(FRAMEWORKS[family] for family in families))
        others = {m.split(".")[1].split("_")[0] for m in modules if top(m) == "implementations"}
        assert others <= {*families, "moments", "energies", "triton", "cuda"}


@by_file(SUITE)
def test_nothing_of_the_suite_imports_an_implementation(path):
    assert "implementations" not in {top(module) for module in imports(path)}


@by_file(JUDGE)
def test_the_judge_knows_outputs_and_operators_only(path):
    ours = {module for module in imports(path) if top(module) == "suite"}
    assert all(
        within(m, ("suite.operators", "suite.judge", "suite.rounds", "suite.probes", "suite.cache"))
        for m in ours
    )
    assert foreign(path) <= {"numpy", "scipy"}


def test_the_store_knows_frames_and_no_measuring():
    path = ROOT / "suite" / "results.py"
    assert foreign(path) <= {"pandas", "numpy"}
    assert {module for module in imports(path) if top(module) == "suite"} <= {"suite"}


@by_file(sorted((ROOT / "suite" / "report").glob("*.py")))
def test_reports_read_the_store_and_measure_nothing(path):
    measuring = ("suite.runner", "suite.worker", "suite.timing", "suite.frameworks", "suite.judge")
    assert not any(within(module, measuring) for module in imports(path))


@by_file(sorted(p for name in ("compare", "history") for p in (ROOT / "suite" / name).glob("*.py")))
def test_comparisons_read_the_store_and_leave_measuring_to_a_bench_of_its_own(path):
    measuring = ("suite.bench", "suite.runner", "suite.worker", "suite.frameworks", "suite.judge")
    assert not any(within(module, measuring) for module in imports(path))


def test_only_the_adaptors_know_frameworks():
    """But for the network behind the workloads, the clocks, captured before anything, and the
    proofs about other libraries, which are called with arrays of their own framework."""
    for path in SUITE:
        if path.name == "clocks.py" or {"workloads", "frameworks"} & set(path.parts):
            continue
        if path.parent.name == "errata" and path.name.startswith("peers_"):
            continue
        assert not foreign(path) & {"torch", "jax", "triton"}, module_of(path)
