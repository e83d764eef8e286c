"""A run of gradient quality on a tiny population: what it finds, survives, resumes, and reports."""

import json
from pathlib import Path

import numpy as np
import pytest

from suite import results
from suite.quality import measure, store
from suite.quality.choices import choices, lead, used
from suite.quality.report import write_report
from suite.quality.settings import Scale
from suite.selection import Selection

HEAD = """
import os
import numpy as np
from scipy.special import expit
from suite.registry import implements

def _vjp(g, wrt, x, threshold, steepness, *, keep="above"):
    z = steepness * (x - threshold)
    return ({sign} g * steepness * expit(z) * expit(-z),)

@implements("soft_cut", framework="numpy", dtypes=("float64",), vjp=_vjp)
def soft_cut(x, threshold, steepness, *, keep="above"):
    {body}
    return expit(steepness * (x - threshold))
"""
FILES = {
    "uphill": ("-", "pass"),
    "dies_once": ("", "os.abort() if steepness == 2.0 else None"),
    "raises": ("", "raise ValueError('not today')"),
}
SETTINGS = 6
AMOUNT = measure.Amount(
    Scale(batches=200, elements=4096, gradients=10**7, descents=2, steps=5),
    "tiny_population",
    descents=False,
)


class Quiet:
    """Watches without a word; raises KeyboardInterrupt when ``patience`` records are kept."""

    def __init__(self, patience=10**9):
        self.patience, self.kept, self.already = patience, [], 0

    def total(self, cells, done):
        self.already = done

    def job(self, title, done):
        pass

    def item(self, text):
        pass

    def cell(self, record):
        self.kept.append(record["case"])
        if len(self.kept) >= self.patience:
            raise KeyboardInterrupt


@pytest.fixture(scope="module", autouse=True)
def workers_find_the_population():
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(Path(__file__).parent))
        yield


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return tmp_path_factory.mktemp("quality")


@pytest.fixture(scope="module")
def run(root):
    """numpy_scipy beside three files of a user's."""
    files = []
    for name, (sign, body) in FILES.items():
        files.append(root / f"{name}.py")
        files[-1].write_text(HEAD.format(sign=sign, body=body))
    chosen = Selection(("soft_cut",), ("numpy_scipy", *map(str, files)), (), "cpu")
    return measure.run(chosen, root / "results", Quiet(), AMOUNT)


def of(run, implementation, metric, **where):
    rows = run.quality[run.quality["implementation"] == implementation]
    rows = rows[(rows["metric"] == metric) & (rows["component"] == "all")]
    for name, value in where.items():
        rows = rows[rows[name] == value]
    return rows


def test_every_setting_of_every_implementation_is_a_row(run):
    counts = run.statuses.groupby("implementation").size()
    assert dict(counts) == dict.fromkeys(["numpy_scipy", *FILES], SETTINGS)


def test_a_steeper_cut_has_less_bias_and_more_spread(run):
    by = of(run, "numpy_scipy", "relative_bias", knob="steepness").set_index("value")["estimate"]
    assert by["2.0"] > 2 * by["8.0"]
    by = of(run, "numpy_scipy", "relative_spread", knob="steepness").set_index("value")
    assert by["estimate"]["8.0"] > by["high"]["2.0"]


def test_the_spread_falls_as_the_root_of_the_batch_size(run):
    rows = of(run, "numpy_scipy", "relative_spread", sweep="samples-8").set_index("samples")
    ratio = rows["estimate"][32] / rows["estimate"][256]
    assert ratio == pytest.approx(8**0.5, rel=0.15)


def test_a_gradient_of_the_wrong_sign_points_uphill_and_is_as_large(run):
    right, wrong = (
        of(run, name, "scale", sweep="samples-8", samples=256)["estimate"].item()
        for name in ("numpy_scipy", "uphill")
    )
    assert 0.7 < right < 1.1
    assert wrong == pytest.approx(-right, abs=1e-5)
    assert (of(run, "uphill", "cosine")["high"] < 0).all()


def test_draws_are_the_same_for_every_implementation(run):
    first, second = (of(run, n, "cosine")["estimate"].to_numpy() for n in ("numpy_scipy", "uphill"))
    assert len(first) == SETTINGS
    assert np.abs(first + second).max() < 1e-5  # float32 against float64


def test_a_crash_costs_one_setting_and_an_exception_says_what(run):
    mine = run.statuses[run.statuses["implementation"] == "dies_once"].set_index("what")
    (bad,) = mine.index[mine["status"] == "crashed"]
    assert "2.0/32" in bad and "SIGABRT" in mine["reason"][bad]
    assert (mine["status"] == "ok").sum() == SETTINGS - 1
    raised = run.statuses[run.statuses["implementation"] == "raises"]
    assert set(raised["status"]) == {"error"}
    assert raised["reason"].str.contains("not today").all()
    assert len(measure.failures(run)) == 2


def test_what_is_stored_is_read_back_and_no_bench_run_stumbles_over_it(run, root):
    (again,), errors = store.read_all(root / "results")
    assert not errors
    assert again.quality.equals(run.quality)
    assert results.read_all(root / "results") == ([], [])
    assert json.loads((run.folder / "run.json").read_text())["machine"]["fingerprint"]
    assert not list(run.folder.glob("*.npz"))


def test_an_interrupted_run_goes_on_where_it_stopped(tmp_path):
    chosen = Selection(("soft_cut",), ("numpy_scipy",), (), "cpu")
    first = Quiet(patience=2)
    with pytest.raises(KeyboardInterrupt):
        measure.run(chosen, tmp_path, first, AMOUNT)
    second = Quiet()
    run = measure.run(chosen, tmp_path, second, AMOUNT)
    assert second.already >= 2
    assert not set(first.kept) & set(second.kept)
    assert len(first.kept) + len(second.kept) == SETTINGS
    assert set(run.statuses["status"]) == {"ok"}
    assert not list(tmp_path.glob("*/.unfinished-*"))


def test_the_page_advises_what_the_numbers_say(run, tmp_path):
    assert lead(run, "soft_cut") == "numpy_scipy"
    ranked = choices(run, "soft_cut")
    assert set(ranked) == {32, 256}
    cosines = [choice.cosine.estimate for choice in ranked[256]]
    assert cosines == sorted(cosines, reverse=True)
    best = used(ranked[256]).words
    assert best == "steepness 8.0"
    page, *pictures = write_report(run, tmp_path)
    text = page.read_text()
    assert f"**256 samples: use {best}.**" in text
    assert "not today" in text and "SIGABRT" in text
    assert {p.name for p in pictures} == {"soft_cut-steepness-32.png", "soft_cut-samples.png"}
    assert all(p.stat().st_size > 10_000 for p in pictures)


def test_a_selection_without_a_population_is_refused(tmp_path):
    with pytest.raises(ValueError, match="no population"):
        measure.run(Selection(("ecdf",), ("numpy_scipy",), (), "cpu"), tmp_path, Quiet(), AMOUNT)
