"""Statistics of estimated gradients against estimates whose law is known."""

import dataclasses
import itertools

import numpy as np
import pandas as pd
import pytest

from suite.judge.gradients import ALL, LEAST_BATCHES, quality

TRUTH = np.array([0.5, -2.0, 1.0])
NAMES = ("loc", "scale", "shape")


def rng(seed=0):
    return np.random.Generator(np.random.Philox(seed))


def normal_estimates(seed, batches=400, bias=(0.1, 0.0, -0.3), spread=(0.4, 2.0, 0.1)):
    return TRUTH + bias + rng(seed).normal(size=(batches, 3)) * spread


def test_statistics_are_those_of_their_formulas():
    e = normal_estimates(1)
    judged = quality(e, TRUTH, NAMES, rng()).statistics
    mean, variance = e.mean(axis=0), e.var(axis=0, ddof=1)
    by_component = {
        "bias": mean - TRUTH,
        "variance": variance,
        "standard_error": np.sqrt(variance / 400),
        "signal_to_noise": abs(mean) / np.sqrt(variance),
        "sign_agreement": np.array([(e[:, k] * TRUTH[k] > 0).mean() for k in range(3)]),
    }
    for name, values in by_component.items():
        got = [judged[component][name].value for component in NAMES]
        np.testing.assert_allclose(got, values, rtol=1e-12, err_msg=name)
    size = np.sqrt((TRUTH**2).sum())
    cosines = [(row * TRUTH).sum() / np.sqrt((row**2).sum()) / size for row in e]
    squared_bias = ((mean - TRUTH) ** 2).sum() - variance.sum() / 400
    whole = {
        "relative_bias": np.sqrt(squared_bias) / size,
        "relative_spread": np.sqrt(variance.sum()) / size,
        "signal_to_noise": np.sqrt((mean**2).sum() / variance.sum()),
        "scale": (mean * TRUTH).sum() / size**2,
        "cosine": np.mean(cosines),
        "cosine_of_mean": (mean * TRUTH).sum() / np.sqrt((mean**2).sum()) / size,
        "sign_agreement": by_component["sign_agreement"].mean(),
    }
    assert set(judged) == {*NAMES, ALL}
    assert set(judged[ALL]) == set(whole)
    assert all(set(judged[component]) == set(by_component) for component in NAMES)
    for name, value in whole.items():
        assert judged[ALL][name].value == pytest.approx(value, rel=1e-12), name


def test_intervals_cover_the_law_of_the_estimates():
    """Percentile intervals at 400 batches cover nearly what they promise, and are no wider."""
    bias, spread = np.array([0.1, 0.0, -0.3]), np.array([0.4, 2.0, 0.1])
    mean, size = TRUTH + bias, np.linalg.norm(TRUTH)
    law = {
        ("loc", "bias"): 0.1,
        ("scale", "bias"): 0.0,
        ("loc", "variance"): 0.16,
        ("scale", "standard_error"): 2.0 / 20,
        ("shape", "signal_to_noise"): 7.0,
        (ALL, "relative_bias"): np.linalg.norm(bias) / size,
        (ALL, "scale"): mean @ TRUTH / size**2,
        (ALL, "relative_spread"): np.linalg.norm(spread) / size,
    }
    covered = dict.fromkeys(law, 0)
    sets = 200
    for seed in range(sets):
        judged = quality(normal_estimates(seed), TRUTH, NAMES, rng(seed + 1000), resamples=200)
        for component, name in law:
            estimate = judged.statistics[component][name]
            covered[component, name] += estimate.low <= law[component, name] <= estimate.high
    # 95% of 200 with a standard deviation of 3, less what percentiles miss at skewed statistics.
    for (component, name), times in covered.items():
        most = 1.0 if name == "relative_bias" else 0.99
        assert 0.89 * sets <= times <= most * sets, (component, name, times)


def test_intervals_of_skewed_estimates_are_percentiles_over_batches_drawn_anew():
    e = np.exp(1.5 * rng(11).normal(size=(200, 3)))
    judged = quality(e, TRUTH, NAMES, rng(), resamples=4000).statistics
    size = np.linalg.norm(TRUTH)
    bias = ((e.mean(axis=0) - TRUTH) ** 2).sum() - e.var(axis=0, ddof=1).sum() / 200
    assert judged[ALL]["relative_bias"].value == pytest.approx(np.sqrt(bias) / size)

    drawn = rng(12).integers(200, size=(4000, 200))
    checked = {
        ("loc", "bias"): lambda x: x[:, 0].mean() - TRUTH[0],
        ("scale", "variance"): lambda x: x[:, 1].var(ddof=1),
        ("scale", "signal_to_noise"): lambda x: x[:, 1].mean() / x[:, 1].std(ddof=1),
        ("scale", "standard_error"): lambda x: x[:, 1].std(ddof=1) / np.sqrt(200),
        ("shape", "sign_agreement"): lambda x: (x[:, 2] > 0).mean(),
        (ALL, "scale"): lambda x: x.mean(axis=0) @ TRUTH / size**2,
        (ALL, "relative_spread"): lambda x: np.sqrt(x.var(axis=0, ddof=1).sum()) / size,
        (ALL, "cosine"): lambda x: (x @ TRUTH / np.linalg.norm(x, axis=1)).mean() / size,
        (ALL, "relative_bias"): lambda x: (
            np.sqrt(((x.mean(axis=0) - TRUTH) ** 2).sum() - x.var(axis=0, ddof=1).sum() / 100)
            / size
        ),
    }
    for (component, name), function in checked.items():
        low, high = np.percentile([function(e[rows]) for rows in drawn], (2.5, 97.5))
        got = judged[component][name]
        # Two sets of 4000 agree about an end to a fiftieth of the width; skewed tails are rougher.
        width = 0.05 * (high - low)
        assert got.low == pytest.approx(low, abs=width), (component, name)
        assert got.high == pytest.approx(high, abs=width), (component, name)


def test_the_bias_of_an_unbiased_estimate_is_within_its_interval_and_not_its_noise():
    judged = quality(normal_estimates(3, bias=np.zeros(3)), TRUTH, NAMES, rng())
    bias = judged.statistics[ALL]["relative_bias"]
    noise = np.sqrt(0.16 + 4 + 0.01) / 20 / np.linalg.norm(TRUTH)
    assert bias.low == 0 <= bias.value < 2 * noise
    assert 0.1 * noise < bias.high < 3 * noise


def test_a_gradient_turned_round_has_cosine_minus_one_and_no_sign_right():
    judged = quality(np.tile(-TRUTH, (200, 1)), TRUTH, NAMES, rng()).statistics
    whole = judged[ALL]
    for name in ("cosine", "cosine_of_mean", "scale"):
        assert [whole[name].value, whole[name].low, whole[name].high] == pytest.approx([-1] * 3)
    assert whole["sign_agreement"].high == 0
    assert whole["relative_bias"].low == pytest.approx(2)
    assert whole["signal_to_noise"].value == np.inf
    assert judged["loc"]["bias"].value == pytest.approx(-1.0)
    assert judged["loc"]["variance"].high == 0


def test_the_exact_gradient_is_faultless():
    whole = quality(np.tile(TRUTH, (200, 1)), TRUTH, NAMES, rng()).statistics[ALL]
    assert whole["relative_bias"].high < 1e-15
    assert whole["relative_spread"].high < 1e-15
    assert [whole[n].low for n in ("cosine", "scale", "sign_agreement")] == pytest.approx([1] * 3)


def test_a_vanished_gradient_points_nowhere():
    judged = quality(np.zeros((200, 3)), TRUTH, NAMES, rng()).statistics
    zeros = ("cosine", "cosine_of_mean", "scale", "sign_agreement", "signal_to_noise")
    assert [judged[ALL][name].value for name in zeros] == [0] * 5
    assert judged[ALL]["relative_bias"].value == pytest.approx(1)


def test_a_scaled_gradient_keeps_its_direction_and_shows_its_scale():
    e = normal_estimates(4, bias=np.zeros(3))
    one, half = (quality(s * e, TRUTH, NAMES, rng()).statistics[ALL] for s in (1.0, 0.5))
    for name in ("cosine", "cosine_of_mean", "sign_agreement", "signal_to_noise"):
        a, b = dataclasses.astuple(one[name]), dataclasses.astuple(half[name])
        assert a == pytest.approx(b, rel=1e-12), name
    assert half["scale"].value == pytest.approx(one["scale"].value / 2)
    assert half["relative_spread"].high == pytest.approx(one["relative_spread"].high / 2)


def test_batches_that_are_not_finite_are_counted_and_the_others_judged():
    e = normal_estimates(5, batches=300)
    spoilt = np.concatenate([e, e[:3]])
    spoilt[300, 0], spoilt[301, 1], spoilt[302] = np.nan, -np.inf, np.nan
    clean, judged = (quality(x, TRUTH, NAMES, rng()) for x in (e, spoilt))
    assert (clean.batches, clean.non_finite) == (300, 0)
    assert (judged.batches, judged.non_finite) == (303, 3)
    assert judged.statistics == clean.statistics
    assert {row["non_finite"] for row in judged.rows()} == {3}


def test_two_finite_batches_are_enough_to_say_something():
    e = np.full((200, 3), np.nan)
    e[[7, 9]] = TRUTH + 1, TRUTH
    judged = quality(e, TRUTH, NAMES, rng())
    assert judged.non_finite == 198
    assert judged.statistics["loc"]["bias"].value == pytest.approx(0.5)
    # Drawn anew they are both the same, or both there.
    assert dataclasses.astuple(judged.statistics["loc"]["variance"]) == pytest.approx((0.5, 0, 0.5))
    assert dataclasses.astuple(judged.statistics["loc"]["bias"]) == pytest.approx((0.5, 0, 1))


def test_estimates_beyond_squaring_have_no_finite_spread():
    e = normal_estimates(5)
    e[17, 0] = 1e200
    judged = quality(e, TRUTH, NAMES, rng())
    assert judged.non_finite == 0
    assert not np.isfinite(judged.statistics["loc"]["variance"].value)
    assert not np.isfinite(judged.statistics[ALL]["relative_spread"].value)
    assert np.isfinite(dataclasses.astuple(judged.statistics["scale"]["variance"])).all()


def test_without_two_finite_batches_nothing_is_said():
    e = np.full((200, 3), np.nan)
    e[7] = TRUTH
    judged = quality(e, TRUTH, NAMES, rng())
    clean = quality(normal_estimates(1), TRUTH, NAMES, rng())
    assert judged.non_finite == 199
    for component, statistics in judged.statistics.items():
        assert set(statistics) == set(clean.statistics[component])
        for estimate in statistics.values():
            assert np.isnan(dataclasses.astuple(estimate)).all()


def test_a_component_without_a_gradient_has_no_sign_and_spoils_no_other():
    truth = np.array([0.5, 0.0, 1.0])
    judged = quality(normal_estimates(6), truth, NAMES, rng()).statistics
    assert np.isnan(judged["scale"]["sign_agreement"].value)
    both = [judged[name]["sign_agreement"].value for name in ("loc", "shape")]
    assert judged[ALL]["sign_agreement"].value == pytest.approx(np.mean(both))
    nowhere = quality(normal_estimates(6), np.zeros(3), NAMES, rng()).statistics[ALL]
    assert all(np.isnan(nowhere[n].value) for n in ("cosine", "cosine_of_mean", "sign_agreement"))


def test_the_same_generator_gives_the_same_intervals_and_another_others():
    e = normal_estimates(7)
    first, again, other = (quality(e, TRUTH, NAMES, rng(s)).statistics for s in (1, 1, 2))
    assert first == again
    assert first["loc"]["bias"].value == other["loc"]["bias"].value
    assert first["loc"]["bias"].low != other["loc"]["bias"].low


def test_a_wider_level_contains_a_narrower_one():
    e = normal_estimates(8)
    narrow, wide = (
        quality(e, TRUTH, NAMES, rng(), level=level).statistics for level in (0.5, 0.99)
    )
    for component, name in itertools.product(NAMES, narrow["loc"]):
        a, b = narrow[component][name], wide[component][name]
        assert b.low <= a.low <= a.value <= a.high <= b.high


def test_an_interval_of_level_zero_is_the_median():
    for statistics in quality(
        normal_estimates(8), TRUTH, NAMES, rng(), level=0
    ).statistics.values():
        assert all(estimate.low == estimate.high for estimate in statistics.values())


def test_a_small_spread_far_from_zero_keeps_its_digits():
    e = 1e6 + 1e-3 * normal_estimates(9)
    judged = quality(e, TRUTH, NAMES, rng()).statistics
    for k, name in enumerate(NAMES):
        variance = (e[:, k] - 1e6).var(ddof=1)
        assert judged[name]["variance"].value == pytest.approx(variance, rel=1e-9)


def test_rows_make_a_tidy_frame():
    frame = pd.DataFrame(quality(normal_estimates(1), TRUTH, NAMES, rng()).rows())
    assert list(frame.columns) == [
        "component", "statistic", "value", "low", "high", "batches", "non_finite"
    ]  # fmt: skip
    assert not frame.duplicated(["component", "statistic"]).any()
    assert len(frame) == 3 * 5 + 7
    row = frame.query("component == 'all' and statistic == 'cosine'").iloc[0]
    assert -1 <= row.low <= row.value <= row.high <= 1


@pytest.mark.parametrize(
    ("estimates", "truth", "names", "match"),
    [
        (np.ones((LEAST_BATCHES - 1, 3)), TRUTH, NAMES, "199 batches: expected 200"),
        (np.ones((200, 2)), TRUTH, NAMES, r"\(200, 2\)"),
        (np.ones(200), TRUTH, NAMES, r"\(200,\)"),
        (np.ones((200, 0)), np.ones(0), (), "one component"),
        (np.ones((200, 3)), np.array([1, np.nan, 1]), NAMES, "truth=.*finite"),
        (np.ones((200, 3)), TRUTH, ("a", "b"), "3 different names"),
        (np.ones((200, 3)), TRUTH, ("a", "b", "a"), "3 different names"),
        (np.ones((200, 3)), TRUTH, ("a", "b", "all"), "'all'"),
    ],
)
def test_what_cannot_be_judged_is_refused(estimates, truth, names, match):
    with pytest.raises(ValueError, match=match):
        quality(estimates, truth, names, rng())
