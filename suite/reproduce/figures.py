"""Pictures of a run: of every experiment that has one, by the first implementation that ran it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from suite import reproduce
from suite.reproduce.animation import write_animation
from suite.reproduce.claims import EXACT, LOOKS, Experiment, Record
from suite.reproduce.worker import from_json
from suite.runner import Progress


def write_figures(
    records: list[dict], folder: Path, progress: Progress, *, animate: bool
) -> list[Path]:
    """Write PNGs, and GIFs of those with several looks; their paths."""
    paths = []
    for name, experiment, record in drawn(records):
        assert experiment.draw is not None
        folder.mkdir(parents=True, exist_ok=True)
        progress.item(f"{name}: picture")
        path = folder / f"{name}.png"
        experiment.draw(record, -1).savefig(path, metadata={"Software": None})
        paths.append(path)
        looks = len(record.curves.get(LOOKS, ()))
        if animate and looks > 1:
            frames = (experiment.draw(record, look) for look in range(looks))
            path = folder / f"{name}.gif"
            for done in write_animation(frames, path):
                progress.item(f"{name}: frame {done} of {looks}")
            paths.append(path)
    return paths


def drawn(records: list[dict]) -> Iterator[tuple[str, Experiment, Record]]:
    """What can be drawn: a file's name, the experiment, and its exact rerun."""
    seen = set()
    for record in records:
        experiment = reproduce.get(record["source"]).experiment(record["experiment"])
        name = f"{record['source']}-{experiment.name}"
        usable = record["start"] == EXACT and record["status"] == "ok" and experiment.draw
        if usable and name not in seen:
            seen.add(name)
            yield name, experiment, from_json(record)
