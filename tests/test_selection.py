"""What a command runs."""

import pytest

from suite import operators, registry
from suite.selection import SLOW_COMPILE_CASES, Selection, _wanted, jobs

OWN = """
from suite.registry import implements

@implements("soft_cut", framework="torch"{more})
def soft_cut(x, threshold, steepness, *, keep="above"):
    return x
"""


def names(selection, device="cpu"):
    return {(job.operator.name, job.declaration.name) for job in jobs(selection, device)}


def test_the_quick_profile_is_part_of_the_full_one():
    quick = {(j.title, c) for j in jobs(Selection(), "cpu") for c in j.cells}
    full = {(j.title, c) for j in jobs(Selection(profile="full"), "cpu") for c in j.cells}
    assert quick < full


def test_slow_compilers_get_few_cases_of_an_operator_in_the_quick_profile():
    slow = [job for job in jobs(Selection(), "cpu") if job.declaration.slow_compile]
    assert {job.operator.name for job in slow} == set(operators.names())
    for job in slow:
        assert 1 <= len({cell.case for cell in job.cells}) <= SLOW_COMPILE_CASES
        assert {cell.pass_ for cell in job.cells} == {"forward+backward"}


def test_the_quick_profile_measures_the_memory_of_one_case_an_operator():
    quick = [job for job in jobs(Selection(), "cpu") if not job.declaration.slow_compile]
    assert {len(job.memory) for job in quick} == {1}
    assert max(len(j.memory) for j in jobs(Selection(profile="full"), "cpu")) > 1


def test_a_file_alone_runs_beside_the_others_of_its_operator(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(OWN.format(more=""))
    found = names(Selection(implementations=(str(path),)))
    assert ("soft_cut", "mine") in found
    assert ("soft_cut", "torch_eager") in found
    assert {operator for operator, _ in found} == {"soft_cut"}


def test_a_known_error_runs_only_when_named(tmp_path):
    path = tmp_path / "published.py"
    path.write_text(OWN.format(more=", known_error='E7'"))
    with_file = Selection(("soft_cut",), (str(path), "torch_eager"))
    assert ("soft_cut", "published") in names(with_file)
    (declared,) = [j for j in jobs(with_file, "cpu") if j.declaration.name == "published"]
    assert declared.declaration.known_error == "E7"


def test_asking_for_everybody_adds_known_errors_and_cases_and_is_another_run():
    some, everybody = (
        Selection(("soft_cut",), (), everybody=all_of_them) for all_of_them in (False, True)
    )
    declared = {d.name for d in registry.discover() if d.operator == "soft_cut"}
    assert {name for _, name in names(everybody)} == declared > {n for _, n in names(some)}
    before, after = (
        {(job.title, cell) for job in jobs(each, "cpu") for cell in job.cells}
        for each in (some, everybody)
    )
    assert before < after
    assert some.key != everybody.key


def test_named_implementations_run_in_the_order_of_their_names_and_files_too(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(OWN.format(more=""))
    asked = ("torch_eager", str(path), "numpy_scipy")
    found = [j.declaration.name for j in jobs(Selection(("ecdf", "soft_cut"), asked), "cpu")]
    assert found == ["torch_eager", "torch_eager", "mine", "numpy_scipy", "numpy_scipy"]


def test_what_cannot_use_the_gpu_runs_on_the_cpu():
    where = {job.declaration.name: job.device for job in jobs(Selection(("soft_cut",)), "cuda")}
    assert where["numpy_scipy"] == "cpu"
    assert where["torch_eager"] == "cuda"


def test_what_is_for_gpus_alone_is_left_out_elsewhere_unless_it_is_named(tmp_path):
    path = tmp_path / "fast.py"
    path.write_text(OWN.format(more=", devices=('cuda',)"))
    (point,) = (d for d in registry.discover([path]) if d.name == "fast")
    assert not _wanted(point, set(), Selection(), "cpu")
    assert _wanted(point, set(), Selection(), "cuda")
    assert _wanted(point, {"fast"}, Selection(), "cpu")
    assert _wanted(point, set(), Selection(everybody=True), "cpu")
    with_file = Selection(("soft_cut",), (str(path), "torch_eager"))
    (job,) = (j for j in jobs(with_file, "cpu") if j.declaration.name == "fast")
    assert job.device == "cpu" and "runs on cuda only" in job.declaration.unable(job.device)
    (job,) = (j for j in jobs(with_file, "cuda") if j.declaration.name == "fast")
    assert job.device == "cuda" and job.declaration.unable(job.device) is None


def test_on_a_gpu_torch_is_timed_by_the_wall_by_events_and_in_graphs():
    (job,) = jobs(Selection(("soft_cut",), ("torch_eager",), ("float16",)), "cuda")
    assert {cell.clock for cell in job.cells} == {"wall", "event", "graph"}
    (job,) = jobs(Selection(("soft_cut",), ("jax_xla",), ("float16",)), "cuda")
    assert {cell.clock for cell in job.cells} == {"wall"}


@pytest.mark.parametrize(
    "selection",
    [
        Selection(operators=("nope",)),
        Selection(implementations=("nope",)),
        Selection(operators=("soft_cut",), cases=("nope",)),
    ],
)
def test_a_name_that_is_not_there_is_refused(selection):
    with pytest.raises(ValueError, match="nope"):
        jobs(selection, "cpu")
