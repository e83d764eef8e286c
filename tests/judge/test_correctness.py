"""The judge: one tolerance is right, more is wrong, and nothing that is not a number slips by."""

import dataclasses

import numpy as np
import pytest

from suite.judge.correctness import Kept, expected, judge, units
from suite.operators.base import EPSILON, SMALLEST, Case, Operator, cotangent, inputs
from suite.rounds import positions, reorder, round_of

CASE = Case(
    "doubled", {"R": 3, "N": 50}, {"x": ("R", "N"), "output": ("R", "N")}, wrt=("x",)
)  # fmt: skip


def double(x):
    return 2 * x


def double_gradient(cotangent, wrt, x):
    return {"x": 2 * cotangent}


def unit_condition(cotangent, wrt, x):
    return {"output": np.ones_like(x), "x": np.abs(cotangent)}


OPERATOR = Operator(
    name="double",
    summary="twice the input",
    draw=lambda case, rng: {"x": rng.normal(size=case.shape("x"))},
    reference=double,
    reference_gradient=double_gradient,
    condition=unit_condition,
    tolerance=lambda dtype: 1e-3 if dtype == "float32" else 1e-9,
    cost=lambda case, pass_: None,
    check=lambda x: None,
    check_values=lambda x: None,
    cases=(CASE,),
    error_cases=(),
    options={},
)


def right_answer(index=0):
    """What a right implementation leaves behind of a round, whole."""
    where = round_of(CASE, index)
    want = expected(OPERATOR, CASE, where.base)
    return [
        Kept(index, name, reorder(values, CASE.dims[name], where.orders))
        for name, values in want.reference.items()
    ]


def judged(kept):
    return judge(OPERATOR, CASE, kept, {b: expected(OPERATOR, CASE, b) for b in range(3)})


def altered(change, name="output", index=0):
    """A right answer with one array changed in place."""
    kept = right_answer(index)
    for item in kept:
        if item.name == name:
            change(item.values)
    return judged(kept)


def test_the_reference_itself_is_right_in_every_round():
    judgement = judged([item for index in range(5) for item in right_answer(index)])
    assert judgement.verdict == "ok"
    assert judgement.errors == {"output": 0.0, "x": 0.0}
    assert judgement.reason == ""


def test_the_allowed_error_is_tolerance_times_condition_plus_rounding():
    want = expected(OPERATOR, CASE, 0)
    rounding = EPSILON["float32"] * np.abs(want.reference["output"])
    assert np.allclose(
        want.allowed["output"], 1e-3 + rounding + SMALLEST["float32"], rtol=1e-12, atol=0
    )
    weight = cotangent(OPERATOR, CASE, 0)
    assert (want.allowed["x"] >= 1e-3 * np.abs(weight)).all()


@pytest.mark.parametrize(("share", "verdict"), [(0.99, "ok"), (1.02, "wrong")])
@pytest.mark.parametrize("name", ["output", "x"])
def test_one_element_beyond_its_tolerance_is_wrong_and_named(share, verdict, name):
    where = round_of(CASE, 0)
    allowed = expected(OPERATOR, CASE, 0).allowed[name]
    step = share * reorder(allowed, CASE.dims[name], where.orders)[2, 7]

    def change(values):
        values[2, 7] += step

    judgement = altered(change, name)
    assert judgement.verdict == verdict
    assert judgement.errors[name] == pytest.approx(share, rel=1e-6)
    if verdict == "wrong":
        what = "value" if name == "output" else "gradient to x"
        assert judgement.reason.startswith(f"{what}[2, 7] = ")
        assert "1.02 x tolerance" in judgement.reason


def test_errors_are_told_apart_by_value_and_gradient():
    judgement = altered(lambda values: values.__iadd__(1.0), "x")
    assert judgement.value_error == 0.0
    assert judgement.gradient_error > 100


def test_nan_and_infinity_have_verdicts_of_their_own():
    nan = altered(lambda values: values.__setitem__((0, 0), np.nan))
    assert nan.verdict == "nan"
    assert nan.value_error == np.inf
    infinite = altered(lambda values: values.__setitem__((0, 0), np.inf))
    assert infinite.verdict == "wrong"


def test_infinities_and_nans_of_the_reference_must_be_met_exactly():
    reference = np.array([np.inf, -np.inf, np.nan, 1.0])
    allowed = np.ones(4)
    assert units(reference, reference, allowed).max() == 0.0
    got = np.array([-np.inf, 1e300, 0.0, np.nan])
    assert np.isinf(units(got, reference, allowed)).all()


def test_a_row_that_was_not_permuted_back_is_wrong():
    kept = [dataclasses.replace(item, round=3) for item in right_answer(0)]
    assert judged(kept).verdict == "wrong"


def test_another_shape_is_wrong_and_said_so():
    kept = [Kept(0, "output", np.zeros((3, 49)))]
    judgement = judged(kept)
    assert judgement.verdict == "wrong"
    assert judgement.reason == "output has shape (3, 49), expected (3, 50)"


def test_nothing_kept_is_wrong():
    assert judged([]).verdict == "wrong"
    assert judged([]).value_error == np.inf


def sampled(index, shift=0.0, total_shift=0.0):
    """What is left of a large array: some positions and the sum."""
    (whole,) = (item for item in right_answer(index) if item.name == "output")
    at = positions(CASE, index, whole.values.size)
    total = float(whole.values.sum()) + total_shift
    return Kept(index, "output", whole.values.reshape(-1)[at] + shift, total)


def test_positions_and_sums_are_judged_where_arrays_were_not_kept():
    assert judged([sampled(4)]).verdict == "ok"
    assert judged([sampled(4, shift=0.5)]).verdict == "wrong"
    allowed = expected(OPERATOR, CASE, 4 % 3).allowed["output"].sum()
    wrong = judged([sampled(4, total_shift=2 * allowed)])
    assert wrong.verdict == "wrong"
    assert wrong.reason == "the sum over all elements of a round is off"
    assert judged([sampled(4, total_shift=np.nan)]).verdict != "ok"


def test_half_types_are_allowed_their_rounding():
    half = dataclasses.replace(CASE, dtype="float16")
    want = expected(OPERATOR, half, 0)
    rounded = want.reference["output"].astype(np.float16)
    assert units(rounded, want.reference["output"], want.allowed["output"]).max() <= 1.0


def test_where_value_and_condition_vanish_the_smallest_number_is_allowed():
    zero = dataclasses.replace(
        OPERATOR,
        reference=lambda x: 0 * x,
        condition=lambda cotangent, wrt, x: {"output": 0 * x, "x": 0 * x},
    )
    for dtype, smallest in SMALLEST.items():
        want = expected(zero, dataclasses.replace(CASE, dtype=dtype), 0)
        assert (want.allowed["output"] == smallest).all()


def test_a_reference_may_overflow_in_silence():
    pole = dataclasses.replace(OPERATOR, reference=lambda x: x / (x - x))
    want = expected(pole, CASE, 0)
    assert np.isinf(want.reference["output"]).all()
    assert np.isfinite(want.allowed["output"]).all()
    item = Kept(0, "output", reorder(want.reference["output"], CASE.dims["output"],
                                     round_of(CASE, 0).orders))  # fmt: skip
    assert judge(pole, CASE, [item], {0: want}).verdict == "ok"


def test_one_tolerance_exactly_is_right():
    allowed = {"output": np.full((3, 50), 0.25), "x": np.full((3, 50), 0.25)}
    want = dataclasses.replace(expected(OPERATOR, CASE, 0), allowed=allowed)
    whole = np.round(want.reference["output"] * 8) / 8
    want = dataclasses.replace(want, reference={**want.reference, "output": whole})
    got = reorder(whole, CASE.dims["output"], round_of(CASE, 0).orders) + 0.25
    judgement = judge(OPERATOR, CASE, [Kept(0, "output", got)], {0: want})
    assert (judgement.verdict, judgement.value_error) == ("ok", 1.0)


def test_a_wrong_number_that_prints_like_the_right_one_says_by_how_much_it_is_off():
    allowed = {"output": np.full((3, 50), 1e-12), "x": np.full((3, 50), 1e-12)}
    want = dataclasses.replace(expected(OPERATOR, CASE, 0), allowed=allowed)
    want = dataclasses.replace(want, reference={**want.reference, "output": np.ones((3, 50))})
    got = np.ones((3, 50))
    got[0, 0] -= 2e-9
    judgement = judge(OPERATOR, CASE, [Kept(0, "output", got)], {0: want})
    assert judgement.reason == (
        "value[0, 0] = 1, expected 1, off by -2e-09 (2e+03 x tolerance)"
    )  # fmt: skip
    got[0, 0] = 3.0
    judgement = judge(OPERATOR, CASE, [Kept(0, "output", got)], {0: want})
    assert judgement.reason == "value[0, 0] = 3, expected 1 (2e+12 x tolerance)"


def test_the_judgement_of_several_arrays_names_the_worst():
    where = round_of(CASE, 0)
    step = reorder(expected(OPERATOR, CASE, 0).allowed["x"], CASE.dims["x"], where.orders)[0, 0]
    kept = right_answer()
    for item in kept:
        item.values[0, 0] += (20 if item.name == "x" else 2) * step
    judgement = judged(kept)
    assert judgement.reason.startswith("gradient to x[0, 0] = ")
    assert judgement.errors["x"] > judgement.errors["output"] > 1
    nan = right_answer(1)
    nan[0].values[2, 2] = np.nan
    assert judged([*kept, *nan]).verdict == "nan"


def test_an_answer_in_float16_is_judged_in_float64():
    """65504 + 32 overflows float16, and is no error to speak of."""
    got, want = np.array([65504.0], np.float16), np.array([65536.0])
    assert units(got, want, np.array([64.0]))[0] == 0.5


def test_a_wrong_value_is_no_wrong_gradient():
    judgement = altered(lambda values: values.__iadd__(1.0), "output")
    assert judgement.gradient_error == 0.0
    assert judgement.value_error > 100
    forward = judged([item for item in right_answer() if item.name == "output"])
    assert forward.gradient_error is None


@pytest.mark.parametrize(
    ("dtype", "tolerance"), [("float64", 1e-9), ("float32", 1e-3), ("float16", 1e-3)]
)
def test_half_types_have_the_tolerance_of_float32_and_float64_its_own(dtype, tolerance):
    want = expected(OPERATOR, dataclasses.replace(CASE, dtype=dtype), 0)
    rounding = EPSILON[dtype] * np.abs(want.reference["output"]) + SMALLEST[dtype]
    assert np.allclose(want.allowed["output"] - rounding, tolerance, rtol=1e-6, atol=0)


def test_a_gradient_of_another_shape_leaves_no_value_standing():
    judgement = judged([*right_answer(), Kept(1, "x", np.zeros((3, 49)))])
    assert judgement.errors == {"output": np.inf, "x": np.inf}
    assert judgement.reason == "x has shape (3, 49), expected (3, 50)"


def test_no_error_beside_the_infinite_reference_is_allowed_for_its_size():
    pole = dataclasses.replace(OPERATOR, reference=lambda x: x / (x - x))
    allowed = expected(pole, CASE, 0).allowed["output"]
    assert (allowed == 1e-3 + SMALLEST["float32"]).all()


def test_an_error_just_beyond_the_sum_is_told_from_one_within():
    allowed = expected(OPERATOR, CASE, 4 % 3).allowed["output"].sum()
    assert judged([sampled(4, total_shift=0.99 * allowed)]).verdict == "ok"
    beyond = judged([sampled(4, total_shift=1.5 * allowed)])
    assert beyond.verdict == "wrong" and beyond.value_error == pytest.approx(1.5, rel=1e-6)


def test_the_reference_is_asked_in_float64_with_the_options_of_the_case():
    """A power that the case chooses, of inputs drawn in float32."""
    seen = []

    def power(x, p):
        seen.append(x.dtype)
        return x**p

    operator = dataclasses.replace(
        OPERATOR,
        reference=power,
        reference_gradient=lambda cotangent, wrt, x, p: {"x": p * x ** (p - 1) * cotangent},
        condition=lambda cotangent, wrt, x, p: {"output": p, "x": p * np.abs(cotangent)},
    )
    case = dataclasses.replace(CASE, options={"p": 3})
    x = inputs(operator, case, 1)["x"].astype(np.float64)
    weight = cotangent(operator, case, 1).astype(np.float64)
    found = expected(operator, case, 1)
    assert x.dtype == seen[0] == found.reference["x"].dtype == np.float64
    np.testing.assert_array_equal(found.reference["output"], x**3)
    np.testing.assert_array_equal(found.reference["x"], 3 * x**2 * weight)
    want = 3e-3 + EPSILON["float32"] * np.abs(x**3) + SMALLEST["float32"]
    np.testing.assert_allclose(found.allowed["output"], want, rtol=1e-12)
