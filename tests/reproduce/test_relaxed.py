"""The experiments of relaxed's notebook at reduced size, and what their judges make of numbers."""

import numpy as np
import pytest

from suite import reproduce
from suite.reproduce import relaxed_histogram as histogram
from suite.reproduce import relaxed_shift as shift
from suite.reproduce.claims import LOOKS, Evidence, Found, Record, Trial
from suite.reproduce.published import published
from suite.reproduce.relaxed_figures import histograms
from suite.reproduce.relaxed_figures import shift as shift_picture
from suite.reproduce.worker import as_json, from_json

torch = pytest.importorskip("torch")

OURS, PUBLISHED = "torch_eager", "published_relaxed"
TRIAL = Trial(OURS, "exact", quick=True)


@pytest.fixture(scope="module")
def figure():
    return histogram.run(TRIAL)


@pytest.fixture(scope="module")
def shifted():
    return shift.run(TRIAL)


def judged(claim, numbers):
    source = reproduce.get("relaxed")
    (stated,) = [each for each in source.claims if each.name == claim]
    found = {(name, "any", "exact"): Record(numbers) for name in ("figure", "shift")}
    evidence = Evidence(published("relaxed")[claim], stated.experiment, "any", Found(found))
    return stated.judge(evidence)


def test_the_hard_histogram_is_nearest_where_no_bandwidth_is(figure):
    n = figure.numbers
    assert n["apart/0.001"] < 0.02 < n["apart/0.5"] < n["apart/1"]
    assert n["peak/1"] < n["peak/0.5"] < n["peak/hard"]
    assert n["hard_slope"] == 0


def test_soft_counts_are_those_of_the_law_blurred_by_the_bandwidth(figure):
    """The peak of N(1, 1 + h^2), within what 1000 samples scatter."""
    for h in histogram.BANDWIDTHS:
        most = 1000 * 0.4 / np.sqrt(2 * np.pi * (1 + h * h))
        assert figure.numbers[f"peak/{h:g}"] == pytest.approx(most, rel=0.06)


def test_the_shift_is_what_is_left_to_the_target_and_histograms_add_nothing(shifted):
    n = shifted.numbers
    assert n["slope"] == pytest.approx(1, abs=1e-4)
    for batch in shift.BATCHES:
        assert n[f"soft/long/{batch}"] == pytest.approx(3, abs=1e-3)
        assert n[f"shift/long/{batch}"] == pytest.approx(n[f"direct/{batch}"], abs=2e-3)
    assert n["shift/100/normal"] != n["shift/long/normal"]


def test_a_distance_is_kept_in_its_own_digits(shifted):
    kept = from_json(as_json(shifted)).curves["soft mean off"][-1]
    left = shifted.numbers["soft/long/normal"] - shift.TARGET
    assert kept == pytest.approx(left, rel=1e-3) and 0 < abs(kept) < 1e-4


def test_the_mean_of_a_skewed_batch_is_not_its_peak(shifted):
    n = shifted.numbers
    assert abs(n["peak/long/normal"] - 3) < 0.41
    # The mode of an exponential law, blurred by the bandwidth, is 0.35 below its mean of 0.8.
    assert 0.2 < 3 - n["peak/long/skewed"] < 0.8


@pytest.mark.parametrize("name", [PUBLISHED, "jax_xla", "torch_moments"])
def test_every_implementation_finds_the_same_shift(shifted, name):
    if name != "torch_moments":
        pytest.importorskip("jax")
    found = shift.run(Trial(name, "seed 0", quick=True)).numbers
    assert found == pytest.approx(shifted.numbers, rel=2e-4, abs=2e-4)


def test_pictures_are_of_the_batch_and_of_the_look(figure, shifted):
    labels = [text.get_text() for text in histograms(figure, -1).axes[0].get_legend().get_texts()]
    assert labels == ["expected of N(1, 1)", "hard", "bandwidth 0.5", "bandwidth 1"]
    assert shifted.curves[LOOKS][-1] == shift.STEPS
    assert shift_picture(shifted, 0).axes[0].get_title() == "step 0"
    assert shift_picture(shifted, -1).axes[0].get_title() == "step 100"


def means(soft=3.0, hard=3.0, at=2.0, peak=3.0):
    n = {f"{kind}/{end}/normal": value for end in shift.ENDS
         for kind, value in (("soft", 3.0), ("hard", 3.0), ("shift", 2.0))}  # fmt: skip
    n |= {"soft/100/normal": soft, "hard/100/normal": hard, "shift/100/normal": at}
    n |= {"direct/normal": 2.0, "peak/long/normal": 3.0, "peak/long/skewed": peak}
    return n | {"slope": 1.0, "hard_slope": 0.0}


@pytest.mark.parametrize(
    ("claim", "changed"),
    [
        ("mean-at-target", {"hard": 2.9}),
        ("mean-at-target", {"soft": 3.1}),
        ("enough-steps", {"at": 2.1}),
        ("peak-at-target", {"peak": 2.2}),
    ],
)
def test_statements_about_the_shift_fall_with_their_number(claim, changed):
    assert judged(claim, means()).verdict == "reproduced"
    assert judged(claim, means(**changed)).verdict == "not reproduced"


def test_a_slope_of_the_hard_histogram_would_take_the_soft_one_its_point():
    assert judged("differentiable", means()).verdict == "reproduced"
    assert judged("differentiable", means() | {"slope": 0.5}).verdict == "not reproduced"
    assert judged("differentiable", means() | {"hard_slope": 1.0}).verdict == "not reproduced"


def test_a_soft_histogram_stands_for_the_law_when_it_is_as_near_as_the_hard_one():
    n = {f"{kind}/{h:g}": 0.05 for kind in ("error", "peak") for h in histogram.LADDER}
    n |= {"error/hard": 0.08, "peak/hard": 150.0}
    assert judged("density-estimate", n).verdict == "reproduced"
    assert judged("density-estimate", n | {"error/1": 0.2}).verdict == "not reproduced"
    apart = dict(
        zip((f"apart/{h:g}" for h in histogram.LADDER), (7, 6, 5, 4, 3, 2, 0), strict=True)
    )
    assert judged("bandwidth-is-degree", apart).verdict == "reproduced"
    assert judged("bandwidth-is-degree", apart | {"apart/0.5": 8}).verdict == "not reproduced"
