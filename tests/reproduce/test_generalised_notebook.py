"""The generalised notebook run again: its draws, its two schedules, its loss."""

import numpy as np
import pytest

from suite import frameworks, reproduce
from suite.reproduce import generalised_notebook as notebook
from suite.reproduce.batch_shaping_example import OURS, PUBLISHED
from suite.reproduce.claims import LOOKS, Evidence, Found, Record, Trial
from suite.reproduce.published import published

pytestmark = pytest.mark.skipif(
    frameworks.get("torch").missing("cpu") is not None, reason="the source draws with torch"
)


def test_the_draws_are_those_of_the_two_generators_that_the_source_seeds():
    import torch

    begun = notebook.start(Trial(PUBLISHED))
    np.random.seed(42)
    for k in range(notebook.ROWS):
        centre = np.random.rand()
        x = np.clip(np.random.normal(centre, 0.05, size=500), 0, 1)
        assert np.array_equal(begun["z"][:, k], ((x * 2 - 1) * 4).astype(np.float32))
    torch.manual_seed(42)
    theirs = torch.normal(torch.zeros(notebook.ROWS), 0.01).numpy()
    assert np.allclose(begun["mean"], theirs, rtol=1e-6, atol=0)


def test_the_published_schedule_is_that_of_torch_given_a_rate_for_a_factor():
    import torch

    for schedule, factor in (("as-published", 1.0), ("as-intended", 1 / notebook.RATE)):
        optimizer = torch.optim.Adam([torch.zeros(1, requires_grad=True)], lr=notebook.RATE)

        def said(step, factor=factor):
            ramp = notebook.RATE * min(1, step / notebook.WARM_UP)
            return max(1e-4, ramp) * factor

        scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, said)
        for step in range(40):
            (rate,) = scheduler.get_last_lr()
            assert notebook.rate(schedule, step) == pytest.approx(rate, rel=1e-12)
            optimizer.step()
            scheduler.step()


def test_both_formulas_are_one_loss_at_the_start():
    begun = notebook.start(Trial(PUBLISHED))
    theirs, ours = (notebook.objective(name).gradients(begun) for name in (PUBLISHED, OURS))
    assert ours[0] == pytest.approx(theirs[0], rel=1e-5)
    # Samples that are equal after their float32 sigmoid may have each other's ranks; those that
    # were clipped are all equal. At a temperature of 1/2 no slope of F is above 1/8.
    one_rank = 2 / (notebook.ROWS * notebook.SAMPLES) / (notebook.SAMPLES + 1) / 8
    apart = np.abs(ours[1]["z"] - theirs[1]["z"])[np.abs(begun["z"]) < notebook.REACH]
    assert apart.max() < one_rank
    assert np.quantile(apart, 0.9) < 1e-3 * one_rank
    largest = np.abs(theirs[1]["temperature"]).max()
    assert np.abs(ours[1]["temperature"] - theirs[1]["temperature"]).max() < 1e-4 * largest


def test_no_samples_are_below_the_lowest_loss_at_their_priors():
    begun = notebook.start(Trial(PUBLISHED))
    assert notebook.lowest(begun) < notebook.objective(PUBLISHED).gradients(begun)[0]
    # The term of the temperatures alone, all of them 1/2, and hardly a clamp.
    assert notebook.lowest(begun) == pytest.approx(0.05, rel=0.05)


@pytest.fixture(scope="module")
def short_trainings():
    """Both schedules for a tenth of the source's steps."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(notebook, "STEPS", 35)
        return {
            name: {
                schedule: notebook.run(schedule, Trial(name, "exact", quick=True))
                for schedule in notebook.SCHEDULES
            }
            for name in (PUBLISHED, OURS)
        }


def test_a_short_training_lowers_the_loss_alike_by_both_formulas(short_trainings):
    for schedule in notebook.SCHEDULES:
        theirs, ours = (short_trainings[name][schedule].numbers for name in (PUBLISHED, OURS))
        assert theirs["loss"] == pytest.approx(ours["loss"], rel=2e-3)
        for n in (theirs, ours):
            assert n["start"] == pytest.approx(0.39392, rel=1e-4)
            assert n["longer"] < n["next"] < n["loss"] < 0.4 * n["start"]
            assert n["lowest"] < n["next"]
            assert n["without_gradient"] < notebook.ROWS * notebook.SAMPLES
    rates = [short_trainings[OURS][s].numbers["rate"] for s in notebook.SCHEDULES]
    assert rates == pytest.approx([0.09, 0.3], rel=1e-12)


def test_curves_have_a_row_a_look_and_end_at_the_numbers(short_trainings):
    record = short_trainings[OURS]["as-published"]
    assert record.curves[LOOKS][-1] == len(record.curves["losses"]) == 35
    assert record.curves["losses"][-1] == record.numbers["loss"]
    assert record.curves["means"][-1].mean() == pytest.approx(record.numbers["mean"], rel=1e-6)


def test_torch_and_jax_train_alike(monkeypatch):
    if reason := frameworks.get("jax").missing("cpu"):
        pytest.skip(reason)
    monkeypatch.setattr(notebook, "STEPS", 25)
    record = notebook._agreement(Trial("jax_xla", quick=True))
    assert judged("frameworks-agree", record.numbers).verdict == "reproduced"
    assert record.numbers["first/as-published"] < 1e-12


def judged(name, numbers):
    (claim,) = (each for each in reproduce.get("generalised_notebook").claims if each.name == name)
    found = Found({(claim.experiment, "i", "exact"): Record(numbers)})
    stated = published("generalised_notebook")[name]
    return claim.judge(Evidence(stated, claim.experiment, "i", found))


def test_the_final_loss_means_nothing_where_no_samples_are_lower():
    right = {"loss": 0.0352, "temperature": 0.28, "lowest": 0.02, "draws": 0.05}
    assert judged("final-loss", right).verdict == "reproduced"
    for control in ({"lowest": 0.035}, {"draws": 0.03}):
        assert judged("final-loss", right | control).verdict == "does not mean what it says"
    assert judged("final-loss", right | {"loss": 0.04}).verdict == "not reproduced"
    constant = judged("rate", {"rate": 0.09})
    assert constant.verdict == "not reproduced" and np.isnan(constant.mean)
    assert "seed" not in constant.why
    assert judged("sparsity", {"on": 0.304}).verdict == "reproduced"
