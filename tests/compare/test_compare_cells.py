"""Made-up sides with a planted change: the right cell is named, and no other."""

import pytest
from made_runs import CELLS, MACHINE, SLOW, Side

from suite.compare.comparison import compare, of_machine
from suite.compare.kernels import kernel_changes
from suite.compare.measurements import Chosen
from suite.compare.side import Side as RunSide

OTHER = ("soft_cut", "jax_xla", "tied", "forward+backward")


def compared(a, b, processes=2, seed=1):
    """B against A."""
    return of_machine(MACHINE, a.runs(processes, seed), b.runs(processes, 100 + seed))


def named(comparison, *kinds):
    return {
        (row.cell.operator, row.cell.implementation, row.cell.case, row.cell.pass_)
        for row in comparison.rows
        if row.kind in kinds
    }


def the_row(comparison, cell):
    (row,) = (
        row
        for row in comparison.rows
        if (row.cell.operator, row.cell.implementation, row.cell.case, row.cell.pass_) == cell
    )
    return row


@pytest.mark.parametrize("seed", range(5))
def test_a_cell_half_as_slow_again_is_named_first_and_alone(seed):
    found = compared(Side(), Side(slowed={SLOW: 1.5}), 6, seed)
    assert named(found, "slower", "faster") == {SLOW}
    row = found.rows[0]
    assert row.kind == "slower" and row.ratio.low <= 1.5 <= row.ratio.high


def test_one_process_a_side_suffices_where_processes_hardly_differ():
    quiet = {"between": 0.01, "within": 0.02}
    found = compared(Side(**quiet), Side(slowed={SLOW: 1.5}, **quiet), processes=1)
    assert named(found, "slower", "faster") == {SLOW}


@pytest.mark.parametrize("processes", [1, 2, 6])
def test_a_tenth_is_never_taken_for_more_and_no_other_cell_is_named(processes):
    for seed in range(3):
        found = compared(Side(), Side(slowed={SLOW: 1.1}), processes, seed)
        assert not named(found, "slower", "faster")


def test_sides_that_swap_swap_slower_and_faster():
    a, b = Side().runs(4, 1), Side(slowed={SLOW: 2.0, OTHER: 0.5}).runs(4, 2)
    there, back = of_machine(MACHINE, a, b), of_machine(MACHINE, b, a)
    assert named(there, "slower") == named(back, "faster") == {SLOW}
    assert named(there, "faster") == named(back, "slower") == {OTHER}
    ratios = [the_row(found, SLOW).ratio.ratio for found in (there, back)]
    assert ratios[0] * ratios[1] == pytest.approx(1)


def test_a_machine_twice_as_slow_in_all_is_no_change():
    """Times are over yardsticks of the same process."""
    b = Side(slowed=dict.fromkeys(CELLS, 2.0)).runs(3, 2)
    for run in b:
        sticks = run.cells["metric"] == "yardstick_sort"
        run.cells.loc[sticks, "value"] *= 2
    found = of_machine(MACHINE, Side().runs(3, 1), b)
    assert not named(found, "slower", "faster")


def test_a_missing_cell_and_a_new_one_are_rows():
    found = compared(Side(), Side(cells=tuple(cell for cell in CELLS if cell != SLOW)))
    assert named(found, "missing") == {SLOW}
    assert the_row(found, SLOW).statuses == ("ok", "")
    assert len(found.rows) == len(CELLS)
    back = compared(Side(cells=tuple(cell for cell in CELLS if cell != SLOW)), Side())
    assert named(back, "new") == {SLOW}


def test_a_new_failure_in_one_process_of_three_is_told_with_its_reason():
    bad = Side(outcomes={SLOW: {"status": "crashed", "reason": "SIGSEGV"}})
    a, b = Side().runs(2, 1), (*Side().runs(2, 2), bad.run(2999))
    row = of_machine(MACHINE, a, b).rows[0]
    assert row.kind == "failed" and row.ratio is None
    assert "ok -> crashed: SIGSEGV (in 1 of 3 processes)" in row.also
    assert of_machine(MACHINE, b, a).rows[-1].kind in ("same", "mended")
    assert named(of_machine(MACHINE, b, a), "mended") == {SLOW}


def test_wrong_answers_are_not_timed_and_a_worse_failure_is_told():
    wrong = {SLOW: {"status": "wrong", "reason": "expected 1"}}
    found = compared(Side(outcomes=wrong), Side(outcomes=wrong, slowed={SLOW: 3.0}))
    assert the_row(found, SLOW).kind == "untimed"
    dead = {SLOW: {"status": "crashed", "reason": "SIGSEGV"}}
    assert named(compared(Side(outcomes=wrong), Side(outcomes=dead)), "failed") == {SLOW}


def test_a_value_moved_by_two_tolerances_is_changed():
    moved = Side(metrics={SLOW: {"value_error": 2.1, "digest": 6.0}})
    found = compared(Side(), moved)
    assert named(found, "changed") == {SLOW}
    assert "value error 0.1 -> 2.1 tol" in the_row(found, SLOW).also


def test_a_gradient_moved_by_many_tolerances_is_changed():
    moved = Side(metrics={SLOW: {"gradient_error": 90.0, "digest": 6.0}})
    row = the_row(compared(Side(), moved), SLOW)
    assert row.kind == "changed" and row.values[1].least == pytest.approx(89.8)


def test_other_bits_within_one_tolerance_are_no_change():
    rounded = Side(metrics={SLOW: {"value_error": 0.12, "digest": 6.0}})
    assert not named(compared(Side(), rounded), "changed")


def test_a_known_error_whose_value_moves_is_told_though_nobody_times_it():
    outcome = {SLOW: {"status": "wrong", "reason": "known error"}}
    before = Side(outcomes=outcome, metrics={SLOW: {"value_error": 50.0}})
    after = Side(outcomes=outcome, metrics={SLOW: {"value_error": 70.0, "digest": 6.0}})
    assert named(compared(before, after), "changed") == {SLOW}


@pytest.mark.parametrize(
    ("metric", "before", "after", "words"),
    [
        ("peak_memory", 10e6, 13e6, "peak memory 10.0 MB -> 13.0 MB"),
        ("flops", 20520.0, 20521.0, "flops 20,520 -> 20,521"),
        ("temp_memory", 0.0, 32800.0, "temp memory 0 B -> 32.8 kB"),
        ("graph_breaks", 0.0, 1.0, "graph breaks 0 -> 1"),
        ("kernels", 3.0, 4.0, "kernels 3 -> 4"),
        ("compile_time", 2.0, 5.0, "compile time 2.00 s -> 5.00 s"),
    ],
)
def test_a_cost_that_grows_is_told_and_one_that_shrinks(metric, before, after, words):
    quiet = {"between": 0.01, "within": 0.02}
    a, b = (Side(metrics={SLOW: {metric: value}}, **quiet) for value in (before, after))
    row = the_row(compared(a, b), SLOW)
    assert row.kind == "costlier" and words in row.also
    assert named(compared(b, a), "cheaper") == {SLOW}
    assert not named(compared(a, a), "costlier", "cheaper")


def test_memory_that_cannot_be_measured_any_more_is_told():
    found = compared(Side(metrics={SLOW: {"peak_memory": 10e6}}), Side())
    row = the_row(found, SLOW)
    assert row.kind == "costlier" and "peak memory 10.0 MB -> -" in row.also


def test_memory_read_in_pages_may_differ_a_little():
    a, b = (Side(metrics={SLOW: {"peak_memory": bytes_}}) for bytes_ in (10e6, 10.4e6))
    assert not named(compared(a, b), "costlier")


def test_a_case_that_is_another_one_is_not_compared():
    other = {"cases": {"soft_cut": {"small": {"sizes": {"R": 9, "N": 512}}}}}
    one = {"cases": {"soft_cut": {"small": {"sizes": {"R": 8, "N": 512}}}}}
    found = compared(Side(info=one), Side(info=other))
    assert {cell[2] for cell in named(found, "redefined")} == {"small"}
    assert all(row.ratio is None for row in found.rows if row.cell.case == "small")


def test_runs_of_other_machines_stand_apart():
    a = RunSide("A", (*Side().runs(2, 1), *Side().runs(2, 2, machine="other-8c-111111")))
    b = RunSide("B", Side().runs(2, 3))
    found = compare(a, b)
    assert [comparison.machine for comparison in found.machines] == [MACHINE]
    assert found.apart == ("other-8c-111111: 2 run(s) of A alone, compared with nothing",)
    nothing = compare(RunSide("A", Side().runs(1, 1, machine="x")), b)
    assert not nothing.machines and len(nothing.apart) == 2


def test_a_cell_is_that_of_the_newest_commit_that_has_it():
    old = Side(slowed=dict.fromkeys(CELLS, 4.0)).runs(4, 1, commit="b" * 40)
    few = Side(cells=CELLS[:-1]).runs(4, 2, commit="c" * 40)
    found = of_machine(MACHINE, Side().runs(4, 3), (*old, *few))
    assert named(found, "slower") == {CELLS[-1]}


def test_chosen_cells_alone_are_compared():
    chosen = Chosen(implementations=("jax_xla",), cases=("tied",))
    found = of_machine(MACHINE, Side().runs(2, 1), Side().runs(2, 2), chosen)
    assert {(row.cell.implementation, row.cell.case) for row in found.rows} == {("jax_xla", "tied")}
    with pytest.raises(ValueError, match="no cell of either side is nowhere"):
        compare(RunSide("A", Side().runs(1, 1)), RunSide("B", Side().runs(1, 2)),
                Chosen(cases=("nowhere",)))  # fmt: skip


def test_software_that_differs_is_noted():
    found = compared(Side(), Side(info={"versions": {"numpy": "2.5"}}))
    assert "numpy: 2.4 in A, 2.5 in B" in found.notes


def test_nothing_is_said_of_kernels_of_unknown_commits():
    assert kernel_changes(None, "f" * 40) == []


def test_times_are_compared_without_waits_where_both_sides_know_them():
    """By the wall's clock the cell is three times as slow, by its own not at all."""
    known = {"undisturbed": 1e-3, "undisturbed_noise": 0.01, "undisturbed_sort": 1e-3}
    a = Side(metrics={SLOW: known})
    b = Side(slowed={SLOW: 3.0}, metrics={SLOW: known})
    rows = of_machine(MACHINE, a.runs(6, 1), b.runs(6, 101)).rows
    at = next(row for row in rows if _is_slow(row.cell))
    assert at.ratio.ratio == pytest.approx(1)
    rows = of_machine(MACHINE, Side().runs(6, 1), b.runs(6, 101)).rows
    at = next(row for row in rows if _is_slow(row.cell))
    assert at.ratio.ratio == pytest.approx(3, rel=0.1)


def _is_slow(cell):
    return (cell.operator, cell.implementation, cell.case, cell.pass_) == SLOW
