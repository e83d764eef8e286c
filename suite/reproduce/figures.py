"""Pictures of a run: of every experiment that has one, by the first implementation that ran it."""

from __future__ import annotations

from pathlib import Path

from suite import reproduce
from suite.reproduce.animation import write_animation
from suite.reproduce.claims import EXACT, LOOKS, Experiment
from suite.reproduce.worker import from_json
from suite.runner import Progress


def write_figures(
    records: list[dict], folder: Path, progress: Progress, *, animate: bool
) -> list[Path]:
    """Write PNGs, and GIFs of those with several looks; their paths."""
    paths = []
    for told in drawn(records):
        experiment, record = _experiment(told), from_json(told)
        name = f"{told['source']}-{experiment.name}"
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


def drawn(records: list[dict]) -> list[dict]:
    """Those that can be drawn: exact reruns by the first implementation that ran each."""
    found: dict[tuple[str, str], dict] = {}
    for told in records:
        if told["start"] == EXACT and told["status"] == "ok" and _experiment(told).draw:
            found.setdefault((told["source"], told["experiment"]), told)
    return list(found.values())


def _experiment(told: dict) -> Experiment:
    return reproduce.get(told["source"]).experiment(told["experiment"])
