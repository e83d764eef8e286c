"""Answers that stay with a run: of every cell what it gave for the first base input, to the bit.

Two runs' errors say only how far apart their answers may be; the answers say how far they are.
"""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from suite.judge.correctness import Kept
from suite.operators.base import Case, Operator, inputs
from suite.results import UNREADABLE, UnreadableRun
from suite.rounds import reorder, round_of

FILE = "answers.npz"

LIMIT = 12 << 20
"""Bytes of one run's answers; cells that do not fit are left out, and told."""

KEY = ("operator", "implementation", "case", "pass", "device", "clock")
"""What a cell's answers are found by."""

Answers = Mapping[str, np.ndarray]
"""A cell's "output" and gradients by name, in the order of the base input."""


def of_round_0(case: Case, kept: Iterable[Kept]) -> dict[str, np.ndarray]:
    """Round 0's answers, with the order of its rows and samples undone."""
    back = {label: np.argsort(order) for label, order in round_of(case, 0).orders.items()}
    return {
        item.name: reorder(item.values, case.dims[item.name], back)
        for item in kept
        if item.round == 0 and item.total is None
    }


def inputs_digest(operator: Operator, case: Case) -> str:
    """A hash of the first base input: answers to others are not compared."""
    digest = hashlib.sha256()
    for name, array in sorted(inputs(operator, case, 0).items()):
        digest.update(f"{name} {array.shape} {array.dtype}".encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()[:16]


def largest_beyond(answers: Mapping[tuple[str, ...], Answers]) -> list[tuple[str, ...]]:
    """The largest cells, by KEY, as many as must be left out for the others to fit in LIMIT."""
    sizes = {key: sum(array.nbytes for array in each.values()) for key, each in answers.items()}
    left_out: list[tuple[str, ...]] = []
    while sum(sizes.values()) > LIMIT:
        left_out.append(max(sizes, key=lambda key: sizes[key]))
        del sizes[left_out[-1]]
    return left_out


def write(folder: Path, answers: Mapping[tuple[str, ...], Answers]) -> None:
    """Write one run's answers, by KEY, into its folder."""
    arrays = {
        "/".join((*key, name)): array
        for key, each in answers.items()
        for name, array in each.items()
    }
    with (folder / FILE).open("wb") as stream:
        np.savez_compressed(stream, **arrays)  # type: ignore[arg-type]


def read(folder: Path) -> dict[tuple[str, ...], dict[str, np.ndarray]]:
    """A run's answers by KEY; none where it kept none. Raises UnreadableRun."""
    path = folder / FILE
    if not path.exists():
        return {}
    found: dict[tuple[str, ...], dict[str, np.ndarray]] = {}
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as stored:
            for entry in stored.files:
                *key, name = entry.split("/")
                found.setdefault(tuple(key), {})[name] = stored[entry]
    except (*UNREADABLE, zipfile.BadZipFile) as error:
        raise UnreadableRun(f"{path}: {error}") from error
    return found
