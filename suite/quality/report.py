"""The page of gradient quality."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from suite.quality.store import QualityRun


def write_page(results: Path) -> list[Path]:
    """Write the page of the newest run."""
    return []


def print_advice(run: QualityRun, console: Console) -> None:
    """Print what to use."""
