"""Make the tensors again on this machine and say how far they are from the committed ones."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from suite.workloads import store


@dataclass(frozen=True)
class Difference:
    """The distance of one regenerated tensor from the committed one; None when none is."""

    file: str
    tensor: str
    shape: tuple[int, ...]
    largest: float | None

    def __str__(self) -> str:
        size = " x ".join(map(str, self.shape))
        head = f"{self.file}/{self.tensor} ({size}): "
        if self.largest is None:
            return head + "nothing of this shape is committed"
        if self.largest == 0:
            return head + "equal to the committed tensor"
        return head + f"differs from the committed tensor by at most {self.largest:.3g}"


def build(progress: Callable[[str], object]) -> list[Difference]:
    """Train, write all files to the cache, and return their differences from the committed ones.

    progress: called with one line of text at a time. Raises `ImportError` naming what to install.
    """
    try:
        from suite.workloads import breast_cancer, digits, inputs

        started = time.perf_counter()
        progress("digits: training a channel-gated network (about 20 s on one core)")
        gated, accuracy = digits.make()
        seconds = time.perf_counter() - started
        progress(f"digits: {accuracy:.1%} of held-out images right after {seconds:.0f} s")
        progress("breast cancer: scoring every sample out of fold")
        scores = breast_cancer.make()
        given = inputs.make()
    except ImportError as missing:
        raise ImportError(
            f"training the workloads needs torch and scikit-learn ({missing}): "
            'install them with `pip install "cdfbench[workloads]"`, or use the committed tensors'
        ) from missing
    differences = []
    made = {"digits": gated, "breast_cancer": scores, "inputs": given}
    for file, tensors in made.items():
        path = store.cache_folder() / f"{file}.npz"
        store.write(path, tensors)
        progress(f"wrote {path}")
        differences += compare(file, tensors)
    for difference in differences:
        progress(str(difference))
    return differences


def compare(file: str, tensors: dict[str, np.ndarray]) -> list[Difference]:
    """Return the largest absolute difference of each tensor from the committed `file`."""
    path = store.COMMITTED / f"{file}.npz"
    committed = store.read(path) if path.is_file() else {}
    return [
        Difference(file, tensor, values.shape, _largest(values, committed.get(tensor)))
        for tensor, values in tensors.items()
    ]


def _largest(values: np.ndarray, committed: np.ndarray | None) -> float | None:
    if committed is None or committed.shape != values.shape:
        return None
    return float(np.abs(np.float64(values) - committed).max())
