"""The checks of this folder find what they look for: tried on the CPU with torch_eager."""

import dataclasses

import on_device
import pytest
import torch
from on_device import Problem, case_of, differences, large_call, last_rows_alone, worst

from suite import operators, registry
from suite.operators.base import PASSES
from suite.registry import find

SAMPLES = {name: find(name, "torch_eager") for name in operators.names()}


@pytest.fixture(params=sorted(SAMPLES))
def problem(request):
    return Problem(SAMPLES[request.param], case_of(operators.get(request.param), 6, 100), "cpu")


@pytest.mark.parametrize("pass_", PASSES)
def test_a_right_answer_is_within_its_tolerance_and_another_bases_is_not(problem, pass_):
    found, want = problem.run(pass_), problem.expected()
    assert worst(problem, found, want, pass_) <= 1.0
    assert worst(problem, problem.run(pass_, base=1), want, pass_) > 1.0


def test_equal_answers_do_not_differ_and_a_changed_one_is_named(problem, monkeypatch):
    one, other = problem.run(PASSES[1]), problem.run(PASSES[1])
    assert differences(problem, one, other, PASSES[1]) == []
    first, gradient, *rest = other
    nearly = gradient * (1 + 2**-22)
    off = gradient + 10 * float(torch.tensor(problem.expected().allowed[problem.case.wrt[0]]).max())
    names = differences(problem, one, (first, off, *rest), PASSES[1])
    assert names == [problem.case.wrt[0]]
    key = problem.declaration.operator, problem.declaration.name
    monkeypatch.setattr(on_device, "DETERMINISTIC", {key})
    assert differences(problem, one, (first, nearly, *rest), PASSES[1]) == names


@pytest.mark.parametrize("name", sorted(on_device.LARGE_CALLS))
def test_rows_that_wrap_are_not_what_they_are_alone(name, monkeypatch):
    x = torch.randn(40, 64, generator=torch.Generator().manual_seed(0))
    last_rows_alone(SAMPLES[name], x)
    right = registry.load(name, "torch_eager", check_values=False)

    def wraps(x, **options):
        """As if rows were counted in five bits."""
        return right(torch.cat([x[:32], x[:8]]) if len(x) == 40 else x, **options)

    monkeypatch.setattr(registry, "load", lambda *_, **__: wraps)
    with pytest.raises(AssertionError, match="not close"):
        last_rows_alone(SAMPLES[name], x)


def test_counts_of_a_row_are_the_sum_of_its_parts():
    x = torch.randn(1, 3000, generator=torch.Generator().manual_seed(0))
    whole, _ = large_call(SAMPLES["soft_histogram"], x)
    parts = [large_call(SAMPLES["soft_histogram"], part)[0] for part in x.split(1000, dim=1)]
    torch.testing.assert_close(whole, sum(parts), rtol=1e-5, atol=1e-4)


def test_a_shape_above_a_number_of_elements_is_above_it_by_less_than_three_rows():
    for elements in (1, 4096, (1 << 31) - 1, 1 << 31):
        rows, samples = on_device.shape_above(elements, 4096)
        assert elements < rows * samples <= elements + 3 * samples


def test_a_problem_that_an_implementation_skips_says_why(problem, monkeypatch):
    def loaded(declaration, load=registry.load_declared):
        return dataclasses.replace(load(declaration), skip=lambda case: "too small for it")

    assert problem.unsupported() is None
    monkeypatch.setattr(registry, "load_declared", loaded)
    assert problem.unsupported() == "too small for it"
