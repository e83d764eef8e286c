"""The page of losses of energies: biases that are stated, gradients, fits."""

from __future__ import annotations

import os
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from suite.quality.energy.figures import figures
from suite.quality.energy.fits import BATCH, COMPONENTS, SEEDS, STEPS
from suite.quality.energy.gradients import BATCHES
from suite.quality.energy.run import EnergyRun, newest
from suite.report.contents import Table
from suite.report.tables import markdown

TEMPLATES = Path(__file__).parents[1] / "templates"


def write_page(results: Path) -> list[Path]:
    """Write ``report/energies.md`` and its figures below ``results``; nothing without a run."""
    run = newest(results)
    return [] if run is None else write_report(run, results / "report")


def write_report(run: EnergyRun, folder: Path) -> list[Path]:
    """Write the page of one run into the folder; its path, then its figures'."""
    out = folder / "energies"
    out.mkdir(parents=True, exist_ok=True)
    pictures = []
    for name, figure in figures(run):
        pictures.append(out / f"{name}.png")
        figure.savefig(pictures[-1], metadata={"Software": None})
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES), undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True, keep_trailing_newline=True, autoescape=False,
    )  # fmt: skip
    page = environment.get_template("energies.md.jinja").render(
        run=run, name=run.folder.name, machine=run.info["machine"]["fingerprint"],
        batches=BATCHES, components=COMPONENTS, steps=STEPS, batch=BATCH, seeds=len(SEEDS),
        recovered=markdown(_recovered(run), heading=""), fits=markdown(_fits(run), heading=""),
        truths=markdown(_truths(run), heading=""), pictures=pictures,
    )  # fmt: skip
    aside = folder / "energies.md.partial"
    aside.write_text(page.rstrip("\n") + "\n", encoding="utf-8")
    os.replace(aside, folder / "energies.md")
    return [folder / "energies.md", *pictures]


def _recovered(run: EnergyRun) -> Table:
    rows = []
    for row in run.tables["recovered"].itertuples():
        errors = (row.stated, row.found, row.from_stated, row.by_chance)
        cells = (f"{error:.2g}" if error > 1e-6 else "0" for error in errors)
        rows.append((row.way, str(row.dimension), row.bias, *cells))
    columns = ("loss", "d", "bias", "stated error", "found error", "found from stated",
               "by chance")  # fmt: skip
    return Table("", columns, tuple(rows))


def _fits(run: EnergyRun) -> Table:
    numbers = ["lost", "discrepancy", "floor"]
    over_seeds = run.tables["fits"].groupby(["target", "way"], sort=False)[numbers]
    rows = [
        (*named, *(f"{row[number, 'mean']:.{digits}f} ({row[number, 'std']:.{digits}f})"
                   for number, digits in zip(numbers, (3, 4, 4), strict=True)))
        for named, row in over_seeds.agg(["mean", "std"]).iterrows()
    ]  # fmt: skip
    columns = ("target", "loss", "nats lost", "discrepancy", "of two draws of the target")
    return Table("", columns, tuple(rows))


def _truths(run: EnergyRun) -> Table:
    """Every loss as it might be used, on N = 1024 of both populations."""
    table = run.tables["gradients"]
    usual = table[(table["knob"] == "samples") & (table["samples"] == 1024)]
    index = ["population", "line"]
    found = usual.pivot_table(index=index, columns=["against", "metric"], values="estimate",
                              sort=False)  # fmt: skip
    rows = []
    for (population, line), row in found.iterrows():
        numbers = [("own", "relative_bias"), ("own", "relative_spread"), ("own", "cosine"),
                   ("likelihood", "cosine"), ("likelihood", "cosine_of_mean")]  # fmt: skip
        cells = (f"{row[key]:.3f}" if row[key] == row[key] else "-" for key in numbers)
        rows.append((population, line, *cells))
    columns = ("population", "loss", "own bias", "own spread", "own cosine",
               "likelihood's cosine", "of the mean")  # fmt: skip
    return Table("", columns, tuple(rows))
