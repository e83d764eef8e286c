"""neos in miniature: its significance, its folds, its steps in two frameworks, its verdicts."""

import numpy as np
import pytest

from suite import frameworks, reproduce
from suite.reproduce import neos, neos_analysis
from suite.reproduce.claims import Evidence, Found, Record, Trial
from suite.reproduce.published import published

pytest.importorskip("torch")

SEEN, HELD_OUT = neos_analysis.folds(Trial("torch_eager"))
START = neos_analysis.start(Trial("torch_eager"))
UNTRAINED = 2.0209087626272533
"""Z of the start on held-out samples: of draws and counts, so of no framework's rounding."""


def judged(claim, exact, seeds=()):
    """The verdict on a claim of made-up numbers of its experiment."""
    source = reproduce.get("neos")
    (claim,) = (each for each in source.claims if each.name == claim)
    starts = {"exact": exact} | {f"seed {k}": numbers for k, numbers in enumerate(seeds, 1)}
    found = Found({(claim.experiment, "i", start): Record(n) for start, n in starts.items()})
    evidence = Evidence(published("neos")[claim.name], claim.experiment, "i", found)
    return claim.judge(evidence)


def test_significance_is_s_over_root_b_for_little_signal_and_adds_in_quadrature():
    numpy = frameworks.get("numpy")
    little, background = np.array([[1e-3, 0.0]]), np.array([[99.0, 10.0]])
    assert neos_analysis.significance(numpy, little, background) == pytest.approx(1e-4, rel=1e-4)
    one, other = (
        neos_analysis.significance(numpy, np.array([[s]]), np.array([[b]]))[0]
        for s, b in ((20.0, 99.0), (5.0, 0.0))
    )
    assert one == pytest.approx((2 * (120 * np.log(1.2) - 20)) ** 0.5, rel=1e-12)
    both = neos_analysis.significance(numpy, np.array([[20.0, 5.0]]), np.array([[99.0, 0.0]]))
    assert both == pytest.approx(np.hypot(one, other), rel=1e-12)


def test_every_sample_is_held_out_in_one_fold_and_trained_on_in_the_others():
    for kind, count in (("signal", 210), ("background", 355)):
        assert SEEN[kind].shape == (5, count * 4 // 5, 2)
        assert HELD_OUT[kind].shape == (5, count // 5, 2)
    both = np.concatenate(list(SEEN.values()), axis=1)
    assert np.abs(both.mean(axis=1)).max() < 1e-12
    assert np.abs(both.std(axis=1) - 1).max() < 1e-12
    assert not np.array_equal(
        neos_analysis.folds(Trial("i", "seed 1"))[0]["signal"], SEEN["signal"]
    )


def test_cross_entropy_is_that_of_the_scores():
    objective = neos_analysis.objective("cross_entropy", "torch_eager", "float64")
    loss, _ = objective.gradients(START, SEEN)
    scores = neos_analysis.scores_of(neos_analysis.logits_of(START, SEEN))
    right = -np.log(scores["signal"]).mean() - np.log(1 - scores["background"]).mean()
    assert loss == pytest.approx(right / 2, rel=1e-12)


def test_the_loss_is_minus_the_significance_of_the_soft_yields():
    given = SEEN | {"edges": neos_analysis.EDGES, "bandwidth": np.array(0.1)}
    objective = neos_analysis.objective("neos", "torch_eager", "float64")
    scores = neos_analysis.scores_of(neos_analysis.logits_of(START, SEEN))
    z = neos_analysis.z_of(neos_analysis.soft_yields("numpy_scipy", scores))
    # Its yields are float32.
    assert objective.gradients(START, given)[0] == pytest.approx(-z, rel=1e-5)


def test_torch_and_jax_take_the_same_steps():
    if reason := frameworks.get("jax").missing("cpu"):
        pytest.skip(reason)
    numbers = neos.run_agreement(Trial("jax_xla", quick=True)).numbers
    assert max(value for name, value in numbers.items() if name.startswith("first/")) < 1e-9
    assert judged("frameworks-agree", numbers).verdict == "reproduced"


@pytest.fixture(scope="module")
def quick():
    trial = Trial("torch_eager", "exact", quick=True)
    source = reproduce.get("neos")
    return {name: source.experiment(name).run(trial) for name in ("significance", "bandwidths")}


def test_a_short_training_already_raises_the_significance(quick):
    numbers = quick["significance"].numbers
    assert numbers["hard/untrained"] == pytest.approx(UNTRAINED, rel=1e-12)
    for method in ("cross_entropy", "rescaled", "neos", "neos_reflect"):
        assert numbers[f"hard/{method}"] > numbers["hard/untrained"] + 0.5
        assert numbers[f"train/{method}"] > numbers["train/untrained"] + 0.5
    assert {name.partition("/")[2] for name in numbers} == set(neos.METHODS)


def test_curves_begin_untrained_and_end_where_the_numbers_are(quick):
    record = quick["significance"]
    for method in ("neos", "cross_entropy"):
        z = record.curves[f"hard z/{method}"]
        assert z[0] == pytest.approx(record.numbers["hard/untrained"], rel=1e-5)
        assert z[-1] == pytest.approx(record.numbers[f"hard/{method}"], rel=1e-9)
    yields = record.curves["hard signal neos/look"]
    assert np.allclose(yields.sum(axis=1), 20, rtol=1e-12)


def test_pictures_show_the_records_numbers(quick):
    source = reproduce.get("neos")
    record = quick["significance"]
    figure = source.experiment("significance").draw(record, -1)
    titles = " ".join(ax.get_title() for ax in figure.axes)
    assert f"trained for Z: Z {record.numbers['hard/neos']:.2f} hard" in titles
    lines = source.experiment("bandwidths").draw(quick["bandwidths"], -1).axes[1].lines
    assert list(lines[0].get_xdata()) == list(neos.TRAINED_AT)


def test_the_gap_is_what_differs_in_the_bins(quick):
    gaps = quick["bandwidths"].numbers
    assert 0 < gaps["gap reflect/0.001"] < gaps["gap reflect/0.1"] < gaps["gap drop/0.1"] < 1
    lost = {"signal": np.full((5, 4), 5.0), "background": np.full((5, 4), 25.0)}
    none = {kind: 0 * yields for kind, yields in lost.items()}
    assert neos._gap(lost, none) == 1 and neos._gap(lost, lost) == 0


def test_significance_must_rise_in_the_mean_by_two_standard_errors():
    def numbers(z):
        return {"hard/untrained": 1.0, "hard/neos": z}

    assert judged("optimises-sensitivity", numbers(2.0)).verdict == "reproduced"
    assert judged("optimises-sensitivity", numbers(1.0)).verdict == "not reproduced"
    unclear = [numbers(z) for z in (0.0, 3.0, 0.5)]
    assert judged("optimises-sensitivity", numbers(1.5), unclear).verdict == "not reproduced"


def test_significance_must_not_be_clearly_below_that_of_cross_entropy():
    def numbers(z, rescaled=4.0):
        return {"hard/neos": z, "hard/cross_entropy": 5.0, "hard/rescaled": rescaled}

    close = [numbers(z) for z in (5.1, 4.8, 5.0)]
    below = [numbers(z) for z in (4.1, 4.2, 4.0)]
    assert judged("at-least-cross-entropy", numbers(4.9), close).verdict == "reproduced"
    assert judged("at-least-cross-entropy", numbers(4.1), below).verdict == "not reproduced"
    assert "4.1 against 5" in judged("at-least-cross-entropy", numbers(4.1)).why
    meaning = judged("at-least-cross-entropy", numbers(5.9, rescaled=6.0))
    assert meaning.verdict == "does not mean what it says"
    assert "scaled and shifted for Z has 6 (-0.1)" in meaning.why


def test_a_gap_must_shrink_and_vanish():
    def numbers(last):
        falling = {h: h / 2 for h in neos.SEEN_AT[:-1]} | {neos.SEEN_AT[-1]: last}
        return {f"gap {how}/{h:g}": gap for how in neos.OVERFLOW for h, gap in falling.items()}

    def staying(rise):
        gaps = {h: 0.3 + rise * h for h in neos.SEEN_AT}
        return {f"gap {how}/{h:g}": gap for how in neos.OVERFLOW for h, gap in gaps.items()}

    assert judged("soft-approaches-hard", numbers(1e-4)).verdict == "reproduced"
    assert judged("soft-approaches-hard", numbers(2e-2)).verdict == "not reproduced"
    assert judged("soft-approaches-hard", staying(0.1)).verdict == "does not mean what it says"
    assert judged("soft-approaches-hard", staying(0)).verdict == "not reproduced"
