"""A run: what it keeps, survives and resumes, and what is printed and drawn of it."""

import dataclasses
import io

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from rich.console import Console
from typer.testing import CliRunner

from suite import results
from suite.cli import app
from suite.reproduce import run, store
from suite.reproduce.batch_figures import picture
from suite.reproduce.batch_shaping_notebook import EXAMPLES
from suite.reproduce.claims import LOOKS, Record
from suite.reproduce.figures import write_figures
from suite.reproduce.jobs import Asked, jobs
from suite.reproduce.page import QUICK, _number_tables, print_table, write_page
from suite.reproduce.worker import as_json, from_json

SOURCE = "batch_shaping_notebook"
# NumPy has no autodiff for these losses: each training says so at once, and the rest is run.
ASKED = Asked((SOURCE,), ("numpy_scipy",), seeds=1, quick=True)


class Quiet:
    """Watches without a word; raises KeyboardInterrupt when ``patience`` records are kept."""

    def __init__(self, patience=10**9):
        self.patience, self.kept, self.already = patience, 0, 0

    def total(self, cells, done):
        self.already = done

    def job(self, title, done):
        pass

    def item(self, text):
        pass

    def cell(self, record):
        self.kept += 1
        if self.kept >= self.patience:
            raise KeyboardInterrupt


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    root = tmp_path_factory.mktemp("results")
    with pytest.raises(KeyboardInterrupt):
        run.run(ASKED, root, Quiet(patience=3))
    assert not store.read_all(root)[0]
    watching = Quiet()
    done = run.run(ASKED, root, watching)
    assert watching.already >= 3
    every = sum(len(job.trials) for job in jobs(ASKED))
    assert watching.already + watching.kept == every
    return root, done


def test_an_interrupted_run_goes_on_and_leaves_nothing_behind(stored):
    root, done = stored
    assert [path.name for path in done.folder.parent.iterdir()] == [done.folder.name]
    assert len(list(done.folder.glob("*.*"))) <= 8
    assert not run.failures(done)
    (again,), errors = store.read_all(root)
    assert not errors
    assert again.claims.equals(done.claims)
    assert not results.read_all(root)[1]


def test_what_an_implementation_cannot_do_is_a_row_with_its_reason(stored):
    claims = stored[1].claims
    losses = claims[claims["claim"].str.startswith("loss-")]
    assert len(losses) == len(EXAMPLES)
    assert set(losses["verdict"]) == {"not run"}
    assert losses["why"].str.contains("no autodiff").all()
    (kl,) = claims[claims["claim"] == "pdf-for-kl"].to_dict("records")
    assert kl["implementation"] == "numpy"
    assert kl["verdict"] in ("reproduced", "not reproduced")


def test_every_number_of_a_trial_is_kept(stored):
    numbers = stored[1].numbers
    kl = numbers[numbers["experiment"] == "kl"].set_index("name")["value"]
    assert 0 < kl["spacings"] < kl["truth"]
    assert {"bins/5", "bins/20", "known", "js/20"} <= set(kl.index)


def test_the_table_and_the_page_say_what_the_claims_say(stored):
    root, done = stored
    text = io.StringIO()
    print_table(done, Console(file=text, width=100))
    assert max(map(len, text.getvalue().splitlines())) <= 110
    assert QUICK in text.getvalue()
    (page,) = write_page(root)
    for claim in done.claims.itertuples():
        assert claim.claim in text.getvalue()
        assert claim.quantity in page.read_text(encoding="utf-8")


def test_tables_have_the_exact_rerun_and_below_it_mean_and_spread_of_the_seeds(stored):
    values = [("exact", 0.5, 1.0), ("seed 1", 1.0, np.nan), ("seed 2", 3.0, np.nan)]
    rows = [
        (SOURCE, EXAMPLES[0].name, "torch_eager", start, "ok", "", name, value)
        for start, *found in values
        for name, value in zip(("loss", "longer"), found, strict=True)
    ]
    numbers = pd.DataFrame(rows, columns=list(store.NUMBER_COLUMNS))
    made = dataclasses.replace(stored[1], numbers=numbers)
    (table,) = _number_tables(made, SOURCE)
    at = [table.columns.index(name) for name in ("start", "printed", "longer")]
    shown = [tuple(row[k] for k in at) for row in table.rows]
    assert shown == [("exact", "0.5", "1"), ("2 other seeds", "2 \u00b1 1.41", "")]


def test_a_quick_run_says_that_it_is_one_and_pictures_say_whose_they_are(stored):
    root, done = stored
    picture = done.folder / store.FIGURES / f"{SOURCE}-kl.png"
    picture.parent.mkdir(exist_ok=True)
    picture.touch()
    (page,) = write_page(root)
    picture.unlink()
    told = page.read_text(encoding="utf-8")
    assert QUICK in told and "1 other seed," in told
    assert f"*kl*, by `numpy`:\n\n![{SOURCE}-kl](" in told


def test_an_unknown_source_or_implementation_is_refused_before_work_starts():
    with pytest.raises(ValueError, match=r"'nature'.*batch_shaping_notebook"):
        jobs(Asked(("nature",)))
    with pytest.raises(ValueError, match=r"'torchh'.*published, torch, jax, kernels"):
        jobs(Asked((), ("torchh",)))


@pytest.mark.parametrize(
    ("words", "seeds"),
    [("", 5), ("--quick", 1), ("--quick --seeds 2", 2), ("--seeds 0", 0)],
)
def test_as_many_other_seeds_are_run_as_asked_for(words, seeds, monkeypatch, tmp_path):
    def asked(found, *args, **kwargs):
        assert found.seeds == seeds
        raise ValueError("seen")

    monkeypatch.setattr(run, "run", asked)
    done = CliRunner().invoke(app, ["reproduce", "--results", str(tmp_path), *words.split()])
    assert done.exit_code == 2 and "seen" in done.output


def test_kinds_of_implementations_are_names_of_the_registry():
    def names(*asked):
        found = jobs(Asked((SOURCE,), asked, seeds=0))
        return {job.implementation for job in found} - {"numpy"}

    assert names("published") == {"published_batch_shaping_notebook"}
    assert names("jax", "torch") == {"jax_xla", "torch_eager"}
    assert names("kernels") == {"cuda_jax", "cuda_torch", "triton_jax", "triton_torch"}


def test_what_measures_time_is_the_last_and_alone():
    found = jobs(Asked((SOURCE,)))
    alone = [job.alone for job in found]
    assert alone == sorted(alone) and any(alone)
    timed = [job for job in found if job.alone]
    assert all({experiment for experiment, _ in job.trials} == {"times"} for job in timed)


def made_up():
    looks, logits = np.array([0, 5, 10]), np.linspace([-4, -3, -2], [4, 3, 2], 50).T
    curves = {"losses": np.geomspace(0.1, 1e-3, 10), LOOKS: looks, "logits": logits}
    record = Record({"loss": 1e-3}, curves)
    head = {"source": SOURCE, "experiment": EXAMPLES[2].name, "implementation": "i"}
    return {**head, "start": "exact", "status": "ok", "reason": "", **as_json(record)}


def test_a_record_comes_back_as_it_was_journalled():
    back = from_json(made_up())
    assert back.curves["logits"].shape == (3, 50)
    assert back.numbers == {"loss": 1e-3}


def test_figures_are_drawn_once_and_an_animation_has_a_frame_a_look(tmp_path):
    told = made_up()
    still, moving = write_figures([told, told], tmp_path, Quiet(), animate=True)
    assert still.suffix == ".png"
    with Image.open(moving) as animation:
        assert animation.n_frames == 3
    assert write_figures([told], tmp_path / "still", Quiet(), animate=False)[0].suffix == ".png"


def test_a_picture_shows_the_batch_of_its_look():
    record = from_json(made_up())
    first, last = (picture(EXAMPLES[2], record, look) for look in (0, -1))
    for figure, look in ((first, 0), (last, 2)):
        (empirical,) = [
            line for line in figure.axes[0].lines if line.get_label() == "CDF of the points"
        ]
        x = 1 / (1 + np.exp(-np.sort(record.curves["logits"][look])))
        assert np.allclose(empirical.get_xdata(), x)
        assert np.allclose(empirical.get_ydata(), np.arange(1, 51) / 50)
