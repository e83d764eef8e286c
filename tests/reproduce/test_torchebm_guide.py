"""Fits by the TorchEBM guide's losses, its tools, and what their judges make of numbers."""

import numpy as np
import pytest

from suite import reproduce
from suite.reproduce import torchebm_guide_fits as fits
from suite.reproduce import torchebm_guide_tools as tools
from suite.reproduce.claims import LOOKS, Evidence, Found, Record, Trial
from suite.reproduce.published import published
from suite.reproduce.torchebm_guide import IMPLICIT, OURS, PUBLISHED
from suite.reproduce.torchebm_guide_figure import landscape

pytest.importorskip("torch")

LESSONS = {lesson.name: lesson for lesson in fits.LESSONS}


def fitted(name, implementation, start="exact"):
    return fits.run(LESSONS[name], Trial(implementation, start, quick=True))


@pytest.fixture(scope="module")
def likelihood():
    return fitted("mle", PUBLISHED)


@pytest.fixture(scope="module")
def proofs():
    return tools.run(Trial("torch"))


def judged(claim, record):
    source = reproduce.get("torchebm_guide")
    (stated,) = [each for each in source.claims if each.name == claim]
    found = Found({(stated.experiment, "any", "exact"): record})
    stated_value = published("torchebm_guide")[claim]
    return stated.judge(Evidence(stated_value, stated.experiment, "any", found))


def test_maximum_likelihood_trains_an_energy_to_its_data(likelihood):
    n = likelihood.numbers
    assert n["lost/end"] < 0.1 * n["lost/start"]
    assert abs(n["discrepancy"]) < 0.02
    assert judged("mle-trains", likelihood).verdict == "reproduced"


def test_the_guides_maximum_likelihood_is_the_houses(likelihood):
    ours = fitted("mle", OURS, "seed 0").numbers
    # Four hundred steps of Adam part by rounding.
    assert ours == pytest.approx(likelihood.numbers, rel=0.05, abs=2e-3)


def test_a_wrong_sign_lowers_the_loss_and_untrains_the_energy():
    n = fitted("sm-explicit", PUBLISHED).numbers
    assert n["value/end"] < n["value/start"]
    assert not n["lost/end"] <= n["lost/start"]
    assert judged("sm-explicit-trains", Record(n)).verdict == "not reproduced"


def test_a_lesson_is_given_its_own_scales():
    """The value of denoising is about d / (2 sigma^2), or the mean of that over its scales."""
    default = fitted("dsm-default", PUBLISHED, "seed 1").numbers["value/start"]
    assert default == pytest.approx(1 / 0.01**2, rel=0.05)
    several = fitted("dsm-several", PUBLISHED, "seed 1").numbers["value/start"]
    scales = np.array(LESSONS["dsm-several"].sigmas)
    assert several == pytest.approx(np.mean(1 / scales**2), rel=0.05)


def test_a_fit_is_seen_from_its_start_to_its_end(likelihood):
    curves = likelihood.curves
    assert curves[LOOKS][0] == 0
    assert curves[LOOKS][-1] == len(curves["values"])
    assert curves["lost"][0] == likelihood.numbers["lost/start"]
    assert curves["lost"][-1] == pytest.approx(likelihood.numbers["lost/end"], rel=1e-12)
    figure = landscape(LESSONS["mle"], likelihood, -1)
    data, density = (np.array(ax.images[0].get_array()) for ax in figure.axes[:2])
    # Where the data is dense the fitted energy is low.
    assert np.corrcoef(data.ravel(), np.maximum(density, data.min()).ravel())[0, 1] > 0.5


def test_tools_do_what_the_errata_prove(proofs):
    verdicts = {name: judged(name, proofs).verdict for name in tools.ENTRIES}
    assert verdicts.pop("penalties") == "reproduced"
    assert set(verdicts.values()) == {"not reproduced"}
    assert "detached" in judged("validator", proofs).why


def test_implicit_score_matching_has_an_implementation_of_its_own():
    experiment = reproduce.get("torchebm_guide").experiment("sm-implicit")
    assert experiment.implementations == (IMPLICIT,)


def test_an_energy_is_trained_when_its_likelihood_rises_whatever_its_loss():
    good = {"value/start": 1.0, "value/end": 0.2, "lost/start": 2.0, "lost/end": 0.3,
            "discrepancy": 0.01, "floor": 0.001}  # fmt: skip
    assert judged("nce-trains", Record(good)).verdict == "reproduced"
    assert judged("mle-trains", Record(good | {"value/end": 1.5})).verdict == "reproduced"
    for end in (1.9, float("nan")):
        assert judged("nce-trains", Record(good | {"lost/end": end})).verdict == "not reproduced"


def test_torch_and_jax_take_the_same_steps_by_every_loss():
    pytest.importorskip("jax")
    record = fits.agreement(Trial("jax_xla"))
    assert 0 < record.numbers["operator"] < 1
    assert record.numbers["apart"] < 1e-9 < record.numbers["moved"]
    assert judged("frameworks-agree", record).verdict == "reproduced"
