"""What every command shares: the application, its console, the options that several take."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False)
# Where nobody says how wide the page is, tables are written for 100 columns.
console = Console(highlight=False, width=None if sys.stdout.isatty() else 100)

Operators = Annotated[list[str], typer.Option("--operator", "-o", help="Operator; repeatable.")]
Implementations = Annotated[
    list[str],
    typer.Option("--implementation", "-i", help="Name, or path/to/your_file.py; repeatable."),
]
Cases = Annotated[list[str], typer.Option("--case", "-c", help="Case by name; repeatable.")]
Clocks = Annotated[
    list[str], typer.Option("--clock", help="wall, event or graph; repeatable, else all there are.")
]
Device = Annotated[str, typer.Option(help="auto, cpu or cuda.")]
Full = Annotated[bool, typer.Option("--full/--quick", help="All sizes, or minutes' worth.")]


def writable_folder(folder: Path | None) -> Path | None:
    """A folder that runs can be written to, made and absolute; workers stand elsewhere."""
    if folder is not None:
        folder = folder.resolve()
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise typer.BadParameter(f"{folder} cannot be made: {error.strerror}") from None
        if not os.access(folder, os.W_OK):
            raise typer.BadParameter(f"{folder} cannot be written to")
    return folder


Results = Annotated[
    Path, typer.Option("--results", help="Folder of runs.", callback=writable_folder)
]
Stored = Annotated[Path, typer.Option("--results", help="Folder of runs.")]
TimeLimit = Annotated[
    float,
    typer.Option(
        min=0,
        help="Seconds one item (a pass of a case, a yardstick, the probes) may take, its worker's "
        "start not counted; 0: 120, or 900 with --full.",
    ),
]
MemoryLimit = Annotated[float, typer.Option(min=0, help="GiB a worker may hold; 0: 4/5 of all.")]


def shown_path(path: Path) -> str:
    """Relative to where the user stands, if it is below."""
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)
