"""The store gives back what it was given, refuses what it cannot read, and overwrites nothing."""

import json
import os
import pickle

import pandas as pd
import pytest

from suite import results


def record(**changes):
    return {
        "operator": "soft_cut", "implementation": "a", "framework": "numpy", "case": "c",
        "pass": "forward", "device": "cpu", "dtype": "float32", "clock": "wall", "mode": "time",
        "status": "ok", "reason": "", "samples": [1e-3, 1.0000000000000002e-3],
        "metrics": {"time": 0.1 + 0.2, "digest": float(2**48 - 1)}, **changes,
    }  # fmt: skip


def stored(tmp_path, *records, name="m/one"):
    run = results.from_records(list(records), {"finished": name}, {"time": "s"})
    return results.write(run, tmp_path / name)


def test_every_number_comes_back_exactly(tmp_path):
    run = results.read(stored(tmp_path, record()))
    assert list(run.metric("time")["value"]) == [0.1 + 0.2]
    assert list(run.metric("digest")["value"]) == [2**48 - 1]
    assert list(run.samples["seconds"]) == [1e-3, 1.0000000000000002e-3]


def test_text_that_looks_like_a_missing_value_stays_text(tmp_path):
    run = results.read(stored(tmp_path, record(case="None", reason="NaN, NA and null")))
    assert run.statuses.loc[0, "case"] == "None"
    assert run.statuses.loc[0, "reason"] == "NaN, NA and null"


def test_a_cell_without_numbers_is_a_row(tmp_path):
    failed = record(status="crashed", reason="SIGSEGV", metrics={}, samples=[])
    run = results.read(stored(tmp_path, failed))
    assert list(run.statuses["status"]) == ["crashed"]
    assert run.cells["value"].isna().all()


def test_memory_that_could_not_be_measured_leaves_the_cell_right(tmp_path):
    memory = record(mode="memory", status="oom", reason="limit", metrics={}, samples=[])
    run = results.read(stored(tmp_path, record(), memory))
    assert list(run.statuses["status"]) == ["ok"]
    assert list(run.metric("peak_memory")["status"]) == ["oom"]


def test_a_run_is_never_overwritten(tmp_path):
    stored(tmp_path, record())
    with pytest.raises(FileExistsError, match="never overwritten"):
        stored(tmp_path, record(status="wrong"))
    assert list(results.read(tmp_path / "m/one").statuses["status"]) == ["ok"]


def _newer(folder):
    info = json.loads((folder / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps({**info, "schema_version": 99}))


def _unknown_column(folder):
    cells = pd.read_csv(folder / "cells.csv").assign(surprise=1)
    cells.to_csv(folder / "cells.csv", index=False)


def _truncated(folder):
    packed = (folder / "samples.csv.gz").read_bytes()
    (folder / "samples.csv.gz").write_bytes(packed[: len(packed) // 2])


def _no_json(folder):
    (folder / "run.json").write_text('{"schema_version": 1, ')


def _newer_and_laid_out_otherwise(folder):
    _newer(folder)
    (folder / "cells.csv").rename(folder / "cells.parquet")


def _cut_off(folder):
    text = (folder / "cells.csv").read_bytes()
    (folder / "cells.csv").write_bytes(text[:-20])


def _empty(folder):
    (folder / "cells.csv").write_text("")


def _no_cells(folder):
    (folder / "cells.csv").unlink()


def _words_for_numbers(folder):
    text = (folder / "cells.csv").read_text()
    (folder / "cells.csv").write_text(text.replace("0.30000000000000004", "fast"))


def _bad_stream(folder):
    packed = bytearray((folder / "samples.csv.gz").read_bytes())
    packed[12:40] = bytes(28)
    (folder / "samples.csv.gz").write_bytes(bytes(packed))


def _list(folder):
    (folder / "run.json").write_text("[1, 2]")


def _machine_of_another_kind(folder):
    info = json.loads((folder / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps({**info, "machine": "my laptop"}))


def _pickled(folder):
    """Bytes that would make a folder if anybody unpickled them."""

    class Evil:
        def __reduce__(self):
            return os.mkdir, (str(folder / "executed"),)

    (folder / "cells.csv").write_bytes(pickle.dumps(Evil()) + b"\n")


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (_newer, "a newer cdfbench wrote it"),
        (_newer_and_laid_out_otherwise, "schema_version=99"),
        (_unknown_column, "surprise"),
        (_truncated, "one"),
        (_cut_off, "cut off"),
        (_empty, "cells.csv is empty"),
        (_no_cells, "cells.csv"),
        (_words_for_numbers, "'value' holds what is no number"),
        (_bad_stream, "one"),
        (_no_json, "run.json"),
        (_list, "schema_version=None"),
        (_machine_of_another_kind, "'my laptop'"),
        (_pickled, "one"),
    ],
)
def test_a_damaged_run_is_named_and_the_others_are_read(damage, words, tmp_path):
    damage(stored(tmp_path, record()))
    stored(tmp_path, record(), name="m/two")
    runs, errors = results.read_all(tmp_path)
    assert [run.folder.name for run in runs] == ["two"]
    assert len(errors) == 1
    assert words in str(errors[0])
    assert not (tmp_path / "m/one/executed").exists()
