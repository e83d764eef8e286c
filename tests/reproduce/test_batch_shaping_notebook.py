"""The batch-shaping notebook run again: what is deterministic is pinned, what it says is tested."""

from functools import partial

import numpy as np
import pytest
from scipy import special, stats

from suite import frameworks, reproduce
from suite.reproduce.agreement import Training, agreement
from suite.reproduce.batch_shaping_example import (
    OURS,
    PUBLISHED,
    RATE,
    SAMPLES,
    objective,
    true_loss,
)
from suite.reproduce.batch_shaping_notebook import EXAMPLES, starts
from suite.reproduce.batch_shaping_times import CELLS
from suite.reproduce.claims import Evidence, Found, Record, Trial
from suite.reproduce.published import published

pytestmark = pytest.mark.skipif(
    frameworks.get("torch").missing("cpu") is not None, reason="the source draws with torch"
)
SOURCE = reproduce.get("batch_shaping_notebook")
NAMED = {example.name: example for example in EXAMPLES}


def run(name, implementation=PUBLISHED, start="exact"):
    return SOURCE.experiment(name).run(Trial(implementation, start, quick=True))


def test_the_draws_are_one_stream_of_torch_in_the_notebooks_order():
    import torch

    torch.manual_seed(42)
    for example in EXAMPLES:
        theirs = (torch.rand(SAMPLES) * 2 - 1) * example.reach
        assert np.array_equal(starts(Trial(PUBLISHED))[example.name], theirs.numpy())
    first, other = (starts(Trial(PUBLISHED, start)) for start in ("exact", "seed 1"))
    assert not np.array_equal(first[EXAMPLES[0].name], other[EXAMPLES[0].name])


@pytest.mark.parametrize("name", NAMED)
def test_the_lowest_loss_is_below_that_of_the_priors_quantiles_and_of_draws(name):
    example = NAMED[name]
    lowest = example.lowest(PUBLISHED)
    p = np.arange(1, SAMPLES + 1) / (SAMPLES + 1)
    if example.clamp:
        z = (special.logit(p) + special.logit(example.a)) / example.b
        by_formula = objective(example, PUBLISHED).gradients({"z": z})[0]
        assert by_formula == pytest.approx(lowest, rel=1e-4)
    drawn = example.draws(np.random.Generator(np.random.Philox(4)), 50)
    assert objective(example, PUBLISHED).gradients({"z": drawn})[0] > lowest


@pytest.mark.parametrize("name", NAMED)
def test_draws_cost_what_theory_says_where_nothing_is_clamped(name):
    drawn = NAMED[name].draws(np.random.Generator(np.random.Philox(5)), 400)
    losses = [true_loss(NAMED[name], z) for z in drawn]
    # The statistic's standard deviation is about 0.9 of its mean: 5% for 400 batches.
    assert np.mean(losses) == pytest.approx(1 / (6 * (SAMPLES + 1)), rel=0.2)


def test_ours_is_the_published_loss_where_the_density_is_not_clipped():
    for name in ("relaxed-bernoulli-0.2-0.25", "normal-range-4"):
        z = {"z": starts(Trial(PUBLISHED))[name]}
        theirs, ours = (objective(NAMED[name], i).gradients(z) for i in (PUBLISHED, OURS))
        assert ours[0] == pytest.approx(theirs[0], rel=1e-4)
        largest = np.abs(theirs[1]["z"]).max()
        assert np.abs(ours[1]["z"] - theirs[1]["z"]).max() < 1e-3 * largest


def test_a_clamped_training_ends_at_the_clamp_with_most_points_without_gradient():
    record = run("relaxed-bernoulli-0.8-0.01")
    numbers = record.numbers
    assert numbers["loss"] == pytest.approx(numbers["lowest"], rel=0.02)
    assert numbers["draws"] == pytest.approx(numbers["lowest"], rel=0.02)
    assert numbers["stuck"] > 0.9 * SAMPLES
    assert numbers["start_without"] < 0.01 * SAMPLES
    assert numbers["true"] > 0.9 * numbers["loss"]


def test_seeds_differ_and_ulps_hardly_do():
    exact, ulp, seed = (
        run("normal-range-1", start=start).numbers["loss"] for start in ("exact", "ulp 1", "seed 1")
    )
    assert abs(ulp - exact) < 0.2 * exact
    assert seed != exact


def test_torch_and_jax_train_alike():
    if reason := frameworks.get("jax").missing("cpu"):
        pytest.skip(reason)
    begun, trial = starts(Trial("jax_xla")), Trial("jax_xla", quick=True)
    trainings = [
        Training(each.name, partial(objective, each), {"z": begun[each.name]}, 40, RATE)
        for each in (EXAMPLES[0], EXAMPLES[2], EXAMPLES[3])
    ]
    record = agreement("batch_shaping", trainings, trial)
    (claim,) = (each for each in SOURCE.claims if each.name == "frameworks-agree")
    assert judged(claim, "jax_xla", {"agreement": record}).verdict == "reproduced"
    assert record.numbers["operator"] < 0.1
    assert all(record.numbers[f"first/{each.name}"] < 1e-12 for each in trainings)


def test_frameworks_that_part_are_told():
    numbers = {"tolerance": 1e-12, "operator": 0.1, "first/e": 1e-14, "end/e": 1e-7}
    numbers |= {"first/f": 0.0, "spread/e": 1e-6}
    assert verdict("frameworks-agree", own=numbers) == "reproduced"
    assert verdict("frameworks-agree", own=numbers | {"spread/e": 1e-8}) == "not reproduced"
    assert verdict("frameworks-agree", own=numbers | {"first/e": 1e-8}) == "not reproduced"
    assert verdict("frameworks-agree", own=numbers | {"operator": 1.1}) == "not reproduced"
    for name in ("operator", "first/e", "first/f"):
        lost = numbers | {name: np.nan}
        assert verdict("frameworks-agree", own=lost) == "not reproduced"


def test_divergences_are_those_of_the_laws():
    numbers = run("kl", "numpy").numbers
    p, q = stats.beta(3, 5), stats.beta(2, 6)
    x = p.rvs(200_000, random_state=1)
    assert numbers["truth"] == pytest.approx(np.mean(p.logpdf(x) - q.logpdf(x)), abs=5e-3)
    # Nobody who sees samples alone does better than who knows the densities, but by luck.
    assert 0.9 < numbers["spacings"] / numbers["known"] < 1.2
    # A histogram's estimate for equal laws is biased by about (bins - 1) / (2 N).
    assert numbers["same/20"] == pytest.approx(19 / (2 * SAMPLES), rel=0.25)


@pytest.mark.parametrize("name", NAMED)
def test_the_exact_rerun_rounds_to_what_was_printed(name):
    stated = published(SOURCE.name)[f"loss-{name}"]
    loss = run(name).numbers["loss"]
    if name == "beta-2-6":  # One ulp of the start moves it by a twentieth.
        assert loss == pytest.approx(stated.number, rel=0.1)
    else:
        assert stated.rounds_to(loss)


def test_a_discrete_batch_is_right_by_mean_ranks_and_not_by_ranks_of_a_sort():
    theirs, ours = (run("discrete", name).numbers for name in (PUBLISHED, OURS))
    for numbers in (theirs, ours):
        assert numbers["different"] < 1e-12
    assert ours["few"] < 1e-12
    # The variance of a hundred ranks in a row.
    assert theirs["few"] == pytest.approx((100**2 - 1) / 12 / (SAMPLES + 1) ** 2, rel=1e-4)
    assert verdict("discrete-data", own=ours) == "reproduced"
    assert verdict("discrete-data", own=theirs) == "not reproduced"
    assert verdict("discrete-data", own=ours | {"few": np.nan}) == "not reproduced"


def test_points_of_a_thin_region_have_hardly_a_slope_and_stay():
    numbers = run("low-density").numbers
    assert 150 < numbers["thin"] < 220
    assert numbers["slope_thin"] < 1e-4 * numbers["slope_elsewhere"]
    assert 0.2 * numbers["thin"] < numbers["left"] < numbers["thin"]


def test_a_step_of_training_costs_far_less_than_its_picture():
    numbers = run("times").numbers
    for cell, names in CELLS.items():
        steps = sum(NAMED[name].steps for name in names)
        assert numbers[f"draw/{cell}"] == pytest.approx(numbers["frame"] * steps)
        assert numbers[f"train/{cell}"] == pytest.approx(1e-3 * numbers[f"step/{cell}"] * steps)
        assert 0 < numbers[f"train/{cell}"] < numbers[f"draw/{cell}"]


def judged(claim, implementation, records):
    found = Found({(name, implementation, "exact"): r for name, r in records.items()})
    stated = published(SOURCE.name)[claim.name]
    return claim.judge(Evidence(stated, claim.experiment, implementation, found))


def verdict(name, **records):
    (claim,) = (each for each in SOURCE.claims if each.name == name)
    made = {key.replace("_", "-"): Record(numbers) for key, numbers in records.items()}
    return judged(claim, "i", {claim.experiment: made.pop("own"), **made}).verdict


def test_a_loss_means_nothing_when_untrained_draws_or_the_clamp_alone_give_it():
    right = {"loss": 3.14e-6, "lowest": 0.0, "draws": 3.3e-4, "clipped": 40.0}
    assert verdict("loss-beta-2-6", own=right) == "reproduced"
    for control in ({"lowest": 3.1e-6}, {"draws": 3.2e-6}):
        changed = verdict("loss-beta-2-6", own=right | control)
        assert changed == "does not mean what it says"
    assert verdict("loss-beta-2-6", own=right | {"loss": 3e-4}) == "not reproduced"


def test_a_slow_region_is_one_with_slopes_below_a_tenth():
    numbers = {"thin": 200.0, "slope_elsewhere": 1e-4, "left": 100.0}
    assert verdict("low-density-gradient", own=numbers | {"slope_thin": 1e-9}) == "reproduced"
    assert verdict("low-density-gradient", own=numbers | {"slope_thin": 5e-5}) == "not reproduced"


def test_a_cold_batch_that_is_stuck_or_far_has_an_issue():
    warm = {"relaxed-bernoulli-0.8-0.4": Record({"right": 1e-5, "stuck": 300.0})}

    def cold(**numbers):
        (claim,) = (each for each in SOURCE.claims if each.name == "low-temperature-speed")
        return judged(claim, "i", {claim.experiment: Record(numbers), **warm}).verdict

    assert cold(stuck=0.0, right=1e-4) == "reproduced"
    assert cold(stuck=0.0, right=0.1) == "not reproduced"
    assert cold(stuck=499.0, right=1e-4) == "not reproduced"


def test_a_wall_time_is_held_against_training_with_and_without_pictures():
    def of(train, draw):
        numbers = {"train/beta-2-6": train, "draw/beta-2-6": draw, "frame": draw / 100}
        return verdict("time-beta-2-6", own=numbers)

    assert of(0.1, 20.0) == "does not mean what it says"
    assert of(20.0, 1.0) == "within spread"
    assert of(0.1, 0.1) == "not reproduced"
