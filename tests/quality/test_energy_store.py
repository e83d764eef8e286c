"""Runs of losses of energies: a damaged one hides no other, and says what is wrong with it."""

import json

import pandas as pd
import pytest

from suite.quality.energy.run import TABLES, newest, read
from suite.results import UnreadableRun


def stored(root, name, finished, *, version=1):
    folder = root / "a-machine" / name
    folder.mkdir(parents=True)
    info = {"schema_version": version, "finished": finished}
    (folder / "run.json").write_text(json.dumps(info))
    for file in TABLES.values():
        pd.DataFrame({"found": [1.5, 2.5]}).to_csv(folder / file, index=False)
    return folder


def test_the_newest_is_by_when_it_finished(tmp_path):
    assert newest(tmp_path) is None
    stored(tmp_path, "z-first", "2026-01-01")
    stored(tmp_path, "a-second", "2026-01-02")
    run = newest(tmp_path)
    assert run.folder.name == "a-second"
    assert run.tables["recovered"]["found"].tolist() == [1.5, 2.5]


@pytest.mark.parametrize("damage", ["cut off", "missing", "no run.json", "newer"])
def test_a_damaged_run_says_so_and_the_others_are_still_read(tmp_path, damage):
    stored(tmp_path, "good", "2026-01-01")
    bad = stored(tmp_path, "bad", "2026-01-02", version=2 if damage == "newer" else 1)
    table = bad / TABLES["fitted"]
    if damage == "cut off":
        table.write_bytes(table.read_bytes()[:-12])
    elif damage == "missing":
        table.unlink()
    elif damage == "no run.json":
        (bad / "run.json").unlink()
    with pytest.raises(UnreadableRun, match="newer" if damage == "newer" else "bad"):
        read(bad)
    assert newest(tmp_path).folder.name == "good"
