"""Which versions of the packages that matter are installed."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Iterable

PACKAGES = ("torch", "jax", "jaxlib", "numpy", "scipy", "matplotlib", "pillow", "scikit-learn")


def installed(packages: Iterable[str] = PACKAGES) -> dict[str, str]:
    """Versions by package, of those that are there."""
    found = {}
    for name in packages:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found
