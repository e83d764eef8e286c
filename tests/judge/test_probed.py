"""Beside its cells an implementation is right, repeats itself, and differentiates twice or refuses.

On the cube, whose derivatives are known: 3 x^2 and 6 x.
"""

import dataclasses

import numpy as np
import pytest

from suite.judge.probed import (
    NOTHING,
    REPEATS,
    Wanted,
    answer_flags,
    curvature_flags,
    probe_flags,
)
from suite.operators.base import Case, Cost, Operator
from suite.probes import ODD, STEPS, Probe, direction, given, planned, probes

DIMS = {"x": ("R", "N"), "output": ("R", "N")}
CASE = Case("cubed", {"R": 2, "N": 7}, DIMS, dtype="float64", representative=True)
PROBE = Probe(CASE, CASE)


def cube_gradient(cotangent, wrt, x):
    return {"x": 3 * x**2 * cotangent}


OPERATOR = Operator(
    name="cube",
    summary="the third power",
    draw=lambda case, rng: {"x": rng.uniform(1.0, 2.0, size=case.shape("x"))},
    reference=lambda x: x**3,
    reference_gradient=cube_gradient,
    condition=lambda cotangent, wrt, x: {"output": np.ones_like(x), "x": np.ones_like(x)},
    tolerance=lambda dtype: 1e-3,
    cost=lambda case, pass_: Cost(1, case.sizes["R"] * case.sizes["N"], 1),
    check=lambda x: None,
    check_values=lambda x: None,
    cases=(dataclasses.replace(CASE, dtype="float32"),),
    error_cases=(),
    options={},
)


def right(step):
    arrays = given(OPERATOR, CASE, STEPS[step])
    return {"output": arrays["x"] ** 3, "x": 3 * arrays["x"] ** 2 * arrays["output"]}


def answers(**changed):
    return {step: right(step) for step in STEPS} | changed


def shifted(step, name="output", by=2e-3):
    answer = right(step)
    answer[name] = answer[name].copy()
    answer[name][1, 3] += by
    return answer


def flags(exact=True, probe=PROBE, **changed):
    return probe_flags(OPERATOR, probe, answers(**changed), Wanted(), exact)


def test_a_right_implementation_has_no_flag():
    assert flags() == []
    assert flags(exact=False) == []


def test_each_kind_of_input_is_another_one():
    plain, nudged, equal = (
        given(OPERATOR, CASE, k)["x"] for k in ("plain", "nudged", "equal rows")
    )
    assert (plain != nudged).sum() == CASE.sizes["R"]
    assert (equal == equal[:1]).all() and (equal[0] == plain[0]).all()
    assert (plain[0] != plain[1]).all()


@pytest.mark.parametrize("name", ["output", "x"])
def test_another_shape_than_the_cases_must_be_right(name):
    found = flags(plain=shifted("plain", name))
    assert found == [f"is not right for cubed at 2x7: {name} is off by 2 x tolerance"]


def test_what_is_wrong_at_once_is_not_told_for_every_step():
    assert len(flags(**{step: "ValueError: no" for step in STEPS})) == 1


@pytest.mark.parametrize(
    ("step", "words"),
    [
        ("again", "an input given again"),
        ("nudged", "other values in the same memory"),
        ("strided", "strided arrays"),
        ("transposed", "transposed arrays"),
        ("expanded", "expanded arrays"),
    ],
)
def test_each_step_must_be_right_and_is_named(step, words):
    (flag,) = flags(**{step: shifted(step)})
    assert flag.startswith(f"is not right for {words}: output is off by 2")
    if step != "again":
        assert flags(**{step: shifted(step, by=0.99e-3)}) == []
        assert flags(**{step: shifted(step, by=1.01e-3)}) != []
    assert flags(**{step: "ValueError: no"}) == [f"is not right for {words}: ValueError: no"]


def test_a_step_without_an_answer_is_a_flag():
    missing = answers()
    del missing["strided"]
    found = probe_flags(OPERATOR, PROBE, missing, Wanted(), True)
    assert found == [f"is not right for strided arrays: {NOTHING}"]
    without = right("nudged")
    del without["x"]
    assert flags(nudged=without) == [
        "is not right for other values in the same memory: x has shape None"
    ]
    short = {**right("nudged"), "x": np.zeros((2, 6))}
    assert flags(nudged=short)[0].endswith("x has shape (2, 6)")


def test_the_answer_to_the_input_before_is_wrong_for_a_changed_one():
    assert flags(nudged=right("plain"))[0].startswith("is not right for other values in the same")
    assert flags(expanded=right("plain"))[0].startswith("is not right for expanded arrays")


def test_on_a_cpu_the_same_input_gives_the_same_bits():
    by = 1e-15
    assert flags(again=shifted("again", "x", by)) == ["gives other bits for the same input: x"]
    assert flags(again=shifted("again", "x", by), exact=False) == []
    nan = shifted("again", by=np.nan)
    assert flags(again=nan)[0].startswith("is not right for an input given again")


def test_on_a_gpu_it_repeats_to_an_eighth_of_the_tolerance():
    allowed = Wanted().answer(OPERATOR, CASE, "plain").allowed["output"][1, 3]
    assert flags(again=shifted("again", by=0.95 * REPEATS * allowed), exact=False) == []
    assert flags(again=shifted("again", by=1.05 * REPEATS * allowed), exact=False) == [
        "gives other bits for the same input: output"
    ]
    assert REPEATS == 0.125


def test_only_the_steps_of_the_probe_count():
    cheap = Probe(CASE, None, ("plain", "nudged"))
    assert flags(probe=cheap, strided="no", again=shifted("again")) == []


def second():
    return 6 * given(OPERATOR, CASE, "plain")["x"] * weight() * direction(CASE)


def weight():
    return given(OPERATOR, CASE, "plain")["output"]


def curved(answer, operator=OPERATOR, case=CASE):
    return curvature_flags(operator, case, answer, Wanted())


def test_second_derivatives_are_right_or_refused():
    assert curved(second()) == []
    assert curved("RuntimeError: differentiate once only") == []
    assert curved(NOTHING) == ["gives no second derivatives, nor an error"]


def test_a_zero_in_silence_is_a_flag():
    assert curved(np.zeros((2, 7))) == ["gives zero for second derivatives, silently"]
    almost = np.zeros((2, 7))
    almost[0, 0] = second()[0, 0]
    assert curved(almost)[0].startswith("second derivatives are off by ")


def test_second_derivatives_are_held_to_their_largest():
    scale = np.abs(second()).max()
    by = np.zeros((2, 7))
    by[1, 2] = scale
    assert curved(second() + 0.9e-4 * by) == []
    assert curved(second() + 1.1e-4 * by) == [
        f"second derivatives are off by {1.1e-4 * scale:.3g}, the largest being {scale:.3g}"
    ]
    assert curved(second() - 1.1e-4 * by) != []
    single = dataclasses.replace(CASE, dtype="float32")
    rounded = curvature_flags(OPERATOR, single, second() + 0.04 * by, Wanted())
    assert rounded == []
    assert curvature_flags(OPERATOR, single, second() + 0.06 * by, Wanted()) != []


def test_nan_and_another_shape_are_flags():
    assert curved(np.full((2, 7), np.nan))[0].startswith("second derivatives are off by nan")
    assert curved(np.zeros(7)) == ["second derivatives have shape (7,)"]


def operator_with(gradient):
    return dataclasses.replace(
        OPERATOR, name=gradient.__name__, reference_gradient=lambda g, wrt, x: {"x": gradient(g, x)}
    )


def test_a_gradient_that_jumps_has_no_second_derivative_to_compare():
    def jumping(g, x):
        return g * np.where(np.arange(7) == 2, np.sign(x - given(OPERATOR, CASE, "plain")["x"]), 1)

    assert curved(np.zeros((2, 7)), operator_with(jumping)) == []


def test_a_gradient_that_is_constant_has_the_second_derivative_zero():
    def constant(g, x):
        return g

    assert curved(np.zeros((2, 7)), operator_with(constant)) == []
    assert curved(np.ones((2, 7)), operator_with(constant)) != []


def test_a_reference_is_computed_once_for_all_implementations():
    calls = []

    def counted(x):
        calls.append(1)
        return x**3

    operator = dataclasses.replace(OPERATOR, reference=counted)
    wanted = Wanted()
    for _ in range(3):
        assert probe_flags(operator, PROBE, answers(), wanted, True) == []
    assert len(calls) == len(set(STEPS.values()))
    first = wanted.curvature(OPERATOR, CASE)
    assert wanted.curvature(OPERATOR, CASE) is first
    assert np.allclose(first[1], second(), rtol=1e-8)
    assert np.abs(first[0] - first[1]).max() > 0


def left(number=0, **changed):
    return {
        f"{number}/{step}/{name}": values
        for step, answer in answers(**changed).items()
        for name, values in answer.items()
    }


def all_flags(arrays, raised=None, tried=(PROBE,), exact=True):
    return answer_flags(OPERATOR, tried, arrays, raised or {}, Wanted(), exact)


def test_all_probes_are_judged_with_their_second_derivatives():
    whole = {**left(), "0/curvature": second()}
    assert all_flags(whole) == []
    assert all_flags({**whole, "0/curvature": 0 * second()}) == [
        "gives zero for second derivatives, silently"
    ]
    assert all_flags(left()) == ["gives no second derivatives, nor an error"]
    assert all_flags(left(), {"0/curvature": "RuntimeError: once"}) == []
    assert all_flags(left(), tried=(Probe(CASE, None),)) == []


def test_each_probe_has_its_own_answers():
    tried = (Probe(CASE, None), Probe(CASE, None))
    assert all_flags({**left(0), **left(1)}, tried=tried) == []
    found = all_flags({**left(0), **left(1, strided=shifted("strided"))}, tried=tried)
    assert found[0].startswith("is not right for strided arrays")
    assert all_flags({**left(1)}, tried=tried) == [f"is not right for cubed at 2x7: {NOTHING}"]
    assert all_flags(left(1), {"0/unsupported": "no float64"}, tried) == []


def test_how_a_step_raised_is_told():
    arrays = {k: a for k, a in left().items() if "strided" not in k}
    found = all_flags(arrays, {"0/strided": "ValueError: strides"}, (Probe(CASE, None),))
    assert found == ["is not right for strided arrays: ValueError: strides"]


def test_exactness_is_passed_on():
    arrays = left(again=shifted("again", by=1e-15))
    assert all_flags(arrays, tried=(Probe(CASE, None),), exact=False) == []
    assert all_flags(arrays, tried=(Probe(CASE, None),), exact=True) != []


def test_probes_have_shapes_that_no_case_has_in_the_widest_dtype():
    for framework in ("numpy", "torch", "jax"):
        (probe,) = probes(OPERATOR, ("float16", "float32"), framework)
        assert probe.case.dtype == "float32"
        taken = {case.sizes["N"] for case in OPERATOR.cases}
        assert probe.case.sizes["N"] not in taken and probe.case.sizes["R"] > 1
        assert (probe.curved is None) == (framework == "numpy")
        assert ("strided" in probe.steps) == (framework != "jax")
    (probe,) = probes(OPERATOR, ("float32", "float64"), "numpy")
    assert probe.case.dtype == "float64"


def test_a_size_that_a_case_has_is_passed_over():
    (before,) = probes(OPERATOR, ("float64",), "numpy")
    taken = dataclasses.replace(CASE, name="taken", sizes=before.case.sizes)
    operator = dataclasses.replace(OPERATOR, cases=(*OPERATOR.cases, taken))
    found = {p.case.sizes["N"] for p in probes(operator, ("float64",), "numpy")}
    assert before.case.sizes["N"] not in found


def test_a_slow_compiler_is_probed_with_a_case_as_it_is():
    (probe,) = planned(OPERATOR, ("float32",), "torch", "cubed")
    assert probe.case == probe.curved == OPERATOR.cases[0]
    assert probe.steps == ("plain", "again", "nudged")
    assert planned(OPERATOR, ("float32",), "torch", ODD) == probes(OPERATOR, ("float32",), "torch")


def test_a_probe_that_cannot_be_taken_excuses_no_other():
    tried = (Probe(CASE, None), Probe(CASE, None))
    wrong = left(1, strided=shifted("strided"))
    assert len(all_flags(wrong, {"0/unsupported": "no float64"}, tried)) == 1


def test_every_array_that_differs_is_named():
    both = shifted("again", "x", 1e-15)
    both["output"] = shifted("again", "output", 1e-15)["output"]
    assert flags(again=both) == ["gives other bits for the same input: output, x"]


def test_nan_repeats_nan():
    def with_nan(case, rng):
        x = rng.uniform(1.0, 2.0, size=case.shape("x"))
        x[0, 0] = np.nan
        return {"x": x}

    operator = dataclasses.replace(OPERATOR, name="with NaN", draw=with_nan)
    x, g = (given(operator, CASE, "plain")[name] for name in ("x", "output"))
    answer = {"output": x**3, "x": 3 * x**2 * g}
    probe = Probe(CASE, None, ("plain", "again"))
    assert probe_flags(operator, probe, {"plain": answer, "again": answer}, Wanted(), True) == []


def test_infinities_of_a_reference_are_no_warning():
    operator = dataclasses.replace(
        OPERATOR, name="pole", reference_gradient=lambda g, wrt, x: {"x": g / (x - x)}
    )
    assert curved(np.zeros((2, 7)), operator) == []


def test_every_case_has_curvature_of_its_own():
    wanted = Wanted()
    other = dataclasses.replace(CASE, seed=7)
    one, two = (wanted.curvature(OPERATOR, case) for case in (CASE, other))
    assert np.abs(np.asarray(one[0]) - np.asarray(two[0])).max() > 0.1
    np.testing.assert_array_equal(wanted.curvature(OPERATOR, CASE)[0], one[0])


def test_every_case_has_answers_of_its_own():
    wanted = Wanted()
    other = dataclasses.replace(CASE, seed=7)
    one, two = (wanted.answer(OPERATOR, case, "plain") for case in (CASE, other))
    assert np.abs(one.reference["output"] - two.reference["output"]).max() > 0.1


def test_flags_of_answers_and_of_curvature_are_all_told():
    """A wrong value in a layout, and a second derivative that is silently zero."""
    arrays = {
        f"0/{step}/{name}": values
        for step, answer in answers(strided=shifted("strided")).items()
        for name, values in answer.items()
    }
    arrays["0/curvature"] = np.zeros(CASE.shape("x"))
    flags = answer_flags(OPERATOR, (PROBE,), arrays, {}, Wanted(), True)
    assert len(flags) == 2
    assert "strided" in flags[0] and "second" in flags[1]
