"""Where the tensors lie: the committed files, then the cache of this machine.

The committed files come first, so that every machine measures the same inputs whatever it could
train itself. Nothing but NumPy is imported here.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from functools import lru_cache
from importlib import metadata
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from suite import cache

HERE = Path(__file__).parent
COMMITTED = HERE / "data"
GENERATORS = ("digits.py", "breast_cancer.py", "inputs.py")
LIBRARIES = ("numpy", "scikit-learn", "torch")

# name -> (file, stored tensor, what it is)
CATALOGUE = MappingProxyType(
    {
        "digits_gates": (
            "digits",
            "gates",
            "(16, 1024) in [0, 1]: sigmoid gate x sample of a channel-gated network on digits",
        ),
        "digits_gate_logits": (
            "digits",
            "gate_logits",
            "(16, 1024): the same gates before their sigmoid",
        ),
        "digits_preactivations": (
            "digits",
            "preactivations",
            "(32, 512): pre-activations of the dense ReLU units x sample",
        ),
        "digits_activations": (
            "digits",
            "preactivations",
            "(32, 512), >= 0: the same units after their ReLU, tied at zero",
        ),
        "breast_cancer_signal_scores": (
            "breast_cancer",
            "signal_scores",
            "(8, 212) in [0, 1]: out-of-fold scores of malignant samples, 8 repeats",
        ),
        "breast_cancer_background_scores": (
            "breast_cancer",
            "background_scores",
            "(8, 357) in [0, 1]: out-of-fold scores of benign samples, 8 repeats",
        ),
        "breast_cancer_signal_logits": (
            "breast_cancer",
            "signal_logits",
            "(8, 212): the signal's scores before their sigmoid",
        ),
        "breast_cancer_background_logits": (
            "breast_cancer",
            "background_logits",
            "(8, 357): the background's scores before their sigmoid",
        ),
        "breast_cancer_signal_features": (
            "inputs",
            "signal_features",
            "(2, 212): mean radius and mean texture of the malignant samples",
        ),
        "breast_cancer_background_features": (
            "inputs",
            "background_features",
            "(2, 357): mean radius and mean texture of the benign samples",
        ),
        "digits_images": (
            "inputs",
            "images",
            "(64, 1797), 0 to 1: pixels of the digits, rows from the top",
        ),
        "digits_labels": ("inputs", "labels", "(1, 1797), 0 to 9: what the digits are"),
    }
)


class MissingWorkload(FileNotFoundError):
    """A workload is neither committed nor cached."""


def names() -> dict[str, str]:
    """Return every workload's name with its shape, domain and origin in one line."""
    return {name: description for name, (_, _, description) in CATALOGUE.items()}


def load(name: str) -> np.ndarray:
    """Return the workload `name` as a fresh, C-contiguous float32 array.

    Raises `ValueError` for an unknown name, `MissingWorkload` when its file is neither in the
    package nor in the cache.
    """
    if name not in CATALOGUE:
        raise ValueError(f"workload must be one of {', '.join(CATALOGUE)}, got {name!r}")
    file, tensor, _ = CATALOGUE[name]
    stored = read(_locate(file, name))[tensor]
    if name == "digits_activations":
        return np.maximum(stored, np.float32(0))
    return stored.copy()


def _locate(file: str, name: str) -> Path:
    for folder in (COMMITTED, cache_folder()):
        path = folder / f"{file}.npz"
        if path.is_file():
            return path
    raise MissingWorkload(
        f"workload {name!r} needs {file}.npz, which is neither in {COMMITTED} nor in "
        f"{cache_folder()}: run `make workloads` (it needs torch and scikit-learn)"
    )


@lru_cache
def read(path: Path) -> dict[str, np.ndarray]:
    """Return every tensor of one .npz file; pickled contents are refused."""
    with np.load(path, allow_pickle=False) as stored:
        return {tensor: stored[tensor] for tensor in stored.files}


def write(path: Path, tensors: dict[str, np.ndarray]) -> None:
    """Write float32 tensors to one compressed .npz, aside first, so no reader sees half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    narrow: dict[str, Any] = {tensor: np.float32(v) for tensor, v in tensors.items()}
    handle, aside = tempfile.mkstemp(dir=path.parent, prefix=path.stem, suffix=".partial")
    try:
        with os.fdopen(handle, "wb") as stream:
            np.savez_compressed(stream, **narrow)
        Path(aside).chmod(0o644)
        os.replace(aside, path)
    except BaseException:
        Path(aside).unlink(missing_ok=True)
        raise
    read.cache_clear()


def cache_folder() -> Path:
    """Return this machine's cache folder for the present generating code and libraries."""
    return cache.folder("workloads") / _key()


def versions() -> dict[str, str]:
    """Return the installed version of each library that shapes the tensors ("none" if absent)."""
    return {library: _version(library) for library in LIBRARIES}


def _version(library: str) -> str:
    try:
        return metadata.version(library)
    except metadata.PackageNotFoundError:
        return "none"


@lru_cache
def _key() -> str:
    digest = hashlib.sha256(repr(versions()).encode())
    for generator in GENERATORS:
        digest.update((HERE / generator).read_bytes())
    return digest.hexdigest()[:16]
