"""Values and gradients are those of the float64 reference, to the operator's own tolerance."""

from small_cases import wanted

from suite.judge.correctness import Kept, judge, units
from suite.operators.base import cotangent, inputs
from suite.rounds import reorder, round_of

ROUNDS = (0, 1)
"""Each of another base input."""


def test_value_and_every_gradient_are_within_tolerance(judged):
    subject, case = judged
    arrays = inputs(subject.operator, case, 0)
    got = subject.run(case, arrays, cotangent(subject.operator, case, 0))
    want = wanted(subject.operator, case)
    for name, values in got.items():
        assert values.shape == case.shape(name)
        # Halves come as the float32 that holds them.
        assert values.dtype == ("float64" if case.dtype == "float64" else "float32"), name
        error = units(values, want.reference[name], want.allowed[name]).max()
        assert error <= 1.0, f"{name} is off by {error:.3g} tolerances"


def test_a_permutation_of_rows_and_samples_permutes_the_results(judged):
    subject, case = judged
    kept = []
    for index in ROUNDS:
        where = round_of(case, index)
        arrays = inputs(subject.operator, case, where.base)
        arrays["output"] = cotangent(subject.operator, case, where.base)
        arrays = {k: reorder(v, case.dims[k], where.orders) for k, v in arrays.items()}
        got = subject.run(case, arrays, arrays.pop("output"))
        kept += [Kept(index, name, values) for name, values in got.items()]
    by_base = {base: wanted(subject.operator, case, base) for base in set(ROUNDS)}
    judgement = judge(subject.operator, case, kept, by_base)
    assert judgement.verdict == "ok", judgement.reason
