"""What a worker could not do at all is no fault of the implementation's; anything less is."""

from pathlib import Path

import pytest

from suite.judging import Judging
from suite.probes import ODD
from suite.selection import Selection, jobs

CELL = {"kind": "cell", "status": "unsupported", "reason": "jax sees no cuda device"}
PROBE = {**CELL, "kind": "probe"}


def flags(*records):
    (job,) = jobs(Selection(("soft_cut",), ("numpy_scipy",), ("below-parameters",)), "cpu")
    return Judging("time").probed(job, ODD, Path("nowhere"), [{"kind": "versions"}, *records])


def test_a_worker_whose_framework_sees_no_device_has_no_flag():
    assert flags(CELL, CELL, PROBE) == []


@pytest.mark.parametrize(
    "cells", [(), ({**CELL, "status": "measured"},), ({**CELL, "status": "ok"}, CELL)]
)
def test_probes_that_alone_are_unsupported_are_a_flag(cells):
    (flag,) = flags(*cells, PROBE)
    assert "cannot be probed" in flag


def test_no_word_about_probes_is_none():
    assert flags(CELL) is None
